"""Reddit's two routes ask the same question, and bring the same posts."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.http import TextResponse

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import Post, Presence, Removal, WatchKind
from crawler.spiders.reddit import RedditSpider
from tests.builders import watch

FROZEN = Path(__file__).parents[1] / "fixtures" / "platforms" / "reddit"
TAG = watch("#TheHollowChoir", platform="reddit", site="")


def _nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    names = st.sampled_from(["data", "children", "name", "removed_by_category", "kind"])
    return st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4)


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


INFO = "https://oauth.reddit.com/api/info?id=t3_1abc1x&raw_json=1"


def info(**changes: object) -> str:
    """/api/info of one post, with something else in it."""
    post = {"name": "t3_1abc1x", "removed_by_category": None} | changes
    return json.dumps({"data": {"children": [{"kind": "t3", "data": post}]}})


@pytest.mark.parametrize(
    ("body", "presence"),
    [
        (info(), Presence.UP),
        (info(removed_by_category="moderator"), Presence.GONE),
        (info(removed_by_category=3), Presence.UNCLEAR),
        (info(removed_by_category=""), Presence.UP),
        (info(name="t3_1abc1"), Presence.UNCLEAR),
        (info(name=None), Presence.UNCLEAR),
        ('{"data": {"children": []}}', Presence.UNCLEAR),
        ('{"data": {"children": {"0": 1}}}', Presence.UNCLEAR),
        ('{"data": {"children": [3]}}', Presence.UNCLEAR),
        ('{"data": {"children": [{"data": []}]}}', Presence.UNCLEAR),
        ('{"data": [', Presence.UNCLEAR),
        ("[" * 100_000, Presence.UNCLEAR),
        ("null", Presence.UNCLEAR),
        ("", Presence.UNCLEAR),
    ],
)
def test_info_of_wrong_types_proves_nothing(body: str, presence: Presence) -> None:
    """Whatever stands where the answer was: no crash, and no proof."""
    assert RedditSpider.seen_gone(TextResponse(INFO, body=body.encode(), encoding="utf-8")) is presence


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), _nested, max_leaves=12))
def test_no_answer_breaks_the_look_at_it(data: object) -> None:
    """JSON of any shape, with our field names strewn in."""
    answer = TextResponse(INFO, body=json.dumps(data).encode(), encoding="utf-8")

    assert RedditSpider.seen_gone(answer) in {Presence.UNCLEAR, Presence.UP, Presence.GONE}


@pytest.mark.parametrize(
    ("page", "asked"),
    [
        ("https://www.reddit.com/r/aivideo/comments/1abc1x/the_hollow_choir/", INFO),
        ("https://www.reddit.com/user/some-one/comments/1abc1x", INFO),
        ("https://www.reddit.com/r/aivideo/", "https://www.reddit.com/r/aivideo/"),
        ("https://evil.example/r/aivideo/comments/1abc1x/", "https://evil.example/r/aivideo/comments/1abc1x/"),
    ],
)
def test_post_is_rechecked_by_its_id(page: str, asked: str) -> None:
    """Its page says nothing of a removal; what is no post's page is left as it is."""
    assert RedditSpider.recheck_url(page) == asked


def test_token_is_asked_for_once() -> None:
    """Watches that begin together make one login, and each asks once it is there."""
    spider = RedditSpider(secret={"REDDIT_CLIENT_ID": "id", "REDDIT_CLIENT_SECRET": "s"})
    asked = [list(spider.requests(watch(f"tag{number}", platform="reddit", site=""))) for number in range(4)]

    assert [[one.url for one in some] for some in asked] == [["https://www.reddit.com/api/v1/access_token"], [], [], []]


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
