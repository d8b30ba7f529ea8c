"""Along which line two sounds agree, and how far: the share of bits that differ, in windows.

Never takes a line for true by its best moment alone: the shorter the window, the fewer bits may differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matchers.chromaprint import NOTHING, Items
from matchers.sound_votes import CHUNK, Candidate, Places

# Windows in items (eighths of a second), and how many of 1000 bits may differ in each: ALLOWED where the
# pitch is the same, ALLOWED_TURNED where it moved with the speed. That is twenty of twenty-one ways to look,
# and all false matches met were such (185 in 32, 208 in 64); what is true lies at 40..130 there.
# Strangers' least: of real sound tracks, 416 pairs: 204 in 16, 250 in 32, 350 in 64; of drawn melodies of
# one key and beat 204 in 16, 253 in 32, 300 in 64 (15 pairs).
WINDOWS = (16, 32, 64)
ALLOWED = (130, 190, 240)
ALLOWED_TURNED = (105, 150, 190)
CONTRAST = 0.6  # of the error 0.75 to 1.5 s beside the line: what agrees there as well is steady, not the same
BESIDE = 6  # shifts
HEARD = 0.75  # of a window must be heard in both sounds
MARGIN = 32  # items beyond the chunk on each side: the window that fits best may begin in the next one
SHIFTS = np.arange(-12, 13)  # items about the place that was voted for
EDGE = 360  # of 1000 bits, over SMOOTH items: beyond it the sounds have parted; strangers differ by 400..500
SMOOTH = 16
PREFERRED = 5  # of 1000: a tempo of 1 wins against one that is not better by more


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Items first..last (inclusive) of the query sound like the reference along one line.

    owner       number of the reference
    start, end  the first item and the last, of the query and of the reference
    whole_start, whole_end  the query begins or ends there: the sounds do not part
    tempo       reference items per query item
    pairs       items compared on it
    error       of 1000 bits, in the window that agrees best
    allowed     of 1000 bits, in a window of that length
    best        the middle of that window
    """

    owner: int
    query_start: int
    query_end: int
    reference_start: int
    reference_end: int
    tempo: float
    pairs: int
    error: int
    allowed: int
    query_best: int
    reference_best: int
    whole_start: bool
    whole_end: bool


def best_lines(
    query: Items,
    places: Places,
    candidates: Sequence[Candidate],
    tempos: Sequence[float],
    allowed: Sequence[int] = ALLOWED,
) -> list[Line]:
    """Return the lines that hold, each stretch of the query once a reference.

    allowed     of 1000 bits, for each of WINDOWS
    """
    found: list[Line] = []
    for candidate in candidates:
        covered = any(
            line.owner == candidate.owner
            and line.query_start <= candidate.start + CHUNK // 4
            and line.query_end >= candidate.start + CHUNK - CHUNK // 4
            for line in found
        )
        line = None if covered else _line(query, places, candidate, tempos, allowed)
        if line is not None:
            found.append(line)
    return found


def _line(
    query: Items, places: Places, candidate: Candidate, tempos: Sequence[float], limits: Sequence[int]
) -> Line | None:
    first, last = max(0, candidate.start - MARGIN), min(len(query), candidate.start + CHUNK + MARGIN)
    rows = np.arange(first, last)
    pivot = candidate.start + CHUNK // 2
    at = candidate.at + CHUNK // 2
    slopes = np.asarray(tempos)[:, None] * (rows - pivot)[None, :]
    columns = np.floor(slopes + 0.5).astype(np.int64)[:, None, :] + (at + SHIFTS)[None, :, None]
    bits, heard = _bits(query[rows], places, columns, candidate.owner)
    best: tuple[float, int, int, int, int, int] | None = None
    sums = np.cumsum(np.pad(bits, ((0, 0), (0, 0), (1, 0))), axis=2, dtype=np.int32)
    counts = np.cumsum(np.pad(heard, ((0, 0), (0, 0), (1, 0))), axis=2, dtype=np.int32)
    for window, allowed in zip(WINDOWS, limits, strict=True):
        if window > len(rows):
            break
        compared = counts[:, :, window:] - counts[:, :, :-window]
        wrong = sums[:, :, window:] - sums[:, :, :-window]
        error = np.where(compared >= HEARD * window, wrong * 1000.0 / (32 * np.maximum(compared, 1)), 1000.0)
        error = np.where(error <= CONTRAST * _beside(error), error, 1000.0)
        judged = error + np.where(np.asarray(tempos) == 1.0, 0, PREFERRED)[:, None, None] - allowed
        tempo, shift, start = np.unravel_index(int(np.argmin(judged)), judged.shape)
        value = float(error[tempo, shift, start])
        if value <= allowed and (best is None or judged[tempo, shift, start] < best[0]):
            middle = first + int(start) + window // 2
            best = (float(judged[tempo, shift, start]), int(tempo), int(shift), middle, round(value), allowed)
    if best is None:
        return None
    _, tempo_row, shift_row, middle, value, allowed = best
    return _followed(
        query,
        places,
        candidate.owner,
        (tempos[tempo_row], pivot, at + int(SHIFTS[shift_row])),
        (middle, value, allowed),
    )


def _bits(
    query: Items, places: Places, columns: NDArray[np.int64], owner: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Count the bits that differ, and say where both are heard."""
    inside = (columns >= places.first[owner]) & (columns < places.last[owner])
    reference = np.where(inside, places.items[np.where(inside, columns, 0)], NOTHING)
    heard = (reference != NOTHING) & (query != NOTHING)
    return np.where(heard, np.bitwise_count(query ^ reference), 0).astype(np.uint8), heard


def _beside(error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean error of the lines beside each, at least BESIDE shifts away.

    error   (tempos, shifts, starts), 1000 where too little is heard: no reason to call a line good
    """
    count = error.shape[1]
    far = np.abs(np.arange(count)[:, None] - np.arange(count)[None, :]) >= BESIDE
    return np.asarray(np.einsum("tsw,rs->trw", error, far / far.sum(axis=1, keepdims=True)))


def _followed(
    query: Items,
    places: Places,
    owner: int,
    course: tuple[float, int, int],
    best: tuple[int, int, int],
) -> Line:
    """Follow the line both ways from its best window to where the sounds part.

    course  its tempo, and a query item and a place of the row that it goes through
    best    the window's middle, its error and what it is allowed
    """
    tempo, pivot, at = course
    middle, error, allowed = best
    columns = np.floor(tempo * (np.arange(len(query)) - pivot) + 0.5).astype(np.int64) + at
    bits, heard = _bits(query, places, columns, owner)
    weights = np.ones(SMOOTH)
    compared = np.convolve(heard, weights, "same")
    wrong = np.convolve(bits, weights, "same")
    parted = (compared < SMOOTH / 4) | (wrong * 1000 > EDGE * 32 * compared)
    before, after = np.flatnonzero(parted[:middle]), np.flatnonzero(parted[middle + 1 :])
    start = int(before[-1]) + 1 if len(before) else 0
    end = middle + int(after[0]) if len(after) else len(query) - 1
    return Line(
        owner=owner,
        query_start=start,
        query_end=end,
        reference_start=int(columns[start] - places.first[owner]),
        reference_end=int(columns[end] - places.first[owner]),
        tempo=tempo,
        pairs=int(heard[start : end + 1].sum()),
        error=error,
        allowed=allowed,
        query_best=middle,
        reference_best=int(columns[middle] - places.first[owner]),
        whole_start=start == 0,
        whole_end=end == len(query) - 1,
    )
