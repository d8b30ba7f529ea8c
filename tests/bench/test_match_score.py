"""What the bench counts: found, same scene, false; and a peer's best threshold."""

from typing import Any

import numpy as np
import pytest

from bench.match_peers import PEERS, answers, best_threshold, scores
from bench.match_score import Hit, Part, kind, tally

REFERENCES = ["asl_group1.mp4", "asl_group2.mp4", "flower.mp4"]


def query(file: str, truth: str | None, *, edit: str = "mirror", group: str = "edit", **segment: Any) -> dict[str, Any]:
    """A row of the index."""
    told = {"query": [0.0, 4.0], "reference": [1.0, 5.0], "speed": 1.0, "mirrored": False, "reversed": False, **segment}
    scenes = ["asl_group" if truth and truth.startswith("asl") else truth or "stranger"]
    return {"file": file, "edit": edit, "group": group, "truth": truth, "segments": [told], "scenes": scenes}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [("asl_group1.mp4", "true"), ("asl_group2.mp4", "same scene"), ("flower.mp4", "false"),
     ("library:asl_group#7", "same scene"), ("library:drawn#8", "false")],
)  # fmt: skip
def test_hit_is_true_same_scene_or_false(reference: str, expected: str) -> None:
    """Another take of the shoot is neither right nor wrong; the library's crops of it likewise."""
    assert kind(query("q", "asl_group1.mp4"), reference) == expected


def test_tally_counts_queries_once_and_names_false_pairs() -> None:
    """Two queries, one found; a stranger that was called a copy is named with its reference."""
    queries = [
        query("/w/a.mp4", "flower.mp4"),
        query("/w/b.mp4", "flower.mp4"),
        query("/w/c.mp4", None, group="distractor"),
    ]
    hits = {
        "/w/a.mp4": [Hit(reference="flower.mp4", score=0.9)],
        "/w/c.mp4": [Hit(reference="flower.mp4", score=0.8, method="m")],
    }
    told = tally(queries, hits)

    assert (told.recall, told.false, told.false_queries) == (
        {"mirror": [1, 2]}, [("c.mp4", "flower.mp4", 0.8, "m")], 1,
    )  # fmt: skip


def test_seconds_are_measured_against_the_truth() -> None:
    """A splice told half a second late, and a speed told 10 % off."""
    part = Part(query=(3.5, 6.0), reference=(1.0, 3.5), speed=1.1, mirrored=False)
    hits = {name: [Hit(reference="flower.mp4", score=1.0, parts=(part,))] for name in ("s", "v")}
    told = tally(
        [query("s", "flower.mp4", edit="splice", query=[3.0, 6.0]), query("v", "flower.mp4", edit="speed 1")], hits
    ).truths

    assert (told["splice_start_s"], told["splice_end_s"], told["speed_right"], told["mirrored_wrongly"]) == (
        0.5, 0.0, 0.0, 0.0,
    )  # fmt: skip


def test_speed_of_an_unchanged_clip_is_measured_too() -> None:
    """A copy at its own speed that is called slower counts against us; a still has no speed."""
    part = Part(query=(0.0, 4.0), reference=(1.0, 5.0), speed=0.9, mirrored=False)
    hits = {name: [Hit(reference="flower.mp4", score=1.0, parts=(part,))] for name in ("clip", "still")}
    told = tally([query("clip", "flower.mp4"), query("still", "flower.mp4", reference=[0.0, 0.0])], hits).truths

    assert (told["speed_wrongly"], told["speed_wrongly_of"]) == (1.0, 1)


def test_speed_that_is_not_told_is_neither_right_nor_wrong() -> None:
    """It is counted apart: a wrong speed in a report is worse than none."""
    said, silent = (
        Part(query=(0.0, 4.0), reference=(1.0, 5.0), speed=1.0, mirrored=False, speed_known=known)
        for known in (True, False)
    )
    hits = {
        name: [Hit(reference="flower.mp4", score=1.0, parts=(part,))]
        for name, part in {"right": said, "silent": silent, "own": silent}.items()
    }
    rows = [query(name, "flower.mp4", edit="speed 1") for name in ("right", "silent")] + [query("own", "flower.mp4")]
    told = tally(rows, hits).truths

    assert [told[name] for name in ("speed_told", "speed_right", "own_speed_told", "speed_wrongly")] == [0.5, 1, 0, 0]


def test_best_threshold_is_the_loosest_without_a_false_pair() -> None:
    """The peer finds whatever scores above its worst false pair, and no false pair itself."""
    phash = next(peer for peer in PEERS if peer.name == "phash 64")
    references = [{"print": ["0" * 16]}, {"print": ["0" * 15 + "f"]}, {"print": ["f" * 16]}]
    rows: list[dict[str, Any]] = [{"print": ["0" * 15 + "1"]}, {"print": ["f" * 15 + "0"]}, {"print": []}]
    queries = [query("a", "asl_group1.mp4"), query("b", None, group="distractor"), query("c", "flower.mp4")]
    table = scores(phash, rows, references)
    above = best_threshold(phash, queries, REFERENCES, table)
    hits = answers(queries, REFERENCES, table, above)

    # a is 1 bit from its truth and 3 from its other take; b, a stranger, is 4 bits from the flower.
    assert (above, [hit.reference for hit in hits["a"]], hits["b"], hits["c"]) == (-4.0, REFERENCES[:2], [], [])


def test_vpdq_scores_the_share_of_frames() -> None:
    """One of two query frames within 31 bits is a half."""
    vpdq = next(peer for peer in PEERS if peer.name == "vpdq")
    table = scores(vpdq, [{"print": ["0" * 64, "f" * 64]}], [{"print": ["0" * 62 + "ff"]}, {"print": []}])

    assert np.array_equal(table, [[0.5, -np.inf]])
