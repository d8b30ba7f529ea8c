"""Pages that yt-dlp lists, by the real yt-dlp at production addresses, played by a gateway; and hostile servers."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yt_dlp
from scrapy import Request
from scrapy.http import TextResponse

from app.crawling import crawl
from app.home import open_home
from core.causes import Cause
from core.records import Coverage, Post, Watch, WatchKind
from crawler.listing import MOST_DETAILS
from crawler.listing_pool import Looker, LookSettings
from crawler.runs import WatchRun
from crawler.spiders.youtube import YoutubeSpider
from crawler.spiders.ytdlp import YtdlpSpider
from store import queries
from store.ledger import Ledger
from tests.builders import NOW, brand, watch
from tests.gateway import Answer, Gateway, gateway

PAGES = 4
RUTUBE = "https://rutube.ru"
TUBE = "https://framatube.org"
HOSTILE = '</script> ; rm -rf / "\u202e\U0001f480 \x1b[31m %(id)s ../../etc/passwd #TheHollowChoir'
OPEN = Answer(body=b"User-agent: *\nAllow: /\n", headers={"Content-Type": "text/plain"})
CLOSED = Answer(body=b"User-agent: *\nDisallow: /\n", headers={"Content-Type": "text/plain"})


def data(body: Any, **given: Any) -> Answer:
    """An answer of JSON."""
    return Answer(body=json.dumps(body).encode(), **{"headers": {"Content-Type": "application/json"}, **given})


def clip(number: int) -> dict[str, Any]:
    """A clip as Rutube lists it."""
    name = f"{number:032x}"
    return {
        "id": name,
        "title": f"clip {number} #TheHollowChoir",
        "description": "she sings",
        "video_url": f"{RUTUBE}/video/{name}/",
        "created_ts": f"2026-11-{1 + number % 19:02}T10:00:00",
        "author": {"id": 77, "name": "loop.example"},
        "duration": 12,
        "hits": 1000 + number,
    }


def tagged(tag: int, pages: int, size: int = 20) -> dict[str, Answer]:
    """A tag of Rutube, of some pages."""
    found = {}
    for page in range(1, pages + 1):
        url = f"{RUTUBE}/api/tags/video/{tag}/?page={page}&format=json"
        onward = f"{RUTUBE}/api/tags/video/{tag}/?page={page + 1}&format=json"
        results = [clip(number) for number in range((page - 1) * size, page * size)]
        body = {"results": results, "next": onward, "has_next": page < pages}
        found[f"GET {url}".replace("?", "[?]")] = data(body)
    return found


def name_of(number: int) -> str:
    """A PeerTube clip's short name."""
    return f"{number}".zfill(22)


def tube_clip(number: int) -> dict[str, Any]:
    """A clip as PeerTube tells it whole."""
    return {
        "name": f"whole {number}",
        "shortUUID": name_of(number),
        "description": HOSTILE,
        "publishedAt": "2026-11-18T10:00:00.000Z",
        "account": {"id": 5, "displayName": "Loop", "url": f"{TUBE}/accounts/loop"},
        "channel": {"id": 6, "displayName": "Loops"},
        "duration": 9,
        "views": 4,
        "tags": ["seedance"],
        "files": [{"fileUrl": f"{TUBE}/static/{number}.mp4", "size": 5, "resolution": {"id": 480, "label": "480p"}}],
    }


