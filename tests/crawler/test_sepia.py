"""PeerTube and the index of its network: one question, one post."""

import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from core.records import Post, WatchKind
from crawler import peertube
from crawler.fields import Fields
from crawler.platform import PlatformSpider
from crawler.spiders.peertube import PeerTubeSpider
from crawler.spiders.sepia import SepiaSpider
from tests.builders import watch

FROZEN = Path(__file__).parents[1] / "fixtures" / "platforms"


def tags(spider: PlatformSpider, query: str) -> list[list[str]]:
    """The tags of each question a watch is asked with."""
    requests = spider.requests(watch(query, kind=WatchKind.HASHTAG))
    return [
        [value for name, value in parse_qsl(urlsplit(request.url).query) if name == "tagsOneOf"] for request in requests
    ]


@pytest.mark.parametrize(
    ("query", "instance", "index"),
    [
        ("#HollowChoir", [["HollowChoir"]], [["HollowChoir", "hollowchoir"]]),
        ("#a#b, hollow choir", [["a", "b", "hollow choir"]], [["a", "b", "hollow choir"]]),
        ("a,b,c,d,e,f", [["a", "b", "c", "d", "e"], ["f"]], [["a", "b", "c", "d", "e"], ["f"]]),
        ("＃合唱&nsfw=false", [["合唱&nsfw=false"]], [["合唱&nsfw=false"]]),
    ],
)
def test_tags_are_asked_by_the_repeated_parameter(query: str, instance: list[object], index: list[object]) -> None:
    """Several tags of one watch, five a question; the index is asked in small letters too."""
    assert tags(PeerTubeSpider(), query) == instance
    assert tags(SepiaSpider(), query) == index


def test_index_and_instance_give_a_video_one_post() -> None:
    """Whoever tells of it first, a video has one id, author, text and time."""
    told = json.loads((FROZEN / "sepia" / "search_page1.json").read_bytes())["data"][0]
    own = json.loads((FROZEN / "peertube" / "video.json").read_bytes())
    posts: list[Post] = [peertube.post_of(Fields(one, where="frozen")) for one in (told, own)]

    assert len({(one.id, one.platform, one.url, one.author_id, one.text, one.posted_at) for one in posts}) == 1
