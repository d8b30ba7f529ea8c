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
from matchers.method import Method

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
def _lumas(file: Path) -> tuple[Luma, ...]:
    """The frames of a file, one a second."""
    return tuple(frame.luma for frame in read(file).frames if frame.tick)


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


def made(number: int, from_: Sources) -> tuple[str, list[Frame]]:
    """Make reference `number` of the library: its id, which carries its scene, and its frames."""
    random = Random(f"library {number}")  # noqa: S311  (the same library everywhere, nothing secret)
    what = random.choice(MIX)
    if what == "clip" and from_.clips:
        file = random.choice(from_.clips)
        lumas = _lumas(file)
        first = random.randrange(max(1, len(lumas) - CLIP_FRAMES + 1))
        seed = random.random()
        changed = [_changed(luma, Random(seed)) for luma in lumas[first : first + CLIP_FRAMES]]  # noqa: S311
        shown = scene(file.name)
    elif what == "still" and from_.stills:
        file = random.choice(from_.stills)
        changed, shown = [_changed(_lumas(file)[0], random)], scene(file.name)
    else:
        picture = drawn(LONGEST_PX, random.choice((288, 384, 512)), random)
        changed, shown = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)], "drawn"
    frames = [Frame(offset_s=float(second), luma=luma) for second, luma in enumerate(changed)]
    return f"library:{shown}#{number}", frames


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
                name, pictures = made(number, from_)
                rows.append((name, len(pictures), method.fingerprint(pictures)))
            shelf.write_bytes(pickle.dumps(rows))
        for name, shown, prints in pickle.loads(shelf.read_bytes()):  # noqa: S301  (written by this bench alone)
            if so_far >= frames:
                return
            so_far += shown
            yield name, prints
