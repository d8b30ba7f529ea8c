"""A studio's catalogue around the true references: frames of strangers, cropped, turned and relit.

What a large library does to recall and to false hits cannot be seen with fifty references. Made from
the same footage as the strangers' queries, so a query may well find its own source there: bench/match.py
knows the scene of each, and counts that as the same scene.
"""

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np

from bench.animations import drawn
from bench.corpus import CONSOLE, scene
from core.records import Fingerprint
from matchers.frames import Frame, Luma, read
from matchers.method import RUN_FRAMES, Method

CLIP_FRAMES = 16  # of one source, one a second, under one crop: a reference of the library
CHUNK = 32  # references that are fingerprinted and kept together
LONGEST_PX = 512  # as matchers/source.py scales what it decodes
MIX = ("clip", "clip", "clip", "clip", "still", "still", "drawn")  # of references


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The strangers' files of a half."""

    clips: tuple[Path, ...]
    stills: tuple[Path, ...]


def sources(index: Mapping[str, Any]) -> Sources:
    """Find the files that the strangers of an index were made of."""
    corpus = Path(index["corpus"])
    names = sorted({query["source"] for query in index["queries"] if query["group"] == "distractor"})
    clips = tuple(corpus / "videos" / name for name in names if name.endswith(".mp4"))
    return Sources(clips=clips, stills=tuple(corpus / "images" / name for name in names if not name.endswith(".mp4")))


@cache
def _shown(file: Path, *, dense: bool) -> tuple[Frame, ...]:
    """The frames of a file, one a second; or all that the usual plan takes."""
    taken = (frame for frame in read(file).frames if dense or frame.tick)
    return tuple(Frame(offset_s=one.offset_s, luma=one.luma, tick=one.tick) for one in taken)


def _cut(file: Path, random: Random, *, dense: bool) -> Iterator[tuple[float, bool, Luma]]:
    """Choose CLIP_FRAMES seconds of a clip: when each frame is shown, whether it is a second's first, and its luma."""
    seconds = _shown(file, dense=False)
    first = random.randrange(max(1, len(seconds) - CLIP_FRAMES + 1))
    chosen = seconds[first : first + CLIP_FRAMES]
    if not dense:
        yield from ((float(second), True, one.luma) for second, one in enumerate(chosen))
        return
    start_s, end_s = chosen[0].offset_s, chosen[-1].offset_s
    for one in _shown(file, dense=True):
        if start_s <= one.offset_s <= end_s:
            yield one.offset_s - start_s, one.tick, one.luma


def _changed(luma: Luma, random: Random) -> Luma:
    """Crop, turn, mirror and relight a frame; the same `random` state gives the same change."""
    height, width = luma.shape
    kept, turn = random.uniform(0.5, 0.92), random.uniform(-9, 9)
    left, top = random.random() * (1 - kept) * width, random.random() * (1 - kept) * height
    gain, offset, mirrored = random.uniform(0.7, 1.25), random.uniform(-25, 25), random.random() < 0.5
    spin = cv2.getRotationMatrix2D((left + kept * width / 2, top + kept * height / 2), turn, 1 / kept)
    spin[0, 2] -= left + kept * width / 2 - width / 2
    spin[1, 2] -= top + kept * height / 2 - height / 2
    moved = cv2.warpAffine(luma, spin, (width, height), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
    relit = np.clip(moved * gain + offset, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(relit[:, ::-1]) if mirrored else relit


def made(number: int, from_: Sources, *, dense: bool = False) -> tuple[str, list[Frame]]:
    """Make reference `number` of the library: its id, which carries its scene, and its frames.

    dense   with the frames between the seconds: the same seconds, under the same change
    """
    random = Random(f"library {number}")  # noqa: S311  (the same library everywhere, nothing secret)
    what = random.choice(MIX)
    if what == "clip" and from_.clips:
        file = random.choice(from_.clips)
        cut, seed = list(_cut(file, random, dense=dense)), random.random()
        frames = [
            Frame(offset_s=offset_s, luma=_changed(luma, Random(seed)), tick=tick)  # noqa: S311 - one change for all its frames
            for offset_s, tick, luma in cut
        ]
        return f"library:{scene(file.name)}#{number}", frames
    if what == "still" and from_.stills:
        file = random.choice(from_.stills)
        luma, shown = _changed(_shown(file, dense=False)[0].luma, random), scene(file.name)
    else:
        picture = drawn(LONGEST_PX, random.choice((288, 384, 512)), random)
        luma, shown = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8), "drawn"
    return f"library:{shown}#{number}", [Frame(offset_s=0.0, luma=luma)]


def _runs(frames: list[Frame]) -> Iterator[list[Frame]]:
    return (frames[start : start + RUN_FRAMES] for start in range(0, len(frames), RUN_FRAMES))


def library(
    method: Method, half: str, frames: int, from_: Sources, work: Path, *, fresh: bool
) -> Iterator[tuple[str, list[Fingerprint]]]:
    """Yield references until they hold `frames` frames, fingerprinted by one method; kept in chunks of CHUNK."""
    folder = work / "prints" / f"{method.name}-{method.version}" / f"library-{half}"
    folder.mkdir(parents=True, exist_ok=True)
    so_far = 0
    for chunk in count():
        if chunk % 32 == 0:
            CONSOLE.print(f"library: {method.name}, {so_far} of {frames} frames")
        shelf = folder / f"{chunk:05d}.pickle"
        if fresh or not shelf.exists():
            rows = []
            for number in range(chunk * CHUNK, (chunk + 1) * CHUNK):
                name, frames_of = made(number, from_, dense=method.movement)
                prints = [one for run in _runs(frames_of) for one in method.fingerprint(run)]
                rows.append((name, sum(frame.tick for frame in frames_of), prints))
            shelf.write_bytes(pickle.dumps(rows))
        for name, shown, prints in pickle.loads(shelf.read_bytes()):  # noqa: S301  (written by this bench alone)
            if so_far >= frames:
                return
            so_far += shown
            yield name, prints
