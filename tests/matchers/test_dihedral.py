"""A turned hash is nearly the hash of the turned picture, and a match says how the query was turned."""

from collections.abc import Callable

import numpy as np
import pytest

from core.errors import ShapeError
from core.records import Match
from matchers import dihedral, pdq, phash
from matchers.examples import bordered, scene, still
from matchers.frames import Frame, Luma
from matchers.index import Words, pack
from matchers.method import Method

# What each function does to a picture; rot90 counts against the clock.
PICTURES: dict[Callable[[Words], Words], Callable[[Luma], Luma]] = {
    dihedral.mirrored: lambda luma: luma[:, ::-1],
    dihedral.flipped: lambda luma: luma[::-1],
    dihedral.turned_180: lambda luma: np.rot90(luma, 2),
    dihedral.transposed: lambda luma: luma.T,
    dihedral.turned_90: lambda luma: np.rot90(luma, -1),
    dihedral.turned_270: np.rot90,
    dihedral.transversed: lambda luma: np.rot90(luma, 2).T,
}
SCENES = [scene(seed, width_px=352 + 5 * seed, height_px=512 - 7 * seed) for seed in range(24)]
METHODS = pytest.mark.parametrize("method", [phash.METHOD, pdq.METHOD], ids=lambda method: method.name)
TURNS = pytest.mark.parametrize("turn", PICTURES, ids=lambda turn: turn.__name__)


def words(name: str, lumas: list[Luma]) -> Words:
    values = phash.bits(lumas) if name == "phash" else pdq.hashes(lumas)[0]
    return pack(value.tobytes() for value in values)


def upright(values: Words) -> Words:
    return values


def found(method: Method, query: Luma, reference: Luma) -> list[Match]:
    """Look one picture up among one reference."""
    return method.bank(method, [("r", method.fingerprint(still(reference)))]).compare(
        "q", method.fingerprint(still(query))
    )


@TURNS
@pytest.mark.parametrize(("name", "mean", "most"), [("phash", 9, 26), ("pdq", 16, 40)])
def test_turned_hash_is_near_that_of_the_turned_picture(
    turn: Callable[[Words], Words], name: str, mean: int, most: int
) -> None:
    """Bits of 256, on average and at worst. PDQ picks its points half a pixel off, so its mirrors are worse."""
    turned = [np.ascontiguousarray(PICTURES[turn](luma)) for luma in SCENES]
    apart = np.bitwise_count(turn(words(name, SCENES)) ^ words(name, turned)).sum(axis=1)

    assert (apart.mean() <= mean, apart.max() <= most) == (True, True)


@TURNS
def test_turn_is_no_other_turn(turn: Callable[[Words], Words]) -> None:
    """Only the right turn of the hash comes near: every other one is as far as a stranger."""
    turned = words("phash", [np.ascontiguousarray(PICTURES[turn](luma)) for luma in SCENES])
    apart = {
        other: np.bitwise_count(other(words("phash", SCENES)) ^ turned).sum(axis=1).min()
        for other in [*PICTURES, upright]
        if other is not turn
    }

    assert min(apart.values()) > 64


def test_turns_form_the_group_of_the_square() -> None:
    """Four quarter turns, two mirrors, or a turn and the turn back change nothing."""
    values = np.random.default_rng(7).integers(0, 1 << 63, (50, 4), dtype=np.uint64)
    quarter, back = dihedral.turned_90, dihedral.turned_270
    twice = [turn(turn(values)) for turn in (dihedral.mirrored, dihedral.flipped, dihedral.transposed)]
    same = [*twice, back(quarter(values)), quarter(quarter(quarter(quarter(values))))]

    assert all((one == values).all() for one in same)
    assert (quarter(quarter(values)) == dihedral.turned_180(values)).all()
    assert (dihedral.turned_180(dihedral.transposed(values)) == dihedral.transversed(values)).all()


@TURNS
def test_other_widths_are_refused(turn: Callable[[Words], Words]) -> None:
    """64 bits are no 16 x 16 square."""
    with pytest.raises(ShapeError, match="only 256 bits"):
        turn(np.zeros((3, 1), np.uint64))


@METHODS
@pytest.mark.parametrize(
    ("shown", "mirrored", "region"),
    [
        (lambda luma: luma, False, "whole"),
        (lambda luma: luma[:, ::-1], True, "whole"),
        (lambda luma: np.rot90(luma, -1), False, "whole turned 90"),
        (lambda luma: np.rot90(luma, 2), False, "whole turned 180"),
        (np.rot90, False, "whole turned 270"),
    ],
)
def test_match_says_how_the_query_was_turned(
    method: Method, shown: Callable[[Luma], Luma], *, mirrored: bool, region: str
) -> None:
    """Mirrored is a mark of its own; a quarter turn, clockwise, stands with the region."""
    (match,) = found(method, np.ascontiguousarray(shown(SCENES[3])), SCENES[3])

    assert (match.segments[0].mirrored, match.segments[0].region) == (mirrored, region)


@METHODS
def test_mirrored_clip_in_a_border_is_one_match(method: Method) -> None:
    """Six mirrored seconds in a border are one segment of six pairs, mirrored, of a picture inside the frame."""
    reference = method.fingerprint([Frame(offset_s=float(second), luma=SCENES[second]) for second in range(8)])
    shown = [bordered(np.ascontiguousarray(SCENES[second][:, ::-1])) for second in range(2, 8)]
    query = method.fingerprint([Frame(offset_s=float(second), luma=luma) for second, luma in enumerate(shown)])
    (match,) = method.bank(method, [("r", reference), ("other", method.fingerprint(still(SCENES[20])))]).compare(
        "q", query
    )
    (segment,) = match.segments

    assert (match.reference, segment.pairs, segment.mirrored, segment.region == "whole") == ("r", 6, True, False)
    assert (segment.reference_start_s, segment.reference_end_s) == (2.0, 7.0)


@METHODS
def test_symmetric_picture_is_explained_once(method: Method) -> None:
    """A picture that is nearly its own mirror image is found as it is, and not mirrored besides."""
    half = SCENES[5]
    symmetric = np.hstack([half, half[:, ::-1]])
    # Not wholly: half the bits of a picture that is, are chance, and phash calls it too weak to compare.
    other = scene(77, width_px=symmetric.shape[1], height_px=symmetric.shape[0])
    nearly = np.asarray(symmetric * 0.75 + other * 0.25, np.uint8)
    (match,) = found(method, nearly, nearly)

    assert [(one.mirrored, one.best_distance) for one in match.segments] == [(False, 0)]


@METHODS
def test_turns_bring_no_strangers(method: Method) -> None:
    """No scene matches another one, however it is turned."""
    references = [(str(number), method.fingerprint(still(luma))) for number, luma in enumerate(SCENES)]
    bank = method.bank(method, references)
    strangers = [
        match
        for number, luma in enumerate(SCENES)
        for match in bank.compare("q", method.fingerprint(still(luma)))
        if match.reference != str(number)
    ]

    assert strangers == []
