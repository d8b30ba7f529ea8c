"""Every spider reads its frozen answers as a person has read them.

A fixture is an answer as it came (NAME.json or NAME.html) with NAME.yml beside it. The first run
writes what the spider made of it to NAME.posts.json.unread and fails; a person reads it, drops the
".unread", and from then on any other reading fails.
"""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from scrapy import Request
from scrapy.http import HtmlResponse, Response

from core.errors import PageChanged, SourceBlind
from core.records import Post, Presence, Removal, Watch, WatchKind
from crawler.crawl import platforms
from crawler.platform import PlatformSpider
from crawler.table import page

FROZEN = Path(__file__).parent / "fixtures" / "platforms"
ANSWERS = sorted(path for path in FROZEN.glob("*/*.yml"))
SPIDERS = platforms()


def frozen(meta_path: Path) -> tuple[PlatformSpider, Watch, Response, dict[str, Any]]:
    """A spider and one of its frozen answers, as Scrapy would hand it over."""
    meta = yaml.safe_load(meta_path.read_text(encoding="utf-8"))
    body_path = next(
        path
        for path in meta_path.parent.glob(f"{meta_path.stem}.*")
        if path.suffix in {".json", ".html", ".xml"} and ".posts" not in path.name
    )
    spider = SPIDERS[meta_path.parent.name](page_budget=50, route=meta.get("route", "api"))
    spider.secret = {secret.name: f"test-{secret.name.lower()}" for secret in spider.secrets}
    asked = meta.get("watch", {"kind": "hashtag", "query": "tag", "site": "https://site.example"})
    watch = Watch(
        id="w",
        brand="b",
        platform=spider.name,
        site=asked["site"],
        kind=WatchKind(asked["kind"]),
        query=asked["query"],
        every_s=3600,
    )
    expects = {".json": "json", ".html": "html", ".xml": "xml"}[body_path.suffix]
    expects = meta.get("expects", expects)  # what was asked for, where a page came instead
    request = Request(meta["url"], meta={"role": meta.get("role", "page"), "expects": expects} | meta.get("meta", {}))
    response = HtmlResponse(
        meta["url"],
        status=meta.get("status", 200),
        headers=meta.get("headers", {}),
        body=body_path.read_bytes(),
        encoding="utf-8",
        request=request,
    )
    return spider, watch, response, meta


def told(spider: PlatformSpider, watch: Watch, response: Response) -> dict[str, Any]:
    """What the spider reads, as plain data."""
    try:
        spider.refuse(response, response.meta["role"])
        results = list(spider.read(response, watch))
    except PageChanged as error:
        return {"error": "PageChanged", "message": str(error)}
    except SourceBlind as error:
        shown = spider.seen_gone(response)
        proof = {} if shown is Presence.UNCLEAR else {"presence": str(shown)}
        return {"error": "SourceBlind", "cause": error.cause, "message": str(error)} | proof
    read: dict[str, Any] = {
        "posts": [asdict(result) for result in results if isinstance(result, Post)],
        "removals": [asdict(result) for result in results if isinstance(result, Removal)],
        "asks": [_asked(result) for result in results if isinstance(result, Request)],
        "presence": spider.seen_gone(response),
    }
    return json.loads(json.dumps({key: read[key] for key in read if key != "removals" or read[key]}, default=str))


def _asked(request: Request) -> str:
    """A question as a line: its role, its address, what it sends and what it costs."""
    sent = [request.body.decode()] if request.body else []
    costs = [f"spends {request.meta['spends']}"] if request.meta["spends"] else []
    return " ".join([request.meta["role"], request.url, *sent, *costs])


