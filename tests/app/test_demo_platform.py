"""The loopback platform answers as the real ones do."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from app.demo.platform import LoopbackPlatform, serve
from app.demo.posts import plant, synthetic
from tests.builders import NOW


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackPlatform]:
    """The demo's posts, with files that are only names."""
    media = tmp_path_factory.mktemp("media")
    posts = plant(NOW)
    for post in posts:
        (media / post.media).write_bytes(b"0123456789" * 100)
    with serve(posts, media) as running:
        yield running


def get(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a GET."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def walk(url: str) -> list[dict[str, Any]]:
    """All statuses, by the Link header alone."""
    found: list[dict[str, Any]] = []
    while url:
        _, headers, body = get(url)
        found += json.loads(body)
        link = re.search(r'<([^>]+)>; rel="next"', headers.get("Link", ""))
        url = link[1] if link else ""
    return found


def of(site: LoopbackPlatform, platform: str) -> dict[str, Any]:
    """The planted posts of a platform that carry the first post's first tag."""
    posts = site.of(platform)
    name = posts[0].hashtags[0]
    return {"tag": name, "posts": [post for post in posts if name in post.hashtags]}


def test_timeline_pages_through_every_post_once(site: LoopbackPlatform) -> None:
    """Following rel="next" shows each post of the tag once, newest first."""
    wanted = of(site, "mastodon")
    statuses = walk(f"{site.base_url}/api/v1/timelines/tag/{wanted['tag'].lower()}?limit=3&only_media=true")

    assert [status["id"] for status in statuses] == [post.native_id for post in wanted["posts"]]


def test_empty_timeline_has_no_link(site: LoopbackPlatform) -> None:
    """A tag nobody used is an empty list without a way onward."""
    status, headers, body = get(f"{site.base_url}/api/v1/timelines/tag/nobodyusedthis")

    assert (status, body, "Link" in headers) == (200, b"[]", False)


def test_peertube_counts_and_slices(site: LoopbackPlatform) -> None:
    """start and count cut the list; total is the whole of it."""
    wanted = of(site, "peertube")
    url = f"{site.base_url}/api/v1/search/videos?tagsOneOf={wanted['tag']}&start=1&count=2"
    answer = json.loads(get(url)[2])

    assert answer["total"] == len(wanted["posts"])
    assert [video["uuid"] for video in answer["data"]] == [post.native_id for post in wanted["posts"][1:3]]


def test_peertube_refuses_more_than_a_hundred(site: LoopbackPlatform) -> None:
    """As the real one: 400 with a problem document."""
    status, headers, _ = get(f"{site.base_url}/api/v1/search/videos?count=101")

    assert (status, headers["Content-Type"].split(";")[0]) == (400, "application/problem+json")


def test_media_is_served_in_ranges(site: LoopbackPlatform) -> None:
    """A player may ask for a part."""
    name = site.of("mastodon")[0].media
    status, _, body = get(f"{site.base_url}/media/{name}", Range="bytes=5-14")

    assert (status, body) == (206, b"5678901234")


def test_tag_page_says_nothing_without_its_script(site: LoopbackPlatform) -> None:
    """What a plain reader gets holds no post."""
    wanted = of(site, "browser")
    _, _, body = get(f"{site.base_url}/tags/{wanted['tag']}")

    assert b"VideoObject" not in body
    assert not [post for post in wanted["posts"] if post.author.encode() in body]


def test_captions_are_escaped_in_pages(site: LoopbackPlatform) -> None:
    """The gallery shows a hostile caption as text."""
    assert any("<script>" in post.text for post in site.posts.values())
    assert b"<script>alert" not in get(f"{site.base_url}/")[2]


def test_fault_is_given_so_many_times(site: LoopbackPlatform) -> None:
    """A fault is injected, and then the right answer returns."""
    site.fault("/api/v2/instance", status=429, headers={"Retry-After": "1"}, times=2)
    statuses = [get(f"{site.base_url}/api/v2/instance")[0] for _ in range(3)]

    assert statuses == [429, 429, 200]


def test_removed_post_is_gone_everywhere(site: LoopbackPlatform) -> None:
    """Its own address answers 404 and no timeline holds it."""
    wanted = of(site, "mastodon")
    gone = wanted["posts"][-1]
    site.remove(gone.post_id)
    statuses = walk(f"{site.base_url}/api/v1/timelines/tag/{wanted['tag']}")

    assert get(f"{site.base_url}/api/v1/statuses/{gone.native_id}")[0] == 404
    assert gone.native_id not in {status["id"] for status in statuses}


def test_synthetic_feed_is_fast_and_whole() -> None:
    """Ten thousand posts, each id once, in time order."""
    posts = synthetic(10_000, NOW)

    assert len({post.post_id for post in posts}) == 10_000
    assert sorted(posts, key=lambda post: int(post.native_id)) == sorted(posts, key=lambda post: post.posted_at)