FEED = f"""<?xml version="1.0"?><rss version="2.0"><channel><title>feed</title>
<item><title><![CDATA[{HOSTILE.replace(chr(27), "")}]]></title><link>https://feed.example/1</link>
<pubDate>Wed, 18 Nov 2026 10:00:00 GMT</pubDate></item>
<item><title>no date</title><link>https://feed.example/2</link></item>
<item><title>inside</title><link>http://169.254.169.254/latest/meta-data</link></item>
<item><title>inside too</title><link>http://10.0.0.1:8080/admin</link></item>
<item><title>a file</title><link>file:///etc/passwd</link></item>
</channel></rss>"""
PAGE = """<!DOCTYPE html><html><head><title>p</title><script type="application/ld+json">{"@context": "https://schema.org",
"@type": "VideoObject", "name": "told by its page", "uploadDate": "2026-11-17T09:00:00Z", "description": "d",
"contentUrl": "https://feed.example/2.mp4", "author": {"@type": "Person", "name": "Loop"}}</script></head></html>"""
HTML = {"Content-Type": "text/html"}
ANSWERS: dict[str, str | Answer] = {
    f"GET {RUTUBE}/robots.txt": OPEN,
    f"GET {TUBE}/robots.txt": OPEN,
    "GET https://feed.example/robots.txt": OPEN,
    "GET https://closed.example/robots.txt": CLOSED,
    **tagged(1800, 3),
    f"GET {RUTUBE}/api/tags/video/401/*": Answer(status=401),
    f"GET {RUTUBE}/api/tags/video/404/*": Answer(status=404),
    f"GET {RUTUBE}/api/tags/video/429/*": Answer(status=429, headers={"Retry-After": "0"}),
    f"GET {RUTUBE}/api/tags/video/451/*": Answer(status=451),
    f"GET {RUTUBE}/api/tags/video/500/*": data({"results": [{"video_url": f"{RUTUBE}/video/1/"}]}),
    f"GET {TUBE}/api/v1/accounts/loop/videos*": data(
        {"data": [{"shortUUID": name_of(number), "name": f"flat {number}"} for number in (1, 2, 3)]}
    ),
    f"GET {RUTUBE}/api/tags/video/7/*": data(
        {
            "results": [clip(number) for number in range(20)],
            "next": f"{RUTUBE}/api/tags/video/7/?page=2&format=json",
            "has_next": True,
        }
    ),
    f"GET {TUBE}/api/v1/accounts/members/videos*": data(
        {"data": [{"shortUUID": name_of(number), "name": "for members"} for number in (7, 8, 9)]}
    ),
    f"GET {TUBE}/api/v1/accounts/members": data({"displayName": "Members", "id": 9}),
    f"GET {TUBE}/api/v1/accounts/loop": data({"displayName": "Loop", "id": 5}),
    f"GET {TUBE}/api/v1/videos/{name_of(1)}/": data(tube_clip(1)),
    f"GET {TUBE}/api/v1/videos/{name_of(2)}/": data(tube_clip(2)),
    f"GET {TUBE}/api/v1/videos/{name_of(3)}/": Answer(status=404),
    **{f"GET {TUBE}/api/v1/videos/{name_of(number)}/": Answer(status=401) for number in (7, 8, 9)},
    f"GET {TUBE}/api/v1/videos/*/captions": data({"data": []}),
    "GET https://feed.example/rss": Answer(body=FEED.encode(), headers={"Content-Type": "application/rss+xml"}),
    "GET https://feed.example/2": Answer(body=PAGE.encode(), headers=HTML),
    "GET https://feed.example/plain": Answer(body=b"<!DOCTYPE html><html><body>words</body></html>", headers=HTML),
}
CHANNEL = "UC" + "a" * 22
TILE = {"videoId": "AAAAAAAAAA1", "title": {"runs": [{"text": "flat"}]}, "lengthText": {"simpleText": "0:14"}}
GRID = {"richGridRenderer": {"contents": [{"richItemRenderer": {"content": {"videoRenderer": TILE}}}]}}
TAB = {"tabRenderer": {"selected": True, "title": "All", "content": GRID}}
HASHTAG = {"contents": {"twoColumnBrowseResultsRenderer": {"tabs": [TAB]}}}
VIDEO = {
    "playabilityStatus": {"status": "OK"},
    "videoDetails": {
        "videoId": "AAAAAAAAAA1", "title": HOSTILE, "lengthSeconds": "14", "channelId": CHANNEL,
        "shortDescription": "she sings", "viewCount": "123",
    },
    "microformat": {"playerMicroformatRenderer": {"uploadDate": "2026-11-18T03:00:00-08:00"}},
}  # fmt: skip


def scripted(name: str, value: Any) -> Answer:
    """A page of YouTube's, with its data in a script."""
    text = json.dumps(value).replace("</", "<\\/")
    return Answer(body=f"<!DOCTYPE html><html><script>var {name} = {text};</script></html>".encode(), headers=HTML)


YOUTUBE: dict[str, str | Answer] = {
    "GET https://www.youtube.com/hashtag/TheHollowChoir": scripted("ytInitialData", HASHTAG),
    "GET https://www.youtube.com/watch*": scripted("ytInitialPlayerResponse", VIDEO),
    "POST https://www.youtube.com/youtubei/v1/next*": data({"contents": {"twoColumnWatchNextResults": {}}}),
    "POST https://www.youtube.com/youtubei/v1/player*": data(VIDEO),
}


def asked(name: str, url: str, **changes: Any) -> Watch:
    """A watch on an address."""
    return watch(url, id=name, platform="ytdlp", site="", kind=WatchKind.URL, **changes)


