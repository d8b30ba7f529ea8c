"""A platform made of a spider's own frozen answers: whatever is asked, the nearest of them is given.

So a spider that is added with its frozen answers is drilled without a line written for it. Where one address has
several answers that are read, the one whose .yml says `usual: true` is what a platform that is well gives.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml
from scrapy import Request
from scrapy.http import HtmlResponse, Response

from app.sources import KEYLESS
from core.causes import Cause
from core.records import Watch
from crawler.platform import PlatformSpider
from tests.test_platforms import FROZEN, SPIDERS, frozen

ALLOWED = b"User-agent: *\nDisallow: /admin\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A frozen answer, and what a person confirmed of it.

    cause   how it is named when it is refused; None for one that is read
    posts   what it holds or leads to
    onward  whether it leads to another page
    usual   whether it is what is given where there are several
    """

    name: str
    route: str
    role: str
    expects: str
    watch: Watch
    response: Response
    cause: str | None
    posts: frozenset[str]
    onward: bool
    usual: bool

    @property
    def is_empty(self) -> bool:
        """A page that says "no posts", and asks for no other page."""
        return self.role == "page" and self.cause is None and not self.posts and not self.onward


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A spider on one of its routes, with a watch that its frozen answers have posts for."""

    spider: type[PlatformSpider]
    route: str
    watch: Watch
    answers: tuple[Answer, ...]

    @property
    def name(self) -> str:
        """ "reddit", or "reddit/feed" where a platform has more routes than one."""
        routes = {answer.route for answer in answers_of(self.spider.name) if answer.posts}
        return self.spider.name if len(routes) == 1 else f"{self.spider.name}/{self.route}"

    @property
    def secret(self) -> dict[str, str]:
        """The credentials that are given on this route."""
        if self.route in KEYLESS:
            return {}
        return {one.name: f"test-{one.name.lower()}" for one in self.spider.secrets}

    @property
    def first_page(self) -> Answer:
        """The page of its watch with the most on it."""
        return _best([one for one in self.answers if one.route == self.route and one.watch == self.watch])


@cache
def answers_of(name: str) -> tuple[Answer, ...]:
    """All frozen answers of a spider."""
    return tuple(_answer(path) for path in sorted((FROZEN / name).glob("*.yml")))


def _answer(path: Path) -> Answer:
    spider, watch, response, _ = frozen(path)
    meta = yaml.safe_load(path.read_text(encoding="utf-8"))
    recorded = path.with_suffix(".posts.json")
    read: dict[str, Any] = json.loads(recorded.read_text(encoding="utf-8")) if recorded.exists() else {}
    asks = read.get("asks", [])
    cause = {"PageChanged": Cause.CHANGED, "SourceBlind": read.get("cause")}.get(read.get("error", ""))
    return Answer(
        name=path.stem,
        route=meta.get("route", spider.routes[0]),
        role=response.meta["role"],
        expects=response.meta["expects"],
        watch=watch,
        response=response,
        cause=cause,
        posts=frozenset(
            [one["id"] for one in read.get("posts", ())] + [ask for ask in asks if ask.startswith("detail ")]
        ),
        onward=any(ask.startswith("page ") for ask in asks),
        usual=meta.get("usual", False),
    )


def sources() -> Iterator[Source]:
    """Every spider on every route it has answers for."""
    for name in sorted(SPIDERS):
        answers = answers_of(name)
        for route in dict.fromkeys(answer.route for answer in answers):
            own = [answer for answer in answers if answer.route == route]
            if any(answer.role == "page" and answer.posts for answer in own):
                yield Source(spider=SPIDERS[name], route=route, watch=_best(own).watch, answers=answers)


def _best(answers: Sequence[Answer]) -> Answer:
    """The page with the most on it, and one that leads on if there is such."""
    pages = [answer for answer in answers if answer.role == "page" and answer.cause is None and answer.posts]
    return max(pages, key=lambda one: (one.onward, len(one.posts)))


class Replica:
    """Answers as the platform does: its first page first, then the others, then nothing more.

    quiet  ids of the watches that have no posts here
    """

    def __init__(self, source: Source, quiet: frozenset[str] = frozenset()) -> None:
        self.source, self.quiet = source, quiet
        self.robots, self.all_have_posts, self.asked = ALLOWED, False, set[str]()
        # How it is asked: for what is booked, by yt-dlp, after robots.txt, for more pages; and whether it said why not.
        self.spends = self.listed = self.obeys = self.turns = self.struck = False
        self.begin()

    def begin(self) -> None:
        """A new crawl: whoever asks begins at the first page."""
        self._given: dict[str, dict[str, Answer]] = {}  # run -> address -> what was given there last

    def healthy(self, request: Request, *, empty: bool = False, again: bool = False) -> Response:
        """The answer of a platform that is well.

        empty  whether it says that it has no posts, to everyone
        again  whether each page is as the first one
        """
        if urlsplit(request.url).path == "/robots.txt":
            self.obeys = True
            return HtmlResponse(request.url, body=self.robots, request=request)
        self.spends |= bool(request.meta["spends"])
        self.listed |= bool(request.meta.get("listing"))
        run, role = request.meta["watch"], request.meta["role"]
        given, path = self._given.setdefault(run, {}), urlsplit(request.url).path
        if role == "page" and run == "main" and not given:
            self.asked.add(request.url)
        empty |= not self.all_have_posts and (run in self.quiet or self._is_made_up(run))
        found = self._nearest(request, list(given.values()), empty=empty)
        if again and role == "page" and path in given:
            found = given[path]
        if found is None:
            return _answered(request, b"{}" if request.meta["expects"] == "json" else b"<html></html>")
        self.turns |= role == "page" and any(one.posts for one in given.values() if one.role == "page")
        ended = role == "page" and not again and _is_old(found, given.values())
        given[path if again else f"{path} {len(given)}"] = found
        body = found.response.body
        if role == "page" and (empty or ended) and not found.is_empty:
            body = emptied(body, found.expects)
        if request.meta.get("listing"):  # yt-dlp's answers say what was asked
            body = json.dumps(json.loads(body) | {"asked": json.loads(request.body)}).encode()
        headers = {} if empty else dict(found.response.headers)
        return _answered(request, body, status=found.response.status, headers=headers)

    def _is_made_up(self, run: str) -> bool:
        """Whether it is a canary that must bring none."""
        kind, _, number = run.rpartition(":")
        return kind.startswith("canary:") and not self.source.spider.canaries[int(number)].hits

    def _nearest(self, request: Request, given: Sequence[Answer], *, empty: bool) -> Answer | None:
        role, expects = request.meta["role"], request.meta["expects"]
        well = [answer for answer in self.source.answers if answer.cause is None and answer.expects == expects]
        pool = [answer for answer in well if answer.role == role]
        if role == "step":  # on the way, or a page that is asked for again
            pool = [answer for answer in well if _last(answer.response.url) == _last(request.url)]
        first = self.source.first_page.name

        def nearness(answer: Answer) -> tuple[float, ...]:
            alike, new = _alike(answer.response.url, request.url), not _is_old(answer, given)
            return (
                # JSON can be emptied, and is by its own shape; a page of HTML cannot.
                *((answer.is_empty, alike) if empty and expects == "html" else (alike, empty and answer.is_empty)),
                answer.route == self.source.route,
                answer.usual or (answer.name == first and new),
                new,
                bool(answer.posts),
                -len(_asked(answer.response.url) ^ _asked(request.url)),
                answer.onward,
            )

        return max(pool, key=nearness, default=None)


def _is_old(answer: Answer, given: Iterable[Answer]) -> bool:
    """Whether it was given before, or another with the same posts."""
    return any(answer.name == one.name or (answer.posts and answer.posts <= one.posts) for one in given)


def _answered(request: Request, body: bytes, *, status: int = 200, headers: dict[str, Any] | None = None) -> Response:
    return HtmlResponse(request.url, status, headers or {}, body, encoding="utf-8", request=request)


def _alike(one: str, other: str) -> int:
    """How many parts of two paths are the same, and at the same place."""
    parts = zip(urlsplit(one).path.split("/"), urlsplit(other).path.split("/"), strict=False)
    return sum(left == right for left, right in parts)


def _last(url: str) -> str:
    return urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1]


def _asked(url: str) -> set[tuple[str, str]]:
    return set(parse_qsl(urlsplit(url).query))


# -------------------------------------------------------------------- changed
NUMBERS = re.compile(r"(?:total|count)", re.IGNORECASE)
CURSORS = re.compile(r"(?:after|before|next|cursor|token|more)", re.IGNORECASE)


def emptied(body: bytes, expects: str) -> bytes:
    """A page of posts as one without any: its lists and counts emptied, and no next page; a page of HTML stays."""
    if expects == "xml":
        return re.sub(rb"<entry>.*?</entry>", b"", body, flags=re.DOTALL)
    return json.dumps(_without_posts(json.loads(body))).encode() if expects == "json" else body


def _without_posts(data: Any, name: str = "") -> Any:
    if isinstance(data, list):
        return []
    if isinstance(data, dict):
        kept = {key: _without_posts(value, key) for key, value in data.items()}
        return {key: kept[key] for key in kept if not CURSORS.search(key) or isinstance(kept[key], bool | dict | list)}
    if isinstance(data, bool):
        return False if CURSORS.search(name) else data
    return 0 if isinstance(data, int) and NUMBERS.search(name) else data


def without(body: bytes, path: tuple[Any, ...]) -> bytes:
    """JSON with one place of it taken away; at each item of a list, where the path goes through one."""

    def cut(data: Any, steps: tuple[Any, ...]) -> None:
        for place in data if isinstance(data, list) else [data]:
            if isinstance(place, list):
                cut(place, steps)
            elif isinstance(place, dict) and len(steps) == 1:
                place.pop(steps[0], None)
            elif isinstance(place, dict) and steps[0] in place:
                cut(place[steps[0]], steps[1:])

    data = json.loads(body)
    cut(data, path)
    return json.dumps(data).encode()


def renamed(body: bytes, name: str) -> bytes:
    """A page with one name in it (of a field, a tag, a class) changed wherever it stands."""
    return re.sub(rb"(?<![\w-])" + re.escape(name.encode()) + rb"(?![\w-])", name.encode() + b"_v2", body)


def paths(data: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every field of JSON, lists gone through as if they were not there."""
    if isinstance(data, list):
        for item in data[:1]:
            yield from paths(item, at)
    elif isinstance(data, dict):
        for key, value in data.items():
            yield (*at, key)
            yield from paths(value, (*at, key))


def names(body: bytes) -> list[str]:
    """What a page is made of, by name: JSON's fields, XML's tags, HTML's classes and ids."""
    text = body.decode("utf-8", "replace")
    found = re.findall(r'\\?"(\w[\w.-]{1,60})\\?"\s*:', text)
    if text.lstrip()[:1] == "<":
        found += re.findall(r"<([a-z][\w:]{2,40})", text)
        found += [one for group in re.findall(r'(?:class|id)="([^"]{1,200})"', text) for one in group.split()]
    return list(dict.fromkeys(found))


def as_watch(answer: Answer, **changes: Any) -> Watch:
    """The watch of a frozen answer, changed."""
    return replace(answer.watch, **changes)
