"""A platform that changes its answers is told by name, once; what it cost to read is read again once mended."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from scrapy.http import Response

from app import sources
from app.crawling import crawl
from app.demo.platform import LoopbackPlatform, serve
from app.demo.posts import synthetic
from app.home import Home, open_home
from app.reparsing import reparse
from core.causes import Cause
from core.coverage import Crawl
from core.drift import Cluster
from core.records import Coverage, Post, Watch
from core.shapes import shape_of
from crawler.platform import PlatformSpider
from crawler.spiders.mastodon import MastodonSpider
from store.coverage import save_crawl
from store.shapes import Place, learn_cycle
from tests.builders import NOW, brand, watch

TAG = "LoopbackBench"
TIMELINE = f"/api/v1/timelines/tag/{TAG}"
POSTS = 80


@contextmanager
def made(folder: Path) -> Iterator[tuple[Home, LoopbackPlatform]]:
    """A home that watches one tag of a platform with two pages of posts."""
    (folder / "media").mkdir()
    for name in ("dunes", "lighthouse", "birches", "aurora"):
        (folder / "media" / f"{name}.mp4").write_bytes(b"x")
    with serve(synthetic(POSTS, NOW), folder / "media") as site:
        text = f'allowed_hosts = ["{urlsplit(site.base_url).netloc}"]\n[crawl]\ndelay_s = 0\n'
        (folder / "clipwarden.toml").write_text(text)
        with open_home(folder, alone=True) as home:
            home.ledger.sync(brand(watch(TAG, site=site.base_url)))
            yield home, site


def cycle(home: Home, site: LoopbackPlatform) -> Crawl:
    """One crawl of the watch."""
    [ended] = crawl(home, [watch(TAG, site=site.base_url)])
    return ended


def body(home: Home) -> Any:
    """A page of posts as it came."""
    [row] = home.ledger.rows("SELECT sha256 FROM answers WHERE role = 'page' ORDER BY seen_at, sha256 LIMIT 1")
    return json.loads(home.blobs.get(row["sha256"]).read_bytes())


def teach(home: Home) -> None:
    """Twelve cycles in which the page looked like that: real crawls of it would take half a minute."""
    [row] = home.ledger.rows("SELECT platform, site, route, place FROM shapes WHERE place LIKE 'page %'")
    for _ in range(12):
        one = Cluster(watch=watch(TAG).id, shape=shape_of(body(home)), new=0.5)
        learn_cycle(home.ledger, Place(**row), [one], at=datetime.now(UTC))


def answer_with(site: LoopbackPlatform, items: Any, change: Callable[[dict[str, Any]], None]) -> None:
    """From now on the timeline's answers are changed ones."""
    for item in items:
        change(item)
    site.fault(TIMELINE, body=json.dumps(items).encode(), headers={"Content-Type": "application/json"}, times=99)


def test_renamed_field_is_told_once_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The crawl is sound, and says what is called otherwise now, once; the source's page shows it."""
    renamed = "[].spoiler_text vanished; [].content_warning appeared beside it"
    with made(tmp_path) as (home, site):
        cycle(home, site)
        teach(home)
        answer_with(site, body(home), lambda item: item.update(content_warning=item.pop("spoiler_text")))
        ended = cycle(home, site)
        said = capsys.readouterr().out
        [row] = sources.rows(home)

        assert ended.coverage is Coverage.OK
        assert (said.count(renamed), said.count("clipwarden reparse")) == (1, 1)
        assert [(alert.kind, alert.told) for alert in row.alerts] == [("renamed", renamed)]
        assert row.incident is None


class Mended(MastodonSpider):
    """The spider after somebody read the alert."""

    def read(self, response: Response, watch: Watch) -> Iterator[Any]:
        """As before, of a platform whose `uri` is called `link`."""
        yield from super().read(response.replace(body=response.body.replace(b'"link":', b'"uri":')), watch)


