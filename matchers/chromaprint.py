"""Sound -> Chromaprint items: 32 bits for every eighth of a second, of which notes rise and fall.

The library is the one inside imageio-ffmpeg's ffmpeg, run as a child. Only samples that we decoded
ourselves are ever piped into it, never a file from outside.
"""

import subprocess
from functools import cache
from typing import TypeAlias

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from core.errors import MediaUnreadable, ShapeError
from matchers.sounds import Sound

Items: TypeAlias = NDArray[np.uint32]  # one an item; NOTHING where there is nothing to recognise

NOTHING = np.uint32(0)
RATE_HZ = 11025  # what Chromaprint listens at
HOP = 1365  # samples from item to item: a window of 4096 moves on by a third
HOP_S = HOP / RATE_HZ
SPAN = 20  # hops that one item looks at: 16 spectra, smoothed over 5
REACH_S = (SPAN - 1) * HOP_S + 4096 / RATE_HZ  # 2.7 s: what one item hears
LONGEST_S = 4 * 3600.0  # of a sound; frames are read as far (source.Limits)
TIMEOUT_S = 90.0  # 4 h take 10 s here; a child that hangs is killed
QUIET = 12.0  # root mean square of 32768: -69 dBFS, below any room; lossy codecs leave 0..4 in silence
FAINT = 0.003  # of the loudest second, -50 dB: the hiss between two scenes
HEARD_HOPS = SPAN // 2  # of an item must be above both
# An item must differ from those 0.7 to 2 s around it by this many of 32 bits. Measured: a tone, a chord, hum
# and silence 0, white noise 5.6, 18 of 20 real sound tracks 12..14 (their calmest tenth: 10).
STEADY_BITS = 8.0
LAGS = (6, 9, 12, 16)  # items


def items(sound: Sound, *, speed: float = 1.0) -> Items:
    """Return what Chromaprint hears when the sound is played `speed` times as fast, its pitch with it.

    sound   mono; what follows after LONGEST_S is not heard
    returns one item for every HOP_S * speed seconds of the sound; NOTHING where it is silent or steady
    raises  MediaUnreadable when the child fails or hangs
    source  chromaprint 1.5, algorithm 1 (TEST2), the one AcoustID uses
    """
    samples = np.ascontiguousarray(sound.samples[: round(LONGEST_S * sound.rate_hz)], "<i2")
    rate_hz = round(sound.rate_hz * speed)
    if len(samples) / rate_hz < REACH_S:
        return np.empty(0, np.uint32)
    found = _ask(samples, rate_hz)
    kept = _heard(samples, round(HOP * rate_hz / RATE_HZ), len(found)) & (_change(found) >= STEADY_BITS)
    return np.where(kept, found, NOTHING).astype(np.uint32)


def pack(heard: Items) -> bytes:
    """Return the items as a fingerprint's value: big-endian, 4 bytes each."""
    return heard.astype(">u4").tobytes()


def unpack(value: bytes) -> Items:
    """Return the items of a fingerprint's value; raises ShapeError when it is not of whole items."""
    if len(value) % 4:
        raise ShapeError(f"a sound of {len(value)} bytes; items take 4 each, fingerprint the file again")
    return np.frombuffer(value, ">u4").astype(np.uint32)


@cache
def executable() -> str | None:
    """Return the ffmpeg with Chromaprint; None where there is none."""
    try:
        path = str(imageio_ffmpeg.get_ffmpeg_exe())
        told = subprocess.run([path, "-v", "error", "-muxers"], capture_output=True, timeout=30, check=False)
    except (RuntimeError, OSError, subprocess.SubprocessError):
        return None
    return path if b"chromaprint" in told.stdout else None


def _ask(samples: NDArray[np.int16], rate_hz: int) -> Items:
    command = [executable() or "ffmpeg", "-v", "error", "-protocol_whitelist", "pipe", "-threads", "1"]
    command += ["-f", "s16le", "-ar", str(rate_hz), "-ac", "1", "-i", "pipe:0"]
    command += ["-f", "chromaprint", "-algorithm", "1", "-fp_format", "raw", "pipe:1"]
    try:
        told = subprocess.run(
            command, input=samples.data.cast("B"), capture_output=True, timeout=TIMEOUT_S, check=False, env={}
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MediaUnreadable(f"the sound: Chromaprint gave no answer ({error}); run `clipwarden doctor`") from error
    if told.returncode != 0 or len(told.stdout) % 4:
        why = told.stderr.decode(errors="replace").strip()[:200]
        raise MediaUnreadable(f"the sound: Chromaprint stopped with {told.returncode} ({why}); run `clipwarden doctor`")
    return np.frombuffer(told.stdout, "<u4").astype(np.uint32)


def _heard(samples: NDArray[np.int16], hop: int, count: int) -> NDArray[np.bool_]:
    """Say of each item whether half of what it looks at is loud enough to be meant."""
    whole = samples[: len(samples) // hop * hop].reshape(-1, hop)
    # Summed exactly, in integers: the same on every processor.
    power = np.array([int(np.dot(row, row)) for row in whole.astype(np.int64)]) / hop
    second = 8 if len(power) >= 8 else 1
    loudest = float(np.convolve(power, np.ones(second) / second, "valid").max(initial=0.0))
    loud = power >= max(QUIET**2, FAINT**2 * loudest)
    sums = np.concatenate([[0], np.cumsum(loud)])
    ends = np.minimum(np.arange(count) + SPAN, len(loud))
    starts = np.minimum(np.arange(count), len(loud))
    return np.asarray(sums[ends] - sums[starts] >= HEARD_HOPS)


def _change(found: Items) -> NDArray[np.float64]:
    """Count the bits by which each item differs from those around it, on average."""
    total, times = np.zeros(len(found)), np.zeros(len(found))
    for lag in LAGS:
        if lag >= len(found):
            break
        bits = np.bitwise_count(found[lag:] ^ found[:-lag])
        total[lag:] += bits
        total[:-lag] += bits
        times[lag:] += 1
        times[:-lag] += 1
    return total / np.maximum(times, 1)
