"""Captured files become posts; a line that cannot is told by its number, and the rest is kept.

tests/fixtures/captures/PLATFORM.ndjson is read as PLATFORM.posts.json says, which a person has read: the first run
writes it with ".unread" behind and fails.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.records import Post
from crawler.captures.addresses import place_of, told_by
from crawler.captures.capture import readers
from crawler.captures.files import MOST_LINE_BYTES, Bad, read_lines
from crawler.crawl import platforms

FROZEN = Path(__file__).parents[1] / "fixtures" / "captures"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def lines_of(text: str | bytes) -> list[Post | Bad]:
    """What a file with this content holds."""
    content = text.encode() if isinstance(text, str) else text
    return [line for _, line in read_lines(io.BytesIO(content), now=NOW)]


def first(text: str | bytes) -> Post:
    """The only line of a file, which is a post."""
    [post] = lines_of(text)
    assert isinstance(post, Post)
    return post


@pytest.mark.parametrize("path", sorted(FROZEN.glob("*.ndjson")), ids=lambda path: path.stem)
def test_capture_is_read_as_confirmed(path: Path) -> None:
    """Each platform's frozen capture reads exactly as a person has confirmed."""
    read = [{type(line).__name__: asdict(line)} for line in lines_of(path.read_bytes())]
    told = json.loads(json.dumps(read, default=str))
    expected = path.with_suffix(".posts.json")
    if not expected.exists():
        unread = expected.with_name(expected.name + ".unread")
        unread.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        pytest.fail(f"recorded {unread.name}; read it, then rename it to {expected.name}")

    assert told == json.loads(expected.read_text(encoding="utf-8"))


def test_every_reader_has_a_frozen_capture() -> None:
    """No platform is read that nothing holds to account."""
    assert {reader.platform for reader in readers().values()} == {path.stem for path in FROZEN.glob("*.ndjson")}


def _without(value: object) -> Iterator[tuple[str, object]]:
    """Copies of a captured object, each without one of its keys."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, {name: kept for name, kept in value.items() if name != key}
            for name, smaller in _without(inner):
                yield name, value | {key: smaller}


@pytest.mark.parametrize("path", sorted(FROZEN.glob("*.ndjson")), ids=lambda path: path.stem)
def test_no_missing_field_loses_a_post_in_silence(path: Path) -> None:
    """Whatever key goes from a captured post: still a post, or a bad line, or told to be without a video."""
    whole = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    files = {
        "video",
        "videos",
        "video_list",
        "video_versions",
        "extended_entities",
        "media",
        "V_720P",
        "type",
        "note_card",
    }
    for key, data in _without(whole["data"]):
        [line] = lines_of(json.dumps(whole | {"data": data}))
        assert isinstance(line, Post) or not line.skipped or key in files, key


@pytest.mark.parametrize(
    ("address", "post", "handle"),
    [
        ("https://www.tiktok.com/@a.b/video/7300000000000000001?is_from=1", "tiktok:7300000000000000001", "a.b"),
        ("https://twitter.com/some_one/status/1800000000000000000", "x:1800000000000000000", "some_one"),
        ("https://www.instagram.com/reel/C9abcdefghi/", "instagram:C9abcdefghi", "unknown"),
        ("https://www.threads.net/@who/post/C9abcdefghi", "threads:C9abcdefghi", "who"),
        ("https://m.youtube.com/watch?app=d&v=abcdefghij-", "youtube:abcdefghij-", "unknown"),
        ("https://youtu.be/abcdefghij-?t=4", "youtube:abcdefghij-", "unknown"),
        ("https://www.youtube.com/shorts/abcdefghij-", "youtube:abcdefghij-", "unknown"),
        ("https://www.douyin.com/video/7300000000000000001", "douyin:7300000000000000001", "unknown"),
        ("https://de.pinterest.com/pin/123/", "pinterest:123", "unknown"),
        ("https://bsky.app/profile/did:plc:a/post/3l6oveex3ii2l", "bluesky:did:plc:a/3l6oveex3ii2l", "did:plc:a"),
        ("https://Videos.Example/W/1/?a=b", "web:videos.example/W/1?a=b", "unknown@videos.example"),
        ("https://tiktok.com.evil.example/@a/video/7", "web:tiktok.com.evil.example/@a/video/7", "unknown@tiktok.com.evil.example"),  # noqa: E501 - one address
    ],
)  # fmt: skip
def test_address_names_its_post(address: str, post: str, handle: str) -> None:
    """An address of any spelling leads to the id the platform's spider gives the post."""
    place = place_of(address)

    assert (place.post, place.handle) == (post, handle)