TAGS = {"login": 401, "gone": 404, "limited": 429, "geo": 451, "changed": 500, "endless": 7}
WATCHES = (
    watch("#1800", id="tag", platform="ytdlp", site=f"{RUTUBE}/tags/video/{{query}}"),
    asked("tube", f"{TUBE}/a/loop/videos"),
    asked("members", f"{TUBE}/a/members/videos"),
    asked("feed", "https://feed.example/rss"),
    asked("plain", "https://feed.example/plain"),
    asked("robots", "https://closed.example/rss"),
    *(asked(name, f"{RUTUBE}/tags/video/{number}") for name, number in TAGS.items()),
    watch("words", id="nowhere", platform="ytdlp", site="", kind=WatchKind.KEYWORD),
)


class Ended:
    """A crawl of WATCHES, and another of three of them."""

    def __init__(self, folder: Path, gate: Gateway, answers: dict[str, str | Answer]) -> None:
        text = f"{gate.settings()}[crawl]\ndelay_s = 0\npages = {PAGES}\n"
        (folder / "clipwarden.toml").write_text(text, encoding="utf-8")
        with open_home(folder, alone=True) as home:
            home.ledger.sync(brand(*WATCHES))
            self.crawls = {one.watch: one for one in crawl(home, queries.watches(home.ledger))}
            self.first = Counter(gate.asked)
            answers |= tagged(1800, 1, size=0)  # from now on it lists nothing
            again = [one for one in WATCHES if one.id in {"tag", "tube", "feed"}]
            self.again = {one.watch: one for one in crawl(home, again)}
            self.second = Counter(gate.asked) - self.first
            names = [row["id"] for row in home.ledger.rows("SELECT id FROM posts")]
            self.posts = {name: queries.post(home.ledger, name) for name in names}
            self.refused = gate.refused
            row = home.ledger.rows("SELECT raw_sha256 FROM posts WHERE id = ?", [f"rutube:{1:032x}"])[0]
            self.raw = json.loads(home.blobs.get(row["raw_sha256"]).read_bytes())


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """Every kind of listing, crawled twice."""
    folder, answers = tmp_path_factory.mktemp("listing"), dict(ANSWERS)
    with gateway(folder, answers) as gate:
        yield Ended(folder, gate, answers)


def test_listing_is_paged_and_each_page_of_the_site_is_asked_once(ended: Ended) -> None:
    """Sixty clips of three pages, in two of ours: the second goes on where the first one stopped."""
    crawled = ended.crawls["tag"]

    assert (crawled.coverage, crawled.posts, crawled.pages, crawled.route) == (Coverage.OK, 60, 2, "page")
    assert [ended.first[f"GET {RUTUBE}/api/tags/video/1800/?page={page}&format=json"] for page in (1, 2, 3)] == [1] * 3


def test_what_went_wrong_is_told_by_its_cause(ended: Ended) -> None:
    """Every failure has its name; a listing of nothing but members' clips is no empty one."""
    told = {name: (one.coverage, one.cause) for name, one in ended.crawls.items()}

    assert told == {
        "tag": (Coverage.OK, ""),
        "tube": (Coverage.OK, ""),
        "feed": (Coverage.OK, ""),
        "members": (Coverage.BLIND, Cause.CREDENTIAL),
        "plain": (Coverage.BLIND, Cause.OURS),
        "robots": (Coverage.BLIND, Cause.REFUSED),
        "nowhere": (Coverage.BLIND, Cause.OURS),
        "login": (Coverage.BLIND, Cause.CREDENTIAL),
        "gone": (Coverage.BLIND, Cause.NOT_FOUND),
        "limited": (Coverage.BLIND, Cause.RATE_LIMITED),
        "geo": (Coverage.BLIND, Cause.REFUSED),
        "changed": (Coverage.BLIND, Cause.CHANGED),
        "endless": (Coverage.PARTIAL, Cause.CUT),
    }


def test_limited_listing_is_asked_again_as_the_site_says(ended: Ended) -> None:
    """Its Retry-After reaches the crawl: eight waits, then it is told."""
    assert ended.first[f"GET {RUTUBE}/api/tags/video/429/?page=1&format=json"] == 9


def test_endless_listing_ends_with_the_page_budget(ended: Ended) -> None:
    """Pages of fifty of a listing that goes round and round: so many, and no more."""
    assert (ended.crawls["endless"].pages, ended.crawls["endless"].posts) == (PAGES, PAGES * 50)


def test_entry_without_a_time_is_asked_for_once(ended: Ended) -> None:
    """Of three clips two are told whole, with what only their page says; the next crawl asks for none of these."""
    one = ended.posts[f"peertube:{name_of(1)}"]
    videos = [f"GET {TUBE}/api/v1/videos/{name_of(number)}/" for number in (1, 2, 3)]

    assert (one.text, one.hashtags) == (f"whole 1\n{HOSTILE}", ("thehollowchoir", "seedance"))
    assert (one.author_handle, one.author_id, one.posted_at) == ("Loops", "6", datetime(2026, 11, 18, 10, tzinfo=UTC))
    assert [ended.first[url] for url in videos] == [1, 1, 1]
    assert [ended.second[url] for url in videos] == [0, 0, 1]  # the third is gone, and might come back