@pytest.mark.parametrize("meta_path", ANSWERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_spider_reads_frozen_answer(meta_path: Path) -> None:
    """A spider reads each frozen answer exactly as a person has confirmed."""
    spider, watch, response, _ = frozen(meta_path)
    expected = meta_path.with_suffix(".posts.json")
    reading = told(spider, watch, response)
    if not expected.exists():
        unread = expected.with_name(expected.name + ".unread")
        unread.write_text(json.dumps(reading, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        pytest.fail(f"recorded {unread.name}; read it, then rename it to {expected.name}")

    assert reading == json.loads(expected.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(SPIDERS))
def test_platform_has_frozen_answers(name: str) -> None:
    """No platform is without an answer that its spider is held to."""
    assert [path for path in ANSWERS if path.parent.name == name]


@pytest.mark.parametrize("meta_path", ANSWERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_missing_field_is_named(meta_path: Path) -> None:
    """Whichever needed field goes from a JSON answer, the error names it; no post is dropped in silence.

    `may_lack` in the .yml names what the official schema leaves out where a post has none of it (attachments).
    """
    spider, watch, response, meta = frozen(meta_path)
    whole = told(spider, watch, response)
    if "error" in whole or not whole["posts"] or not response.url or response.body[:1] not in b"[{":
        return
    data = json.loads(response.body)
    unnamed = []
    for path in (path for path in _paths(data) if path[-1] not in meta.get("may_lack", ())):
        kept = told(spider, watch, response.replace(body=json.dumps(_without(data, path)).encode()))
        fewer = len(kept.get("posts", ())) < len(whole["posts"])
        if "error" not in kept and fewer:
            unnamed.append(path)
        if "error" in kept and str(path[-1]) not in kept["message"]:
            unnamed.append(path)

    assert unnamed == []


def _paths(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every key of the answer, those inside the first item of a list too."""
    if isinstance(data, dict):
        return [path for key, value in data.items() for path in [(*at, key), *_paths(value, (*at, key))]]
    return _paths(data[0], (*at, 0)) if isinstance(data, list) and data else []


def _without(data: Any, path: tuple[Any, ...]) -> Any:
    copy = json.loads(json.dumps(data))
    place = copy
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return copy


@pytest.mark.parametrize("name", sorted(SPIDERS))
@pytest.mark.parametrize("status", [404, 410, 401, 403, 429, 500, 200])
def test_presence_needs_proof(name: str, status: int) -> None:
    """Only 404 and 410 say gone; an empty 200, a block or an error says nothing about a post."""
    shown = SPIDERS[name].seen_gone(HtmlResponse("https://site.example/p/1", status=status, body=b"<html></html>"))

    assert (shown is Presence.GONE) == (status in {404, 410})
    assert shown is not Presence.UP


def test_page_of_platforms_is_what_the_spiders_say() -> None:
    """docs/platforms.md is made from the spiders: `python -m crawler.table > docs/platforms.md` mends it."""
    kept = (Path(__file__).parents[1] / "docs" / "platforms.md").read_text(encoding="utf-8")

    assert kept == page(SPIDERS)


@pytest.mark.parametrize("name", sorted(SPIDERS))
def test_platform_says_what_it_is(name: str) -> None:
    """Every fact is filled, with the day it was read; a spider that is paid for has a cap."""
    facts = asdict(SPIDERS[name].facts)

    assert all(facts.values())
    assert date.fromisoformat(facts["as_of"])
    assert all(allowance.most > 0 for allowance in SPIDERS[name].allowances)


@pytest.mark.parametrize("meta_path", ANSWERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_frozen_answer_keeps_the_official_schema(meta_path: Path) -> None:
    """An answer that names a schema is one its official document allows."""
    meta = yaml.safe_load(meta_path.read_text(encoding="utf-8"))
    if "schema" not in meta:
        return
    name, _, place = meta["schema"].partition("#")
    whole = json.loads((FROZEN.parent / "schemas" / name).read_text(encoding="utf-8"))
    body = json.loads(meta_path.with_suffix(".json").read_text(encoding="utf-8"))
    found = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:120]}"
        for error in Draft202012Validator({"$ref": f"#{place}"} | whole).iter_errors(body)
    ]

    assert found == []
