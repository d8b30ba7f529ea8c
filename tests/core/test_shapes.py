"""The shape of an answer: paths and types, bounded, whatever the answer holds."""

import json
import time
from typing import Any

import pytest

from core.shapes import MOST_WORDS, Shape, place_of, shape_of


def test_shape_names_paths_and_types() -> None:
    """Each path as one would write it, null as an absence."""
    shape = shape_of({"items": [{"id": "1", "video": {"playAddr": "https://v.example"}}, {"id": "2", "video": None}]})

    assert sorted(shape.names()) == [
        " object",
        "items array",
        "items[] object",
        "items[].id string",
        "items[].video object",
        "items[].video.playAddr string",
    ]
    assert shape.held("items[].video object") == (1, 2)
    assert shape.held("items[].video.playAddr string") == (1, 1)


@pytest.mark.parametrize(
    "keys",
    [
        ["1784", "1785"],
        ["did:plc:abc", "did:plc:def"],
        ["abc123xyz9876", "k2j4h5g6f7d8"],
        ["0d0e1f2a-1111-2222-3333-444455556666", "with a space"],
        [f"name{letter}{number}" for letter in "abcdefgh" for number in range(20)],
    ],
)
def test_keys_that_are_data_are_one_path(keys: list[str]) -> None:
    """Ids as keys make one path, not one each."""
    shape = shape_of({"by": {key: {"n": 1} for key in keys}})

    assert "by.*.n" in shape.nodes
    assert len(shape.nodes) <= 5


def test_key_with_a_dot_is_one_name() -> None:
    """A flat answer's "owner.username" is a field of the item, and no other key is taken for data."""
    shape = shape_of([{"owner.username": "ada", "owner": {"username": "ada"}}])

    assert len(shape.nodes) == 5
    assert not [path for path in shape.nodes if "*" in path]


def nested(depth: int) -> Any:
    """Lists in lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        nested(50_000),
        [{f"k{one}x": {f"j{other}y": 1 for other in range(140)} for one in range(140)}],
        [[0] * 100_000] * 50,
        {"a" * 100_000: 1, "": 2, "\ud800": 3, "a.b[]": 4},
        ["x" * 5_000_000],
    ],
)
def test_hostile_answer_is_looked_at_in_bounds(value: Any) -> None:
    """Deep, wide or strange: a small shape, or none, at once."""
    started = time.process_time()
    shape = shape_of(value)

    assert len(json.dumps(shape.names())) < 200_000
    assert time.process_time() - started < 1.0


def test_words_are_kept_of_small_sets_only() -> None:
    """Types recur and are kept; names, captions, languages and long sets are not."""
    items = [
        {"type": "video", "username": "ada", "text": "a caption of words", "lang": "eng", "code": f"c{number}x"}
        for number in range(MOST_WORDS + 1)
    ]
    nodes = shape_of(items).nodes

    assert nodes["[].type"].words == {"video": len(items)}
    assert [nodes[f"[].{name}"].words for name in ("username", "text", "lang", "code")] == [None] * 4


def test_token_of_a_step_is_not_kept() -> None:
    """The words of an answer that may hold a token stay out."""
    nodes = shape_of({"accessJwt": "abcdef"}, words=False).nodes

    assert nodes["accessJwt"].words is None


def test_answers_together_count_together() -> None:
    """Two answers of a run are one cluster."""
    whole = Shape()
    for value in ([{"a": 1}], [{"a": 1}, {"b": 2}]):
        whole.merge(shape_of(value))

    assert whole.held("[].a number") == (2, 3)


@pytest.mark.parametrize(
    ("url", "query", "place"),
    [
        ("https://a.example/api/v1/timelines/tag/Lanterns?limit=40", "#lanterns", "page /api/v1/timelines/tag/*"),
        ("https://a.example/api/v1/accounts/1093847/statuses", "ada", "page /api/v1/accounts/*/statuses"),
        ("https://a.example/r/Ada%20L/new", "ada l", "page /r/*/new"),
        ("https://a.example/r/aivideo/search", "r/AIvideo", "page /*/*/search"),
        ("https://a.example/v3/videos/x9kq", "r/AIvideo", "page /v3/videos/*"),
        ("https://a.example/xrpc/app.bsky.feed.searchPosts", "q", "page /xrpc/app.bsky.feed.searchPosts"),
    ],
)
def test_place_has_no_data_in_it(url: str, query: str, place: str) -> None:
    """Two tags are one kind of question, two interfaces are two."""
    assert place_of("page", url, query) == place
