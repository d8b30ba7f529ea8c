"""Files that look alike: which of them move alike."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
import pytest

from core.cases import Relation, likeness
from core.records import Fingerprint, Match
from matchers.examples import bordered, darker, resized
from matchers.frames import Luma
from matchers.phash import METHOD
from matchers.sameness import Films, films, motion, motions
from tests.matchers.takes import FPS, changes, prints, take


def same(luma: Luma) -> Luma:
    return luma


SEEDS = (2, 3, 5, 7)
SIGNS_PX = 6  # of a picture of 320 by 180: too little for hashes of frames
RANDOM = np.random.default_rng(4)
EDITS: tuple[Callable[[Luma], Luma], ...] = (
    same,
    darker,
    bordered,
    lambda luma: luma[:, ::-1].copy(),
    lambda luma: resized(luma, 160, 90),
    lambda luma: np.clip(luma + RANDOM.normal(0, 12, luma.shape), 0, 255).astype(np.uint8),
)
BY_LOOKS = "by looks"  # alone
BY_FRAMES = "by frames"  # that move alike
BY_CHANGE = "by change"  # as well


@dataclass(frozen=True)
class File:
    """What a stage knows of a file."""

    prints: list[Fingerprint]
    films: Films
    seconds: float


def file(frames: list[Luma], by: str = BY_CHANGE, edit: Callable[[Luma], Luma] = same) -> File:
    """Of frames, edited: what their looks say, and what is asked for of their movement."""
    looks = prints(frames, edit)
    moving = films(looks if by != BY_LOOKS else (), changes(frames, edit) if by == BY_CHANGE else ())
    return File(looks, moving, len(frames) / FPS)


def matches(query: File, reference: File) -> list[Match]:
    """By the hashes of frames."""
    return METHOD.bank(METHOD, [("reference", reference.prints)]).compare("query", query.prints)


def related(query: File, reference: File) -> Relation:
    """What a file is to another."""
    found = matches(query, reference)
    told = motions(found, query.films, reference.films)
    return likeness(found, query.seconds, reference.seconds, told).relation if found else Relation.NONE


def joined(by: str, *, side_px: int) -> int:
    """How many of all pairs of takes join."""
    takes = [file(take(seed, side_px=side_px), by) for seed in SEEDS]
    return sum(related(*pair) is not Relation.NONE for pair in permutations(takes, 2))


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("by", [BY_FRAMES, BY_CHANGE])
def test_copy_moves_alike(edit: Callable[[Luma], Luma], by: str) -> None:
    """Whatever lies over it, and however noisy it is."""
    assert related(file(take(2), by, edit), file(take(2), by)) is Relation.SAME


@pytest.mark.parametrize("edit", EDITS[:-1])
def test_copy_of_small_movement_moves_alike(edit: Callable[[Luma], Luma]) -> None:
    """What changes in it is the same, little as it is."""
    frames = take(2, side_px=SIGNS_PX)

    assert related(file(frames, edit=edit), file(frames)) is Relation.SAME


@pytest.mark.parametrize("by", [BY_FRAMES, BY_CHANGE])
def test_part_of_a_copy_moves_alike(by: str) -> None:
    """It begins later, so its seconds are others."""
    assert related(file(take(5)[7:], by), file(take(5), by)) is Relation.SAME


def test_other_takes_look_alike_and_move_otherwise() -> None:
    """Hashes of one room match at any moment; movement agrees at none."""
    assert joined(BY_LOOKS, side_px=56) == len(SEEDS) * (len(SEEDS) - 1)
    assert joined(BY_FRAMES, side_px=56) == 0
    assert joined(BY_CHANGE, side_px=56) == 0


def test_other_takes_of_small_movement_are_told_by_what_changes() -> None:
    """Hands before a still wall: frames agree now and then, whatever the hands say."""
    assert joined(BY_FRAMES, side_px=SIGNS_PX) > joined(BY_CHANGE, side_px=SIGNS_PX) == 0


def test_what_stands_still_says_nothing_of_movement() -> None:
    """A picture held for seconds is told by its looks, by a copy that is held longer too."""
    held, longer = take(2)[:1] * 20, take(2)[:1] * 32

    by_looks, by_change = (related(file(longer, by, darker), file(held, by)) for by in (BY_LOOKS, BY_CHANGE))

    assert by_change is by_looks is not Relation.NONE


def test_held_picture_is_no_copy_of_a_film_that_moves() -> None:
    """One frame of it, shown for seconds, is not its movement."""
    held = take(2)[:1] * 24

    assert related(file(held, BY_LOOKS), file(take(2), BY_LOOKS)) is not Relation.NONE
    assert related(file(held), file(take(2))) is Relation.NONE


def test_too_few_frames_say_nothing() -> None:
    """A picture, or a clip of a second."""
    few, known = file(take(2)[:5]), file(take(2))
    found = matches(few, known)

    assert few.films == Films(looks=None, change=None)
    assert found
    assert motions(found, few.films, known.films) == {}


@pytest.mark.parametrize("offset_s", [0.0, 1e9, -5.0])
def test_stretch_that_is_not_there_says_nothing(offset_s: float) -> None:
    """A match's seconds are what another method said, and are not trusted."""
    known = file(take(2))
    found = matches(known, known)[0].segments[0]
    astray = replace(found, query_start_s=1e6 + offset_s, query_end_s=2e6, best_reference_s=-1e6)

    assert motion(astray, known.films, known.films) is None


def test_hours_cost_no_more_than_minutes() -> None:
    """Only some frames of a long stretch are looked at."""
    values = [RANDOM.bytes(32) for _ in range(40_000)]
    hours = [
        Fingerprint(offset_s=number / 4, region="whole", value=value, quality=90) for number, value in enumerate(values)
    ]
    known = films(hours, hours)
    whole = matches(file(take(2)), file(take(2)))[0].segments[0]
    told = motion(replace(whole, query_start_s=0.0, query_end_s=9000.0, reference_end_s=9000.0), known, known)

    assert told is not None
    assert told.pattern == pytest.approx(1.0)
    assert told.change == pytest.approx(0.0)
