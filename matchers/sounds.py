"""The sound of a file, decoded as fingerprints of sound want it: one channel, 11025 Hz.

Opens local files only, and the same closed list of containers as videos.py with those of plain
sound added. Never raises for sound that is damaged: what decodes is kept.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import TypeAlias

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from core.errors import MediaUnreadable, NotFound
from matchers.source import Cut, Limits, Pace
from matchers.stills import open_still
from matchers.videos import CONTAINERS, open_container, packets

__all__ = ["RATE_HZ", "Samples", "Sound", "sound"]

Samples: TypeAlias = NDArray[np.int16]  # (n,)

RATE_HZ = 11_025  # Chromaprint's own rate; nothing above 5.5 kHz tells two recordings apart
SOUND_CONTAINERS = f"{CONTAINERS},mp3,wav,flac,aac"
RATES_HZ = range(4_000, 768_001)  # a header of 1 Hz would turn a second of bytes into hours of sound
GAP_S = 0.1  # a hole in the time stamps of more is filled with silence, so that what follows keeps its time
LONGEST_GAP_S = 10.0  # one of more is where two streams were joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """What is heard.

    offset_s   when the first sample is heard, on the clock of the clip's frames
    samples    int16 (n,), one channel, `rate_hz` a second
    truncated  why it ends early; None where it does not
    """

    offset_s: float
    samples: Samples
    rate_hz: int = RATE_HZ
    truncated: str | None = None


def sound(path: Path, *, limits: Limits = Limits()) -> Sound | None:  # noqa: B008  (frozen values)
    """Decode the sound of a video or a recording; None when it has none, or none of it decodes.

    Takes 22 kB of memory a second: 317 MB at the limit of four hours.

    raises  MediaUnreadable when the file is no media at all
            NotFound when there is no such file
    """
    if not path.is_file():  # nor a pipe, on which opening would wait for ever
        raise NotFound(f"{path}: no file there; fetch the media again")
    try:
        container = open_container(path, limits, SOUND_CONTAINERS)
    except MediaUnreadable:
        if open_still(path, limits, Pace()) is not None:
            return None
        raise
    with container:
        stream = container.streams.best("audio")
        if not isinstance(stream, AudioStream) or not stream.codec_context:
            return None
        tape = _Tape(limits)
        why = None
        try:
            for frame in _frames(container, stream, limits):
                tape.add(frame)
        except Cut as cut:
            why = str(cut)
        tape.end()
        if not tape.held:
            return None
        start_s = (tape.start_s or 0.0) - _zero_s(container, stream)
        return Sound(offset_s=start_s, samples=np.frombuffer(tape.held, np.int16), truncated=why)


def _zero_s(container: InputContainer, sounding: AudioStream) -> float:
    """Return when the first frame of the picture is shown, or else the sound begins."""
    stream = container.streams.best("video") or sounding
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    return float(stream.start_time * stream.time_base)


def _frames(container: InputContainer, stream: AudioStream, limits: Limits) -> Iterator[AudioFrame]:
    stream.codec_context.thread_count = 1  # a process a core
    started, damaged = process_time(), 0
    for packet in packets(container, stream):
        try:
            yield from packet.decode()
        except av.error.FFmpegError:
            damaged += 1
        if process_time() - started > limits.max_decode_s:
            raise Cut(f"stopped: decoding took {limits.max_decode_s:.0f} s")
    if damaged:
        raise Cut(f"cut short or damaged: {damaged} packets do not decode")


class _Tape:
    """Samples so far, and where the next belongs."""

    def __init__(self, limits: Limits) -> None:
        self.held = bytearray()  # grows in place: a list of arrays would be held twice when joined
        self.start_s: float | None = None
        self._limits, self._resampler, self._next_s = limits, _resampler(), 0.0
        self._most_bytes = 2 * int(RATE_HZ * limits.max_duration_s)

    def add(self, frame: AudioFrame) -> None:
        """Resample a frame and append it, after silence where the stream has a hole."""
        if frame.sample_rate not in RATES_HZ or not frame.samples:
            return
        at_s = self._next_s if frame.time is None else frame.time
        if self.start_s is None:
            self.start_s = self._next_s = at_s
        if GAP_S < at_s - self._next_s < LONGEST_GAP_S:
            self.end()
            self.held += bytes(2 * round((at_s - self._next_s) * RATE_HZ))
        self._next_s = at_s + frame.samples / frame.sample_rate
        try:
            self._keep(self._resampler.resample(frame))
        except ValueError:  # the stream changed its rate or its channels
            self.end()
            with suppress(av.error.FFmpegError, ValueError):
                self._keep(self._resampler.resample(frame))
        except av.error.FFmpegError:
            self._resampler = _resampler()
        if len(self.held) > self._most_bytes:
            raise Cut(f"stopped at {self._limits.max_duration_s:.0f} s, the limit for one clip")

    def end(self) -> None:
        """Append what the resampler still holds, and begin with a new one."""
        with suppress(av.error.FFmpegError, ValueError):
            self._keep(self._resampler.resample(None))
        del self.held[self._most_bytes :]
        self._resampler = _resampler()

    def _keep(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            self.held += np.ascontiguousarray(frame.to_ndarray(), np.int16).data


def _resampler() -> AudioResampler:
    return AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
