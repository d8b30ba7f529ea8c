"""The sound track: what is recognised under edits, where, and what never is."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from app.isolation import Guard, each
from core.errors import MediaUnreadable, ShapeError
from core.records import Basis, Fingerprint, Match
from matchers import chromaprint
from matchers.chromaprint import NOTHING, items, pack, unpack
from matchers.examples_sound import RATE_HZ, cut, faster, melody, mixed, sound
from matchers.sound import METHOD, fingerprint
from matchers.sound_bank import COMMON, COMMON_MOST, SoundBank, region_at, sound_bank
from matchers.sounds import Sound

WHOLE = melody(1, seconds=24.0)
PART = cut(WHOLE, 5.0, 17.0)
STRANGER = melody(9, seconds=24.0)
MIB = 1 << 20


@pytest.fixture(scope="module")
def bank() -> SoundBank:
    """Three pieces of one key and beat."""
    pieces = {"whole": WHOLE, "other": melody(2, seconds=24.0), "third": melody(3, seconds=24.0)}
    return sound_bank(METHOD, [(name, fingerprint(piece)) for name, piece in pieces.items()])


def found(bank: SoundBank, heard: Sound) -> list[Match]:
    return bank.compare("q", fingerprint(heard))


def joined(*parts: Sound) -> Sound:
    return replace(parts[0], samples=np.concatenate([part.samples for part in parts]))


def silence(seconds: float) -> Sound:
    return Sound(offset_s=0.0, rate_hz=RATE_HZ, samples=np.zeros(round(seconds * RATE_HZ), np.int16))


def stretched(whole: Sound, tempo: float) -> Sound:
    """Change the tempo and keep the pitch, as editors do."""
    command = [str(chromaprint.executable()), "-v", "error", "-f", "s16le", "-ar", str(RATE_HZ), "-ac", "1"]
    command += ["-i", "pipe:0", "-af", f"atempo={tempo}", "-f", "s16le", "pipe:1"]
    told = subprocess.run(command, input=whole.samples.tobytes(), capture_output=True, check=True)
    return replace(whole, samples=np.frombuffer(told.stdout, np.int16))


def steady() -> Iterator[tuple[str, np.ndarray]]:
    """Sounds in which nothing happens, 12 s each."""
    at_s = np.arange(12 * RATE_HZ) / RATE_HZ
    noise = np.random.default_rng(4).normal(size=len(at_s))
    yield "tone", np.sin(2 * np.pi * 440 * at_s)
    yield "chord", sum((np.sin(2 * np.pi * pitch_hz * at_s) for pitch_hz in (262, 330, 392)), np.zeros(len(at_s)))
    yield "hum", sum((np.sin(2 * np.pi * 50 * k * at_s) / k for k in range(1, 9)), 0.1 * noise)
    yield "noise", noise
    yield "wavering tone", np.sin(2 * np.pi * 440 * at_s) * (1.5 + np.sin(np.pi * at_s))


EDITS = {
    "softer": lambda: sound(PART.samples.astype(np.float64), loud=250.0),
    "clipped": lambda: sound(PART.samples.astype(np.float64), loud=30000.0),
    "another melody over it": lambda: mixed(PART, STRANGER, second_db=-8),
    "noise over it": lambda: mixed(PART, sound(np.random.default_rng(2).normal(size=12 * RATE_HZ)), second_db=-6),
    "slowed": lambda: faster(PART, 0.8),
    "a little faster": lambda: faster(PART, 1.06),
    "sped up": lambda: faster(PART, 1.25),
    "tempo up": lambda: stretched(PART, 1.25),
    "tempo down": lambda: stretched(PART, 0.8),
    "between others": lambda: joined(cut(STRANGER, 0, 6), PART, cut(STRANGER, 6, 12)),
    "between silences": lambda: joined(silence(5), PART, silence(5)),
    "5 s cut out": lambda: joined(cut(WHOLE, 0, 10), cut(WHOLE, 15, 24)),
}


@pytest.mark.parametrize("edit", EDITS)
def test_copy_is_found_under(bank: SoundBank, edit: str) -> None:
    """An edited part finds its piece, and no other of the same key and beat."""
    assert [match.reference for match in found(bank, EDITS[edit]())] == ["whole"]


@pytest.mark.parametrize(("name", "samples"), list(steady()), ids=lambda value: value if isinstance(value, str) else "")
def test_steady_sound_is_nothing(name: str, samples: np.ndarray) -> None:
    """What does not change is in every film: no fingerprint."""
    assert fingerprint(sound(samples)) == []


@pytest.mark.parametrize("count", [0, 1, 4096, 30_000])
def test_short_sound_is_nothing(count: int) -> None:
    """Under three seconds are too few to tell."""
    assert fingerprint(replace(PART, samples=PART.samples[:count])) == []


def test_stretch_is_told_in_seconds_of_both(bank: SoundBank) -> None:
    """Seconds 5 to 17 of the reference, after 6 s of something else; to a second."""
    (match,) = found(bank, joined(cut(STRANGER, 0, 6), PART, cut(STRANGER, 6, 12)))
    (part,) = match.segments
    told = (part.query_start_s, part.query_end_s, part.reference_start_s, part.reference_end_s)

    assert np.abs(np.array(told) - (6.0, 18.0, 5.0, 17.0)).max() <= 1.0
    assert (part.speed, part.region) == (1.0, "sound")


def test_cut_gives_two_stretches(bank: SoundBank) -> None:
    """Five seconds taken out show as two segments with a step between them."""
    (match,) = found(bank, EDITS["5 s cut out"]())
    first, second = sorted(match.segments, key=lambda part: part.query_start_s)

    assert (first.reference_start_s, second.reference_start_s - second.query_start_s) == pytest.approx((0, 5), abs=0.3)


@pytest.mark.parametrize(("edit", "speed"), [("slowed", 0.8), ("sped up", 1.25), ("tempo up", 1.25)])
def test_speed_is_told(bank: SoundBank, edit: str, speed: float) -> None:
    """Reference seconds per query second, to 3 %."""
    (match,) = found(bank, EDITS[edit]())

    assert match.segments[0].speed == pytest.approx(speed, rel=0.03)


def test_offset_of_the_sound_counts(bank: SoundBank) -> None:
    """A track that begins 2 s after the picture is told on the picture's clock."""
    (match,) = found(bank, replace(PART, offset_s=2.0))

    assert match.segments[0].query_start_s == pytest.approx(2.0, abs=0.2)