def test_page_with_linked_data_is_a_post_of_its_own(ended: Ended) -> None:
    """A feed's entry without a date gets it from its page, and is named by its address."""
    one = ended.posts["web:feed.example/2"]

    assert (one.url, one.platform, one.posted_at.isoformat()) == (
        "https://feed.example/2", "web", "2026-11-17T09:00:00+00:00"
    )  # fmt: skip


def test_entries_that_point_inside_are_left_out_and_nothing_is_reached(ended: Ended) -> None:
    """Private addresses and files cost themselves alone; hostile titles are texts like any other."""
    feed = {name for name in ended.posts if name.startswith("web:")}

    assert feed == {"web:feed.example/1", "web:feed.example/2"}
    assert ended.refused == {}  # nothing that is not public ever came as far as the proxy


def test_listing_that_once_had_posts_and_lists_none_is_blind(ended: Ended) -> None:
    """An empty page is a block or a new layout, where there were sixty clips before."""
    assert {name: (one.coverage, one.cause) for name, one in ended.again.items()} == {
        "tag": (Coverage.BLIND, Cause.CHANGED),
        "tube": (Coverage.OK, ""),
        "feed": (Coverage.OK, ""),
    }


def test_listing_is_kept_as_it_came_and_can_be_read_again(ended: Ended) -> None:
    """The blob of a post is the listing, with the question and yt-dlp's version in it."""
    spider, query = YtdlpSpider(), f"{RUTUBE}/tags/video/1800"
    again = TextResponse(query, body=json.dumps(ended.raw).encode(), encoding="utf-8")
    posts = [one for one in spider.read(again, asked("tag", query)) if isinstance(one, Post)]

    assert ended.raw["yt_dlp"] == yt_dlp.version.__version__
    assert posts[1] == replace(ended.posts[f"rutube:{1:032x}"], metrics=posts[1].metrics)


# ------------------------------------------------------------------- at YouTube
def test_hashtag_page_of_youtube_is_read_by_the_real_extractor(tmp_path: Path) -> None:
    """Route page: the hashtag's page lists videos without a time; each is asked for, and named as the API names it."""
    spider, mine = YoutubeSpider(route="page"), watch("#TheHollowChoir", platform="youtube", site="")
    [first] = spider.requests(mine)
    with gateway(tmp_path, YOUTUBE) as gate:
        settings = LookSettings(allowed_hosts=frozenset(), proxy=gate.url, ca_file=str(gate.authority.file))
        looker = Looker(settings)

        async def answers(*requests: Request) -> list[Any]:
            found = [(one, await looker.look(json.loads(one.body))) for one in requests]
            responses = [TextResponse(one.url, body=json.dumps(said).encode(), request=one) for one, said in found]
            return [result for response in responses for result in spider.read(response, mine)]

        async def ask() -> list[Any]:
            return await answers(*await answers(first))

        [post] = asyncio.run(ask())
        looker.stop()

    assert (post.id, post.text, post.author_id) == ("youtube:AAAAAAAAAA1", f"{HOSTILE}\nshe sings", "UC" + "a" * 22)
    assert (post.posted_at, post.metrics.views) == (datetime(2026, 11, 18, 11, tzinfo=UTC), 123)


# -------------------------------------------------------------------- our limits
def test_entries_asked_for_in_one_crawl_are_capped(tmp_path: Path) -> None:
    """Of a thousand clips without a time two hundred are asked for, no further page is, and the watch says so."""
    entries = [
        {"id": f"v{number}", "key": "Vimeo", "url": f"https://vimeo.com/{number}", "ask": f"https://vimeo.com/{number}"}
        for number in range(1000)
    ]
    mine = asked("capped", "https://vimeo.com/channels/x")
    said = {
        "yt_dlp": "",
        "asked": {"url": mine.query, "start": 0, "depth": 0},
        "kind": "listing",
        "entries": entries,
        "next": 50,
    }
    run = WatchRun(watch=mine, ground_at=None, started_at=NOW)
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.sync(brand(mine))
        spider = YtdlpSpider(runs={mine.id: run}, ledger=ledger)
        answer = TextResponse(mine.query, body=json.dumps(said).encode(), request=Request(mine.query))
        requests = list(spider.read(answer, mine))

    assert [one.meta["role"] for one in requests if isinstance(one, Request)] == ["detail"] * MOST_DETAILS
    assert run.cut
    assert run.cut.cause == Cause.CUT
