"""Reddit's two routes ask the same question, and bring the same posts."""

from pathlib import Path

import pytest
from scrapy.http import TextResponse

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import Post, Presence, Removal, WatchKind
from crawler.spiders.reddit import RedditSpider
from tests.builders import watch

FROZEN = Path(__file__).parents[1] / "fixtures" / "platforms" / "reddit"
TAG = watch("#TheHollowChoir", platform="reddit", site="")


def answer(name: str, url: str) -> TextResponse:
    """A frozen answer."""
    return TextResponse(url, body=(FROZEN / name).read_bytes(), encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "query", "path"),
    [
        (WatchKind.HASHTAG, "#tag", "/search.rss?q=tag&sort=new&t=all"),
        (WatchKind.KEYWORD, "hollow choir", "/search.rss?q=hollow+choir&sort=new&t=all"),
        (WatchKind.KEYWORD, "r/aivideo hollow", "/r/aivideo/search.rss?q=hollow&restrict_sr=1&sort=new&t=all"),
        (WatchKind.ACCOUNT, "r/aivideo", "/r/aivideo/new/.rss"),
        (WatchKind.ACCOUNT, "u/someone", "/user/someone/submitted/.rss?sort=new"),
        (WatchKind.ACCOUNT, "someone", "/user/someone/submitted/.rss?sort=new"),
    ],
)
def test_watch_has_its_own_feed(kind: WatchKind, query: str, path: str) -> None:
    """Words everywhere or in a subreddit, a subreddit's newest, a user's posts."""
    [asked] = RedditSpider(route="feed").requests(watch(query, platform="reddit", site="", kind=kind))

    assert asked.url == f"https://www.reddit.com{path}"


@pytest.mark.parametrize("query", ["../../x", "u/a b", "", "r/"])
def test_account_name_cannot_leave_its_place(query: str) -> None:
    """What is no name of a user or subreddit is the brand file's mistake, said so."""
    with pytest.raises(SourceBlind) as told:
        list(RedditSpider(route="feed").requests(watch(query, platform="reddit", site="", kind=WatchKind.ACCOUNT)))

    assert told.value.cause == Cause.OURS


def test_both_routes_give_a_post_one_id() -> None:
    """A post seen by feed, and by the API a day later, is one post."""
    feed = RedditSpider(route="feed").read(answer("feed_search.xml", "https://www.reddit.com/search.rss"), TAG)
    api = RedditSpider(route="api").read(answer("search_page1.json", "https://oauth.reddit.com/search"), TAG)
    ids = [{one.id for one in found if isinstance(one, Post)} for found in (feed, api)]

    assert ids[0] & ids[1] == {"reddit:1abc1x", "reddit:1abc3x"}


def test_removed_post_is_a_removal_and_no_post() -> None:
    """Reddit's own word goes to the ledger as such."""
    found = list(
        RedditSpider().read(answer("info_removed.json", "https://oauth.reddit.com/api/info?id=t3_1abc1x"), TAG)
    )

    assert found == [Removal(post="reddit:1abc1x", because="removed_by_category = copyright_takedown")]


def test_only_info_shows_that_a_post_is_gone() -> None:
    """A listing that begins with a removed post says nothing of another."""
    body = (FROZEN / "info_removed.json").read_bytes()
    told = [
        RedditSpider.seen_gone(TextResponse(f"https://oauth.reddit.com{path}", body=body, encoding="utf-8"))
        for path in ("/api/info?id=t3_1abc1x", "/search?q=x")
    ]

    assert told == [Presence.GONE, Presence.UNCLEAR]


@pytest.mark.parametrize(
    "body",
    [
        "<html><body>whoa there</body></html>",
        "",
        '<?xml version="1.0"?><!DOCTYPE f [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><f>&b;</f>',
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>t3_a</id></entry></feed>',
    ],
)
def test_feed_that_is_none_is_named(body: str) -> None:
    """A page, nothing, an entity bomb, an entry without its parts: a change with a name."""
    feed = TextResponse("https://www.reddit.com/search.rss", body=body.encode(), encoding="utf-8")
    with pytest.raises(PageChanged):
        list(RedditSpider(route="feed").read(feed, TAG))
