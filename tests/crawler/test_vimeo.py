"""Vimeo: what is asked, with what, and what an answer about one video shows."""

import json

import pytest
from scrapy.http import TextResponse

from core.causes import Cause
from core.errors import SourceBlind
from core.records import Presence, WatchKind
from crawler.spiders.vimeo import VimeoSpider
from tests.builders import watch

API = "https://api.vimeo.com"


@pytest.mark.parametrize(
    ("kind", "query", "path", "words"),
    [
        (WatchKind.HASHTAG, "#HollowChoir", "/videos?", "query=HollowChoir"),
        (WatchKind.KEYWORD, "hollow choir & more", "/videos?", "query=hollow+choir+%26+more"),
        (WatchKind.ACCOUNT, "@loopmaker", "/users/loopmaker/videos?", ""),
        (WatchKind.ACCOUNT, "152184", "/users/152184/videos?", ""),
        (WatchKind.ACCOUNT, "channels/choirfans", "/channels/choirfans/videos?", ""),
        (WatchKind.ACCOUNT, "https://vimeo.com/channels/choirfans/", "/channels/choirfans/videos?", ""),
    ],
)
def test_watch_has_its_own_list(kind: WatchKind, query: str, path: str, words: str) -> None:
    """Words, a user's videos or a channel's; only the fields that are read, and the token in a header alone."""
    spider = VimeoSpider()
    spider.secret = {"VIMEO_TOKEN": "top-secret"}
    [request] = spider.requests(watch(query, platform="vimeo", site="", kind=kind))

    assert request.url.startswith(f"{API}{path}fields=uri%2Cname")
    assert request.url.endswith(words)
    assert request.headers["Authorization"] == b"bearer top-secret"
    assert "top-secret" not in request.url


@pytest.mark.parametrize("query", ["", "a b", "../me", "channels/../me", "users/x/likes", "me/videos?x=1"])
def test_account_name_cannot_leave_its_place(query: str) -> None:
    """What is no user nor channel is the brand file's mistake, said so, and never asked."""
    with pytest.raises(SourceBlind) as told:
        list(VimeoSpider().requests(watch(query, platform="vimeo", site="", kind=WatchKind.ACCOUNT)))

    assert told.value.cause == Cause.OURS


@pytest.mark.parametrize(
    ("status", "body", "shown"),
    [
        (200, {"uri": "/videos/1", "privacy": {"view": "anybody"}}, Presence.UP),
        (200, {"uri": "/videos/1", "privacy": {"view": "unlisted"}}, Presence.UP),
        (200, {"uri": "/videos/1", "privacy": {"view": "nobody"}}, Presence.PRIVATE),
        (200, {"uri": "/videos/1", "privacy": {"view": "password"}}, Presence.PRIVATE),
        (200, {"error": "Something strange occurred. Please try again."}, Presence.UNCLEAR),
        (403, {"error": "You do not have permission"}, Presence.PRIVATE),
        (404, {"error": "The requested video could not be found"}, Presence.GONE),
        (429, {"error": "Too many API requests"}, Presence.UNCLEAR),
    ],
)
def test_answer_about_a_video_shows_what_it_proves(status: int, body: object, shown: Presence) -> None:
    """Up, private and gone are three; an error that is about us says nothing of the video."""
    answer = TextResponse(f"{API}/videos/1", status=status, body=json.dumps(body).encode(), encoding="utf-8")

    assert VimeoSpider.seen_gone(answer) is shown