def test_what_a_broken_spider_missed_is_read_once_it_is_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is refused with the field's new name, kept whole, and read by the mended spider as it came then."""
    with made(tmp_path) as (home, site):
        cycle(home, site)
        teach(home)
        items, before = body(home), home.ledger.count("posts")

        def change(item: dict[str, Any]) -> None:
            item["id"] = str(int(item["id"]) + (1 << 40))
            item["link"] = item.pop("uri") + "9"

        answer_with(site, items, change)
        broken = cycle(home, site)
        [row] = sources.rows(home)
        still = reparse(home)
        monkeypatch.setattr("app.reparsing.platforms", lambda: {"mastodon": Mended})
        mended, again = reparse(home), reparse(home)
        seen = home.ledger.rows("SELECT seen_at FROM posts ORDER BY seen_at DESC LIMIT 1")[0]["seen_at"]

    assert (broken.coverage, broken.cause) == (Coverage.BLIND, Cause.CHANGED)
    assert [alert.told for alert in row.alerts] == ["[].uri vanished; [].link appeared beside it"]
    assert (still.new, list(still.unread.values())) == (0, [1])
    assert (before, mended.new, mended.unread) == (POSTS, len(items), {})
    assert (again.new, again.changed) == (0, 0)
    assert abs(datetime.fromisoformat(seen) - broken.finished_at) < timedelta(seconds=5)


class Shouting(MastodonSpider):
    """A spider that reads captions otherwise."""

    def read(self, response: Response, watch: Watch) -> Iterator[Any]:
        """As before, in capitals, and without numbers."""
        for result in super().read(response, watch):
            yield replace(result, text=result.text.upper()) if isinstance(result, Post) else result


class Bursting(MastodonSpider):
    """A spider with a mistake in it."""

    def read(self, response: Response, watch: Watch) -> Iterator[Any]:
        """Nothing."""
        raise KeyError(response.url, watch.id)


def everything(home: Home) -> dict[str, list[dict[str, Any]]]:
    """All that a reparse may touch."""
    tables = ("posts", "sightings", "removals", "work", "answers")
    return {name: home.ledger.rows(f"SELECT * FROM {name} ORDER BY 1, 2, 3") for name in tables}  # noqa: S608 - ours


def test_posts_are_updated_and_nothing_doubles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read otherwise is written and judged again; what was seen keeps its time; a second time changes none."""
    with made(tmp_path) as (home, site):
        cycle(home, site)
        home.ledger.db.execute("DELETE FROM work WHERE stage = 'find'")  # as if all had been judged
        before = everything(home)
        same, untouched = reparse(home), everything(home)
        spiders: dict[str, type[PlatformSpider]] = {"mastodon": Shouting}
        monkeypatch.setattr("app.reparsing.platforms", lambda: spiders)
        later = reparse(home, since=datetime.now(UTC) + timedelta(days=1))
        first = reparse(home, platform="mastodon")
        after = everything(home)
        second = reparse(home)
        spiders["mastodon"] = Bursting
        burst = reparse(home)

        assert (same.posts, same.new, same.changed, same.unread) == (POSTS, 0, 0, {})
        assert untouched == before
        assert (later.answers, first.changed, second.changed) == (0, POSTS, 0)
        assert {row["text"] for row in after["posts"]} == {row["text"].upper() for row in before["posts"]}
        assert [after[name] for name in ("sightings", "answers")] == [before[name] for name in ("sightings", "answers")]
        assert len([row for row in after["work"] if row["stage"] == "find"]) == POSTS
        assert list(burst.unread) == [why for why in burst.unread if "the spider broke, KeyError" in why]
        assert everything(home) == after


def test_watch_that_brings_far_less_is_suspected_not_blind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two weeks of forty posts a day, then none: told with the numbers, once; the source still sees."""
    with open_home(tmp_path, alone=True) as home:
        mine, now = watch(), datetime.now(UTC)
        home.ledger.sync(brand(mine))
        for day in range(15):
            at = now - timedelta(days=day, minutes=1)
            fresh = 0 if day == 0 else 40 + day % 3
            ended = Crawl(
                watch=mine.id, started_at=at, finished_at=at, coverage=Coverage.OK, ground=True, posts=40, fresh=fresh
            )
            save_crawl(home.ledger, ended)
        ended = replace(ended, finished_at=now, fresh=0)
        for _ in range(2):
            sources.note_cycles(home, [mine], [ended])
        [row] = sources.rows(home)

    assert capsys.readouterr().out.count("used to bring 41 posts a day and brought 0 in 24 h") == 1
    assert ([alert.kind for alert in row.alerts], row.incident) == (["volume"], None)


def test_every_alert_has_a_next_step() -> None:
    """No change is told without what to do about it."""
    assert set(sources.NEXT_FOR) == {"vanished", "renamed", "retyped", "fewer", "value", "volume"}
