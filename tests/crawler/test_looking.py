"""The sample of answers that is looked at, and what is noted of those that posts came from."""

from pathlib import Path

from scrapy import Request
from scrapy.http import TextResponse

from core.records import Watch
from crawler import looking
from crawler.facts import Canary
from crawler.runs import WatchRun
from crawler.spiders.mastodon import MastodonSpider
from store.blobs import Blobs
from tests.builders import NOW, watch

TOKEN = "s3cr3t-t0ken"  # noqa: S105 - made up


def run(of: Watch | None = None, canary: Canary | None = None) -> WatchRun:
    """A run of a watch."""
    return WatchRun(watch=of or watch(), ground_at=None, started_at=NOW, canary=canary)


def answer(body: bytes = b'[{"id": "1"}]', *, url: str = "https://site.example/api", **meta: object) -> TextResponse:
    """An answer as Scrapy gives it."""
    asked = Request(url, meta={"role": "page", "expects": "json", "watch": "w", "download_slot": "s"} | meta)
    return TextResponse(url, body=body, headers={"Link": f"<{url}>", "Set-Cookie": "a=b"}, request=asked)


def test_first_and_every_twentieth_are_looked_at() -> None:
    """Of 45 answers, three."""
    mine = run()
    for _ in range(45):
        looking.look(mine, answer(), posts=1, new=1)
    [seen] = mine.looks.values()

    assert (seen.answers, seen.shape.nodes[""].total, seen.posts) == (45, 3, 3)


def test_pages_canaries_and_nonsense_are_not_looked_at() -> None:
    """HTML has no shape, a canary is not the watch's, and what is no JSON costs nothing but its reading."""
    mine, tried = run(), run(canary=MastodonSpider.canaries[0])
    looking.look(mine, answer(b"<html>", expects="html"), posts=0, new=0)
    looking.look(tried, answer(), posts=1, new=1)
    looking.look(mine, answer(b"[" * 100_000), posts=0, new=0)
    looking.look(mine, answer(b"\xff\xfe{"), posts=0, new=0)

    assert tried.looks == {}
    assert [seen.shape.nodes for seen in mine.looks.values()] == [{}]


def test_kinds_of_questions_are_bounded() -> None:
    """Whatever addresses a platform leads to."""
    mine = run()
    for number in range(100):
        letters = "".join(chr(97 + int(digit)) for digit in str(number))
        looking.look(mine, answer(url=f"https://site.example/{letters}"), posts=1, new=1)

    assert len(mine.looks) == looking.MOST_PLACES


def test_credential_is_in_no_note_of_an_answer(tmp_path: Path) -> None:
    """Masked in address, headers and what the spider gave along; what is Scrapy's own is left out."""
    spider = MastodonSpider()
    spider.secret, spider.blobs = {"KEY": TOKEN}, Blobs(tmp_path / "blobs", tmp_path / "tmp")
    url = f"https://site.example/api?api_key={TOKEN}"
    kept = looking.keep(spider, run(), answer(url=url, asked={"token": TOKEN, "page": 2}, strange=object()))

    assert TOKEN not in repr(kept)
    assert kept.meta == {"asked": {"token": "[secret]", "page": 2}}
    assert set(kept.headers) == {"Link"}
    assert spider.blobs.get(kept.sha256).read_bytes() == b'[{"id": "1"}]'


def test_few_unreadable_answers_are_kept(tmp_path: Path) -> None:
    """A crawl whose every answer broke keeps three of them whole, and none of a step."""
    spider, mine = MastodonSpider(), run()
    spider.blobs = Blobs(tmp_path / "blobs", tmp_path / "tmp")
    looking.look_at_broken(spider, mine, answer(role="step"))
    for _ in range(10):
        looking.look_at_broken(spider, mine, answer())

    assert [one.role for one in mine.unread] == ["page"] * looking.MOST_UNREAD
