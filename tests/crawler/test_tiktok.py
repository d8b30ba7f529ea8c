"""TikTok's interfaces: a token for all watches, dates that the platform takes, ids that fit the page's."""

import json
from datetime import date, timedelta
from urllib.parse import parse_qs

import pytest
from scrapy import Request
from scrapy.http import TextResponse

from core.errors import PageChanged
from core.records import Coverage, WatchKind
from crawler.fields import Fields
from crawler.platform import now
from crawler.runs import WatchRun
from crawler.spiders.tiktok import TiktokSpider, video_of
from tests.builders import watch

TAG = watch("#TheHollowChoir", platform="tiktok", site="")


def spider(route: str = "research", *, days: float | None = None) -> TiktokSpider:
    """One whose watch was last crawled soundly some days ago, or never."""
    ground = now() - timedelta(days=days) if days is not None else None
    made = TiktokSpider(route=route, runs={TAG.id: WatchRun(watch=TAG, ground_at=ground, started_at=now())})
    made.secret = {"TIKTOK_CLIENT_KEY": "key", "TIKTOK_CLIENT_SECRET": "hidden"}
    return made


def test_token_is_made_once_for_all_watches() -> None:
    """The first watch asks for a token, with the secret in the body; the next uses it."""
    crawler = spider()
    [step] = crawler.requests(TAG)
    token = TextResponse(step.url, body=b'{"access_token": "clt.x"}', encoding="utf-8", request=step)
    [first] = [one for one in crawler.read(token, TAG) if isinstance(one, Request)]
    [second] = crawler.requests(TAG)

    assert parse_qs(step.body.decode())["client_secret"] == ["hidden"]
    assert (first.meta["role"], second.meta["role"]) == ("page", "page")
    assert (first.headers["Authorization"], first.body) == (b"Bearer clt.x", second.body)


@pytest.mark.parametrize(("days", "asked", "whole"), [(None, 29, True), (1, 3, True), (26, 28, True), (60, 29, False)])
def test_dates_reach_back_to_known_ground(days: float | None, asked: int, *, whole: bool) -> None:
    """Two days more than since the last crawl, as videos are found late; never the 31 days that are refused."""
    crawler = spider(days=days)
    [step] = crawler.requests(TAG)
    body = step.meta["asked"]["body"]
    since, until = (date.fromisoformat(body[name]) for name in ("start_date", "end_date"))
    run = crawler.runs[TAG.id]
    run.pages = 1

    assert (until - since).days == asked
    assert (run.outcome(now()).coverage is Coverage.OK) == whole


@pytest.mark.parametrize(
    ("route", "kind", "field"),
    [
        ("research", WatchKind.HASHTAG, "hashtag_name"),
        ("research", WatchKind.KEYWORD, "keyword"),
        ("research", WatchKind.ACCOUNT, "username"),
        ("commercial", WatchKind.KEYWORD, "search_term"),
        ("commercial", WatchKind.ACCOUNT, "creator_usernames"),
    ],
)
def test_each_kind_is_asked_by_its_own_field(route: str, kind: WatchKind, field: str) -> None:
    """A hashtag is no keyword, and an ad has no hashtag."""
    asked = watch("@loop" if kind is WatchKind.ACCOUNT else "loop", platform="tiktok", site="", kind=kind)
    [step] = spider(route).requests(asked)
    body = json.dumps(step.meta["asked"]["body"])

    assert field in body
    assert "@" not in body


def video(**changes: object) -> Fields:
    """A video of the Research API."""
    data = {"id": 7570000000000000001, "username": "loop", "video_description": "x", "create_time": 1763600000}
    return Fields(data | changes, where="answer")


def test_number_and_text_are_one_id() -> None:
    """The reference shows a number, some answers a text: the post is the same, and the page's too."""
    assert video_of(video()).id == video_of(video(id="7570000000000000001")).id == "tiktok:7570000000000000001"


@pytest.mark.parametrize(
    ("field", "value"),
    [("id", "../../x"), ("id", "٣"), ("create_time", -1), ("create_time", 1e300), ("username", None)],
)
def test_hostile_field_is_named(field: str, value: object) -> None:
    """An id that is no number, a time that is none: an error with the field's name."""
    with pytest.raises(PageChanged, match=field):
        video_of(video(**{field: value}))
