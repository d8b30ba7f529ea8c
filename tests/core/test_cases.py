"""When two clips are one clip, and what state a case is in."""

from dataclasses import replace

import pytest

from core.cases import Motion, Relation, best, case_id, likeness, status
from core.records import Basis, Match, Segment
from tests.builders import match

WHOLE = (0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0)
CORNER = (0.6, 0.6, 0.9, 0.6, 0.9, 0.9, 0.6, 0.9)


def part(query: tuple[float, float], reference: tuple[float, float], **changes: object) -> Segment:
    """A stretch that two clips have in common."""
    made = Segment(
        query_start_s=query[0], query_end_s=query[1], reference_start_s=reference[0], reference_end_s=reference[1],
        speed=1.0, pairs=5, best_query_s=query[0], best_reference_s=reference[0], best_distance=10,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def found(*parts: Segment, **changes: object) -> Match:
    """A match of those stretches."""
    return replace(match(), segments=parts, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parts", "query_s", "reference_s", "relation"),
    [
        ([part((0, 10), (0, 10))], 10.0, 10.0, Relation.SAME),
        ([part((0, 8), (2, 10))], 8.0, 10.0, Relation.SAME),
        ([part((0, 4), (0, 4)), part((5, 9), (5, 9))], 10.0, 10.0, Relation.SAME),
        ([part((0, 10), (20, 30))], 10.0, 90.0, Relation.DIFFERS),
        ([part((30, 40), (0, 10))], 90.0, 10.0, Relation.DIFFERS),
        ([part((0, 10), (0, 10), query_outline=CORNER)], 10.0, 10.0, Relation.DIFFERS),
        ([part((0, 10), (0, 10), query_outline=WHOLE)], 10.0, 10.0, Relation.SAME),
        ([part((0, 3), (0, 3))], 30.0, 30.0, Relation.NONE),
        ([part((0, 10), (0, 10), reference_box=(0.2, 0.8, 0.5, 0.1))], 10.0, 10.0, Relation.NONE),
        ([part((0, 10), (0, 10), reference_box=(0.05, 0.75, 0.9, 0.18))], 10.0, 10.0, Relation.NONE),
        ([part((0, 10), (0, 10), reference_box=(0.05, 0.3, 0.9, 0.4))], 10.0, 10.0, Relation.SAME),
        ([part((0, 0), (0, 0))], None, None, Relation.SAME),
    ],
)
def test_relation_is_by_the_share_in_common(
    parts: list[Segment], query_s: float | None, reference_s: float | None, relation: Relation
) -> None:
    """Most of both: a re-upload. Most of one: it has more, or is a part. A caption in common is nothing in common."""
    told = likeness([found(*parts)], query_s, reference_s)

    assert told.relation is relation
    assert told.why


def test_methods_add_up() -> None:
    """What one method did not see another may have: the stretches of all count together."""
    first, second = found(part((0, 3), (0, 3))), found(part((3, 9), (3, 9)), method="pdq")

    assert likeness([first], 10.0, 10.0).relation is Relation.NONE
    assert likeness([first, second], 10.0, 10.0).relation is Relation.SAME


@pytest.mark.parametrize(
    ("own_bits", "fall_bits", "pattern", "relation"),
    [
        (30.0, 25.0, 0.9, Relation.SAME),
        (30.0, 20.0, 0.4, Relation.SAME),
        (30.0, 2.0, 0.8, Relation.SAME),
        (30.0, 2.0, 0.3, Relation.NONE),
        (30.0, 25.0, -0.1, Relation.NONE),
        (1.0, 0.0, 0.0, Relation.SAME),
    ],
)
def test_what_looks_alike_and_moves_otherwise_is_another_clip(
    own_bits: float, fall_bits: float, pattern: float, relation: Relation
) -> None:
    """A copy is nearest at its own moment, or its frames differ alike; what stands still is judged by its looks."""
    moving, standing = part((0, 6), (0, 6)), part((6, 6.5), (6, 6.5))
    motions = {moving: Motion(own_bits=own_bits, fall_bits=fall_bits, pattern=pattern)}

    assert likeness([found(moving, standing)], 10.0, 10.0, motions).relation is relation


@pytest.mark.parametrize(
    ("own_bits", "change", "relation"),
    [
        (1.0, None, Relation.SAME),
        (1.0, 0.6, Relation.SAME),
        (1.0, 0.9, Relation.NONE),
        (30.0, None, Relation.NONE),
        (30.0, 0.6, Relation.NONE),
        (30.0, 0.2, Relation.SAME),
    ],
)
def test_what_changes_says_more_than_frames(own_bits: float, change: float | None, relation: Relation) -> None:
    """Hands before a still wall leave frames as they are; far nearer along the line than beside it is a copy."""
    moving = part((0, 6), (0, 6))
    motions = {moving: Motion(own_bits=own_bits, fall_bits=0.0, pattern=0.0, change=change)}

    assert likeness([found(moving)], 10.0, 10.0, motions).relation is relation


def test_stretch_that_moves_alike_by_chance_does_not_join_two_takes() -> None:
    """Where most of what looks alike moves otherwise, the rest is chance."""
    alike = Motion(own_bits=30.0, fall_bits=25.0, pattern=0.9)
    otherwise = Motion(own_bits=30.0, fall_bits=1.0, pattern=0.1)
    less, more = part((0, 5), (0, 5)), part((5, 11), (5, 11))

    assert likeness([found(less, more)], 11.0, 11.0, {less: alike, more: otherwise}).relation is Relation.NONE
    assert likeness([found(less, more)], 11.0, 11.0, {less: otherwise, more: alike}).relation is Relation.SAME


def test_stretch_whose_changes_are_the_same_is_no_chance() -> None:
    """However much of the other clip looks like it elsewhere."""
    sure = Motion(own_bits=30.0, fall_bits=25.0, pattern=0.9, change=0.2)
    otherwise = Motion(own_bits=30.0, fall_bits=1.0, pattern=0.1)
    less, more = part((0, 5), (0, 5)), part((5, 11), (5, 11))

    assert likeness([found(less, more)], 11.0, 11.0, {less: sure, more: otherwise}).relation is Relation.SAME


def test_suggestion_joins_nothing() -> None:
    """What a model finds alike may be another clip of the same gown."""
    alike = found(part((0, 10), (0, 10)), basis=Basis.SUGGESTION)

    assert likeness([alike], 10.0, 10.0).relation is Relation.NONE


def test_same_clip_is_joined_before_one_that_differs() -> None:
    """However much more of another it shows."""
    same = replace(likeness([found(part((0, 6), (0, 6)))], 10.0, 10.0), other="same")
    differs = replace(likeness([found(part((0, 10), (0, 10)))], 10.0, 60.0), other="longer")
    nothing = likeness([found(part((0, 1), (0, 1)))], 30.0, 30.0)

    assert best([nothing, differs, same]) is same
    assert best([nothing]) is None


@pytest.mark.parametrize(
    ("verdicts", "differs", "state"),
    [
        ({"a": None}, {}, "open"),
        ({"a": "infringing"}, {}, "infringing"),
        ({"a": "infringing", "b": None}, {}, "open"),
        ({"a": "infringing", "b": None}, {"b": True}, "open"),
        ({"a": "infringing", "b": "unrelated"}, {"b": True}, "infringing"),
        ({"a": "unrelated", "b": "infringing"}, {"b": True}, "unrelated"),
        ({"a": "unsure", "b": "infringing"}, {}, "unsure"),
    ],
)
def test_state_is_the_clips_own_verdict(verdicts: dict[str, str | None], differs: dict[str, bool], state: str) -> None:
    """Open while anything in it is undecided; what differs keeps its own."""
    assert status(verdicts, differs) == state


def test_case_is_named_by_its_first_hit() -> None:
    """The same hit opens the same case, whoever runs the stage."""
    assert case_id("F-1") == case_id("F-1") != case_id("F-2")
    assert len(case_id("F-1")) == 12