def test_match_says_moderately_what_it_proves(bank: SoundBank) -> None:
    """The recording is the same; the picture may be another: it suggests, and never as surely as a picture."""
    (match,) = found(bank, PART)

    assert match.basis is Basis.SUGGESTION
    assert COMMON_MOST < match.probability < 0.8


def test_sound_that_many_share_is_less_sure() -> None:
    """A jingle in COMMON references is weak; the piece that only one of them has is not."""
    jingle = cut(melody(30), 0, 7)
    rows = [(str(n), fingerprint(joined(jingle, melody(40 + n, seconds=6.0)))) for n in range(COMMON)]
    shared = found(sound_bank(METHOD, rows), jingle)
    (own,) = found(sound_bank(METHOD, rows), melody(40, seconds=6.0))

    assert [match.probability <= COMMON_MOST for match in shared] == [True] * COMMON
    assert own.probability > COMMON_MOST


def test_silent_stretch_is_left_out() -> None:
    """Items in silence are NOTHING, and count against the quality."""
    one = fingerprint(joined(PART, silence(12)))[0]

    assert 40 <= one.quality <= 60
    assert set(unpack(one.value)[-60:]) == {NOTHING}


def test_values_are_big_endian_items() -> None:
    """What is stored reads the same on every machine."""
    heard = np.array([1, 0x01020304], np.uint32)

    assert pack(heard) == b"\0\0\0\1\1\2\3\4"
    assert list(unpack(pack(heard))) == list(heard)


@pytest.mark.parametrize("value", [b"", b"\xff" * 400_000, b"\x12\x34\x56\x78" * 100_000])
def test_odd_values_are_compared_and_end(bank: SoundBank, value: bytes) -> None:
    """No items, or a hundred thousand equal ones, match nothing."""
    one = Fingerprint(offset_s=0.0, region=region_at(1.0), value=value, quality=100)

    assert bank.compare("q", [one]) == []


def test_broken_value_is_told(bank: SoundBank) -> None:
    """A value that is not of whole items is an error, not a guess."""
    with pytest.raises(ShapeError, match="fingerprint the file again"):
        bank.compare("q", [Fingerprint(offset_s=0.0, region="sound", value=b"123", quality=100)])


def test_bank_of_nothing_finds_nothing() -> None:
    """References without sound are no error."""
    empty = sound_bank(METHOD, [("silent", []), ("mute", [])])

    assert (empty.references, len(empty), found(empty, PART)) == (("silent", "mute"), 0, [])


def test_child_that_stops_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is no ffmpeg is told with what to do; silence would read as "nothing to hear"."""
    monkeypatch.setattr(chromaprint, "executable", lambda: "/bin/false")

    with pytest.raises(MediaUnreadable, match="clipwarden doctor"):
        items(PART)


def _in_worker(count: int) -> list[Fingerprint]:
    return fingerprint(melody(count, seconds=12.0))


@pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")
def test_child_runs_in_a_confined_worker() -> None:
    """Under the least memory that settings allow, and with no file to write, a worker hears the same."""
    guard = Guard(workers=1, max_seconds=60, memory_bytes=1024 * MIB)
    ((_, told),) = each(_in_worker, [1], guard)

    assert told == _in_worker(1)