@pytest.mark.parametrize(
    ("platform", "name", "year"),
    [
        ("tiktok", "7400000000000000000", 2024),
        ("x", "1800000000000000000", 2024),
        ("instagram", "C9abcdefghi", 2024),
        ("rednote", "66f000000000000001020304", 2024),
        ("bluesky", "3l6oveex3ii2l", 2024),
        ("youtube", "abcdefghijk", None),
        ("tiktok", "12", None),
        ("instagram", "!!", None),
    ],
)
def test_id_tells_its_time_or_nothing(platform: str, name: str, year: int | None) -> None:
    """An id's own clock is read; nonsense tells no time."""
    told = told_by(platform, name)

    assert (told.year if told else None) == year


def test_spelled_like_the_spiders() -> None:
    """A captured post and a crawled one are one post: platforms are called as their spiders are."""
    ours = {reader.platform for reader in readers().values()}

    assert {"tiktok", "x", "instagram", "threads"} <= ours
    assert {name for name in platforms() if name.startswith(("tiktok", "insta"))} <= {*ours, "tiktok_page"}


def test_table_of_4cat_is_read_by_its_columns() -> None:
    """A 4CAT CSV gives text, author, numbers, tags and time; a row without an address is told."""
    posts = lines_of(
        "\ufeffid,body,tiktok_url,author,unix_timestamp,plays,likes,hashtags,media_type\n"
        '1,"two\nlines #One",https://www.tiktok.com/@a/video/7400000000000000000,a,1723000000,12,3,"one,Two",video\n'
        "2,nothing here,,b,1723000000,1,1,,video\n"
        "3,photo,https://www.instagram.com/p/C9abcdefghi/,c,1723000000,1,1,,photo\n"
    )

    assert isinstance(posts[0], Post)
    assert (posts[0].text, posts[0].hashtags, posts[0].metrics.views) == ("two\nlines #One", ("one", "two"), 12)
    assert posts[0].posted_at.year == 2024
    assert [(line.line, line.skipped) for line in posts[1:] if isinstance(line, Bad)] == [(4, False), (5, True)]


def test_list_of_addresses_keeps_its_good_lines() -> None:
    """Comments and blank lines are passed over; what is no address is told by its line number."""
    lines = lines_of("# mine\n\nhttps://youtu.be/abcdefghij-\nnonsense\nfile:///etc/passwd\nhttps:///x\n")

    assert isinstance(lines[0], Post)
    assert lines[0].posted_at == NOW
    assert [line.line for line in lines[1:] if isinstance(line, Bad)] == [4, 5, 6]


def _tiktok(data: str, at: str = "1795200000000", source: str = "tiktok.com") -> str:
    """A line of the add-on around any text."""
    return f'{{"source_platform": "{source}", "timestamp_collected": {at}, "data": {data}}}'


HOSTILE = {
    "empty": "{}",
    "cut": "{",
    "number for a name": '{"source_platform": 5}',
    "unknown platform": _tiktok("{}", source="gab.com"),
    "null": _tiktok("null"),
    "endless time": _tiktok("{}", at="1e400"),
    "deep": _tiktok("[" * 5000 + "]" * 5000),
    "list for an author": _tiktok('{"author": [], "id": "1"}'),
    "number for media": _tiktok('{"legacy": {"extended_entities": 3}}', source="twitter.com"),
    "controls": "{\x00\x1b[2J",
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE)
def test_hostile_line_is_one_bad_line(line: str) -> None:
    """Whatever a line holds, it is told, and the next one is read."""
    good = (FROZEN / "tiktok.ndjson").read_text(encoding="utf-8").splitlines()[0]
    told = lines_of(f"{line}\n{good}\n")

    assert isinstance(told[0], Bad)
    assert isinstance(told[1], Post)


def test_endless_line_takes_no_more_than_its_share() -> None:
    """A line longer than any sound one is passed over in pieces."""
    good = (FROZEN / "tiktok.ndjson").read_bytes().splitlines()[0]
    told = lines_of(b'{"a": "' + b"x" * (3 * MOST_LINE_BYTES) + b'"}\n' + good)

    assert isinstance(told[0], Bad)
    assert "MiB" in told[0].why
    assert isinstance(told[1], Post)


def test_same_post_from_any_form() -> None:
    """A TikTok post captured, tabled or listed has one id and one time."""
    captured = first((FROZEN / "tiktok.ndjson").read_bytes().splitlines()[0])
    listed = first(captured.url)

    assert (captured.id, captured.posted_at) == (listed.id, listed.posted_at)
