"""Lemmy: what is asked of each version, which names are names, which links are clips, and what proves a removal."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from scrapy import Request
from scrapy.http import TextResponse

from core.causes import Cause
from core.errors import SourceBlind
from core.records import Post, Presence, WatchKind
from crawler.fields import Fields
from crawler.runs import WatchRun
from crawler.spiders.lemmy import LemmySpider, post_of
from tests.builders import NOW, watch

FROZEN = Path(__file__).parents[1] / "fixtures" / "platforms" / "lemmy"
PAGE = "https://lemmy.example/api/v3/search?q=x&page=1&limit=5"


def asked(body: object, url: str = PAGE, *, status: int = 200) -> TextResponse:
    """An answer to what the spider asked."""
    request = Request(url, meta={"role": "page", "expects": "json", "languages": {}})
    return TextResponse(url, status=status, body=json.dumps(body).encode(), encoding="utf-8", request=request)


def item(**changes: object) -> Fields:
    """The first post of the frozen search, changed."""
    kept = json.loads((FROZEN / "v3_search_page1.json").read_bytes())["posts"][0]
    kept["post"] |= changes
    return Fields(kept, where=PAGE)


@pytest.mark.parametrize("query", ["", "a b", "../site", "!", "@x@y@z", "https://lemmy.example/u/x"])
def test_account_name_cannot_leave_its_place(query: str) -> None:
    """What is no name of a person or community is the brand file's mistake, said so, and never asked."""
    with pytest.raises(SourceBlind) as told:
        list(LemmySpider().requests(watch(query, platform="lemmy", kind=WatchKind.ACCOUNT)))

    assert told.value.cause == Cause.OURS


@pytest.mark.parametrize(
    ("changes", "clips"),
    [
        ({"url": "https://x.example/v", "url_content_type": "video/webm"}, ["https://x.example/v"]),
        ({"url": "https://x.example/clip.MOV?download=1"}, ["https://x.example/clip.MOV?download=1"]),
        ({"url": "https://i.imgur.com/a.gifv"}, ["https://i.imgur.com/a.gifv"]),
        ({"url": "https://i.imgur.com/a.png"}, []),
        ({"url": "https://x.example/mp4"}, []),
        ({"url": "https://[x/a.mp4"}, []),
        ({"body": "https://x.example/a.mp4 " * 3 + "https://x.example/b.mp4"}, ["a.mp4", "b.mp4"]),
        ({"body": " ".join(f"https://x.example/{number}.mp4" for number in range(500))}, range(8)),
        ({"body": "https://" + "x" * 1_000_000}, []),
    ],
)
def test_clip_is_told_by_its_address_or_its_type(changes: dict[str, object], clips: list[str]) -> None:
    """Files, and pages of sites made for clips; a text that names hundreds costs no more than a few."""
    found = list(post_of(item(**{"url": None, "url_content_type": None} | changes), v4=False, languages={}))
    urls = [one.renditions[0].url for post in found if isinstance(post, Post) for one in post.attachments]

    assert len(urls) == len(clips)
    assert all(str(clip) in url for clip, url in zip(clips, urls, strict=True))


def test_page_without_clips_ends_where_history_is_known() -> None:
    """A community of texts is not read to its beginning each time, only to where the last crawl began."""
    spider, own = LemmySpider(), watch("x", platform="lemmy", kind=WatchKind.KEYWORD)
    body = json.loads((FROZEN / "v3_search_page1.json").read_bytes())
    asks = []
    for ground in (NOW - timedelta(days=9), NOW + timedelta(days=9)):
        spider.runs = {own.id: WatchRun(watch=own, ground_at=ground, started_at=NOW)}
        asks.append([one for one in spider.read(asked(body), own) if isinstance(one, Request)])

    assert [len(each) for each in asks] == [1, 0]


@pytest.mark.parametrize(
    ("status", "body", "shown"),
    [
        (200, {"post_view": {"post": {"ap_id": "https://x.example/post/1", "removed": True}}}, Presence.GONE),
        (200, {"post_view": {"post": {"ap_id": "https://x.example/post/1", "deleted": True}}}, Presence.GONE),
        (200, {"post_view": {"post": {"ap_id": "https://x.example/post/1", "deleted": False}}}, Presence.UP),
        (200, {"post_view": {"post": None}}, Presence.UNCLEAR),
        (400, {"error": "couldnt_find_post"}, Presence.GONE),
        (400, {"error": "instance_is_private"}, Presence.UNCLEAR),
        (400, {"error": "rate_limit_error"}, Presence.UNCLEAR),
    ],
)
def test_only_the_platforms_word_says_that_a_post_is_gone(status: int, body: object, shown: Presence) -> None:
    """Removed, deleted or not found is gone; a closed or busy instance says nothing."""
    assert LemmySpider.seen_gone(asked(body, "https://x.example/api/v3/post?id=1", status=status)) is shown
