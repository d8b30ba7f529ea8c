"""What is heard: the right notes at the right time, and nothing that a file should not do."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import MediaUnreadable, NotFound
from matchers.frames import Limits
from matchers.sounds import Sound, sound
from tests.matchers import media


def pitch_hz(heard: Sound, start_s: float, end_s: float) -> float:
    """Name the loudest note between two moments; 0 where it is silent."""
    part = heard.samples[round(start_s * heard.rate_hz) : round(end_s * heard.rate_hz)].astype(float)
    loud = np.abs(np.fft.rfft(part))
    return float(loud.argmax() / (end_s - start_s)) if np.abs(part).max() > 100 else 0.0


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.mp4", "aac", 44_100),
        ("a.mkv", "flac", 96_000),
        ("a.webm", "libopus", 48_000),
        ("a.ts", "mp2", 48_000),
        ("a.avi", "pcm_s16le", 8_000),
        ("a.mp3", "libmp3lame", 22_050),
        ("a.wav", "pcm_s16le", 44_100),
        ("a.flac", "flac", 44_100),
    ],
)
def test_sound_keeps_its_notes_and_length(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    """Whatever codec and rate carry it, one channel at 11025 Hz comes out."""
    heard = sound(media.tone(tmp_path / name, codec=codec, rate=rate))

    assert heard is not None
    assert (heard.rate_hz, heard.samples.dtype, heard.samples.ndim) == (11_025, np.int16, 1)
    assert len(heard.samples) / heard.rate_hz == pytest.approx(3, abs=0.06)
    assert pitch_hz(heard, 0.5, 2.5) == pytest.approx(440, abs=1)


@pytest.mark.parametrize("name", ["a.mp4", "a.png", "a.gif"])
def test_what_has_no_sound_is_none(tmp_path: Path, name: str) -> None:
    """A silent film and a picture are no error."""
    pan = media.moving(3)
    if name == "a.mp4":
        media.video(tmp_path / name, pan)
    else:
        Image.fromarray(pan[0]).save(tmp_path / name)

    assert sound(tmp_path / name) is None


def test_junk_has_no_sound_and_says_so(tmp_path: Path) -> None:
    """What is no media is an error, by file name, and what to do."""
    (tmp_path / "a.mp4").write_bytes(b"hello world\n" * 99)

    with pytest.raises(MediaUnreadable, match=r"a\.mp4.*fetch"):
        sound(tmp_path / "a.mp4")


def test_missing_file_is_not_found(tmp_path: Path) -> None:
    """A path without a file is our mistake."""
    with pytest.raises(NotFound):
        sound(tmp_path / "a.mp4")


def test_sound_keeps_its_place_beside_the_picture(tmp_path: Path) -> None:
    """Sound that begins 0.7 s into the film says so, on the clock of its frames."""
    film = media.video(tmp_path / "film.mkv", media.moving(20), rate=10)
    track = media.tone(tmp_path / "tone.mkv", codec="flac")
    media.ffmpeg("-i", film, "-itsoffset", "0.7", "-i", track, "-c", "copy", tmp_path / "a.mkv")
    heard = sound(tmp_path / "a.mkv")

    assert heard is not None
    assert heard.offset_s == pytest.approx(0.7, abs=0.03)


def test_hole_is_silence(tmp_path: Path) -> None:
    """What follows a hole in the stream keeps its time."""
    heard = sound(media.tone(tmp_path / "a.mkv", codec="flac", hole_s=2))

    assert heard is not None
    assert [round(pitch_hz(heard, at, at + 1)) for at in (0.2, 2.0, 3.7)] == [440, 0, 440]
    assert len(heard.samples) / heard.rate_hz == pytest.approx(5, abs=0.06)


def test_long_sound_is_cut(tmp_path: Path) -> None:
    """Ten hours of hum cost no more than the limit."""
    heard = sound(media.tone(tmp_path / "a.mp3", codec="libmp3lame"), limits=Limits(max_duration_s=1))

    assert heard is not None
    assert (len(heard.samples), heard.truncated) == (11_025, "stopped at 1 s, the limit for one clip")


def test_endless_decoding_is_cut(tmp_path: Path) -> None:
    """A processor limit ends what the duration does not."""
    heard = sound(media.tone(tmp_path / "a.wav", codec="pcm_s16le", seconds=20), limits=Limits(max_decode_s=0))

    assert heard is not None
    assert (0 < len(heard.samples) < 20 * 11_025, "decoding took" in (heard.truncated or "")) == (True, True)


def test_cut_sound_keeps_what_decodes(tmp_path: Path) -> None:
    """Half a download is half a track."""
    path = media.tone(tmp_path / "a.mp3", codec="libmp3lame")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    heard = sound(path)

    assert heard is not None
    assert len(heard.samples) / heard.rate_hz == pytest.approx(1.5, abs=0.1)


def test_absurd_rate_is_not_inflated(tmp_path: Path) -> None:
    """A header that says 1 Hz does not turn a megabyte into gigabytes."""
    path = media.tone(tmp_path / "a.wav", codec="pcm_s16le")
    data = bytearray(path.read_bytes())
    data[24:28] = (1).to_bytes(4, "little")
    path.write_bytes(data)

    assert sound(path) is None


def test_playlist_reads_no_other_file(tmp_path: Path) -> None:
    """A playlist under the name of a recording must not play files of this machine."""
    secret = media.tone(tmp_path / "secret.mp3", codec="libmp3lame")
    (tmp_path / "a.mp3").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{secret}\n#EXT-X-ENDLIST\n")

    with pytest.raises(MediaUnreadable):
        sound(tmp_path / "a.mp3")


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "aac"), ("a.ts", "mp2"), ("a.ogg", "libopus"), ("a.wav", "pcm_s16le")]
)
def test_damaged_sound_harms_nothing(tmp_path: Path, name: str, codec: str) -> None:
    """Whatever bytes are changed, there is sound, or none, or a word on why."""
    whole = media.tone(tmp_path / name, codec=codec, seconds=1, rate=48_000).read_bytes()
    lengths = []
    for seed in range(20):
        (tmp_path / name).write_bytes(whole)
        try:
            heard = sound(media.damaged(tmp_path / name, seed), limits=Limits(max_duration_s=60))
        except MediaUnreadable:
            continue
        lengths.append(len(heard.samples) if heard else 0)

    assert lengths
    assert max(lengths) <= 60 * 11_025
