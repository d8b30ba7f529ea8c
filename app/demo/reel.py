"""Write and read short mp4 files: H.264, yuv420p, the index in front; a quiet soundtrack if wanted.

One thread an encoder: the same frames give the same bytes, and the pool has its own workers.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from app.demo.camera import Frame

RATE_HZ = 22050


def write(path: Path, frames: Iterable[Frame], *, fps: Fraction | int, crf: int = 23, sound: int | None = None) -> None:
    """Encode frames of one size, even in width and height. `sound` seeds a soundtrack as long as the picture."""
    several = iter(frames)
    first = next(several)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as box:
        video = box.add_stream("libx264", rate=Fraction(fps), options={"crf": str(crf), "preset": "veryfast"})
        video.height, video.width, video.pix_fmt = first.shape[0], first.shape[1], "yuv420p"
        video.codec_context.thread_count = 1
        if sound is not None:
            audio = box.add_stream("aac", rate=RATE_HZ, layout="mono")
            audio.bit_rate = 32_000
        count = 0
        for frame in chain([first], several):
            box.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            count += 1
        box.mux(video.encode(None))
        if sound is not None:
            for part in _chunks(tune(sound, count / float(fps))):
                box.mux(audio.encode(part))
            box.mux(audio.encode(None))


def read(path: Path, start_s: float = 0.0, seconds: float = 1e9) -> Iterator[Frame]:
    """Decode the frames whose time is in [start_s, start_s + seconds)."""
    with av.open(str(path)) as box:
        for frame in box.decode(video=0):
            if start_s - 1e-6 <= (frame.time or 0.0) < start_s + seconds - 1e-6:
                yield frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)


def tune(seed: int, seconds: float) -> NDArray[np.float32]:
    """A slow chord with an arpeggio, quiet: float32 (n,), -1..1."""
    rng = np.random.default_rng(seed)
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    root = 110 * 2 ** (rng.integers(0, 12) / 12)
    notes = root * 2 ** (np.array([0, 3 + seed % 2, 7, 12, 15, 19]) / 12)
    pad = sum(np.sin(2 * np.pi * note * at + rng.random()) / (k + 2) for k, note in enumerate(notes[:4]))
    beat = 0.42 + 0.06 * (seed % 3)
    step = (at / beat).astype(int)
    pluck = np.sin(2 * np.pi * notes[(step * 2 + step // 3) % 6] * 2 * at) * np.exp(-((at / beat) % 1) * 4)
    edge = np.clip(np.minimum(at, seconds - at) * 2, 0, 1)
    samples: NDArray[np.float32] = ((0.10 * pad + 0.08 * pluck) * edge).astype(np.float32)
    return samples


def _chunks(samples: NDArray[np.float32]) -> Iterator[av.AudioFrame]:
    for start in range(0, len(samples), 1024):
        part = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
        part.sample_rate, part.pts, part.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
        yield part
