"""Sounds made by code, for the examples of the methods that listen.

Never read from disk: an example must say all there is to it.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from matchers.sounds import Sound

RATE_HZ = 11025
NOTE_S = 0.25
SCALE = (0, 2, 4, 5, 7, 9, 11)  # major: all melodies share one key, as the hardest strangers do
LOUD = 6000.0  # of 32768, root mean square


@lru_cache(maxsize=64)
def melody(seed: int, *, seconds: float = 12.0) -> Sound:
    """Play random notes over changing chords, with a drum; another seed, another piece in the same key and beat."""
    random = np.random.default_rng(seed)
    count = round(seconds * RATE_HZ)
    played = np.zeros(count)
    for start_s in np.arange(0.0, seconds, NOTE_S):
        note = 60 + SCALE[random.integers(7)] + 12 * int(random.integers(2))
        _add(played, start_s, _note(note, NOTE_S * float(random.choice([1, 2, 3])), random))
        if random.random() < 0.5:
            _add(played, start_s, 0.4 * random.normal(size=800) * np.exp(-np.arange(800) / 150))
    for start_s in np.arange(0.0, seconds, 4 * NOTE_S):
        root = int(random.integers(7))
        for step in (0, 2, 4):
            note = 48 + SCALE[(root + step) % 7]
            _add(played, start_s, 0.6 * _note(note, 4 * NOTE_S, random))
    return sound(played)


def sound(played: NDArray[np.float64], *, loud: float = LOUD) -> Sound:
    """Make samples of any scale a Sound of the given loudness."""
    power = float(np.sqrt(np.mean(played**2))) or 1.0
    return Sound(offset_s=0.0, rate_hz=RATE_HZ, samples=np.clip(played / power * loud, -32768, 32767).astype(np.int16))


def cut(whole: Sound, start_s: float, end_s: float) -> Sound:
    """Return a part of it."""
    first, last = (round(moment_s * whole.rate_hz) for moment_s in (start_s, end_s))
    return Sound(offset_s=0.0, rate_hz=whole.rate_hz, samples=whole.samples[first:last])


def mixed(first: Sound, second: Sound, *, second_db: float) -> Sound:
    """Return both at once, the second so much louder or softer."""
    count = min(len(first.samples), len(second.samples))
    both = first.samples[:count] + 10 ** (second_db / 20) * second.samples[:count].astype(np.float64)
    return sound(both)


def faster(whole: Sound, speed: float) -> Sound:
    """Return it played faster, its pitch raised with it."""
    count = int(len(whole.samples) / speed)
    at = np.arange(count) * speed
    return sound(np.interp(at, np.arange(len(whole.samples)), whole.samples.astype(np.float64)))


def _note(note: int, long_s: float, random: np.random.Generator) -> NDArray[np.float64]:
    """One note with four overtones that dies away."""
    at_s = np.arange(round(long_s * RATE_HZ)) / RATE_HZ
    pitch_hz = 440.0 * 2 ** ((note - 69) / 12)
    tones = [
        np.sin(2 * np.pi * pitch_hz * (1 + over) * at_s + random.uniform(0, 6)) / (1 + over) ** 1.5 for over in range(4)
    ]
    return np.asarray(np.sum(tones, axis=0) * np.exp(-3 * at_s) * np.minimum(1, at_s / 0.01))


def _add(played: NDArray[np.float64], start_s: float, more: NDArray[np.float64]) -> None:
    first = round(start_s * RATE_HZ)
    part = played[first : first + len(more)]
    part += more[: len(part)]


def alike() -> Iterator[tuple[Sound, Sound]]:
    """Yield a quieter cut, one with another melody over it, and one played faster."""
    yield melody(1), cut(sound(melody(1).samples.astype(np.float64), loud=400), 2.0, 10.0)
    yield melody(2), mixed(melody(2), melody(3), second_db=-8)
    yield melody(4), faster(melody(4), 1.25)


def unlike() -> Iterator[tuple[Sound, Sound]]:
    """Yield two melodies of one key, and two stretches of one piece that do not overlap."""
    yield melody(1), melody(2)
    yield cut(melody(5), 0.0, 6.0), cut(melody(5), 6.0, 12.0)
