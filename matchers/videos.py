"""Videos, by FFmpeg through PyAV.

Never follows a file into another one: only the file protocol and the containers named here are
open, so a playlist or a concat script under the name of a video reads nothing.
"""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from time import process_time
from typing import TypeVar

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from core.errors import MediaUnreadable
from matchers.source import ROUNDED_S, Cut, Limits, Pace, Shot, Source
from matchers.upright import Shown, Tools

# hls, dash, concat, image2, sdp, rtsp and lavfi open further files or sockets; none is here.
CONTAINERS = "mov,matroska,mpegts,mpeg,avi,flv,ogg,asf"
PART_STARTS = (b"styp", b"sidx", b"moof", b"prft", b"emsg")  # boxes that a media segment of HLS or DASH starts with
REWIND_S = 1.0  # time stamps that fall back by more begin a joined stream, not a late frame
LEAP_S = 3600.0  # and those that leap ahead by more: nothing is shown for an hour, but a clip may hide behind one

StreamT = TypeVar("StreamT", VideoStream, AudioStream)


def open_container(path: Path, limits: Limits, containers: str) -> InputContainer:
    """Open a file as one of the named containers, and nothing that it may point to.

    raises  MediaUnreadable: none of them
    """
    options = {"protocol_whitelist": "file", "format_whitelist": containers, "max_pixels": str(limits.max_pixels)}
    try:
        return av.open(str(path.resolve()), "r", options=options)
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaUnreadable(f"{path.name}: {_unopened(path, containers, error)}") from error


def _unopened(path: Path, containers: str, error: Exception) -> str:
    with path.open("rb") as file:
        start = file.read(8)
    if start[4:] in PART_STARTS:
        return "a part of a stream without its init segment; fetch that too, and put it before the part"
    return (
        f"no picture or video that FFmpeg reads in {containers} ({getattr(error, 'strerror', None) or error}); "
        "it is cut short or something else, fetch it again"
    )


def open_video(path: Path, limits: Limits, pace: Pace) -> Source:
    """Open a video and decode its first wanted frame, so that what cannot be read fails here.

    raises  MediaUnreadable: no container we read, no picture, absurd dimensions, no frame
    """
    container = open_container(path, limits, CONTAINERS)
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        raise MediaUnreadable(f"{path.name}: {container.format.name} has sound only; fetch the video")
    if not stream.codec_context:
        raise MediaUnreadable(f"{path.name}: its picture is in no codec FFmpeg knows; fetch another rendition")
    limits.refuse_absurd(path.name, stream.codec_context.width, stream.codec_context.height)
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}  # the size may change in mid-stream
    stream.codec_context.thread_count = 1  # a process a core: a second thread costs 11 % more processor time
    tools = Tools(float(stream.sample_aspect_ratio or 1))
    return Source(
        kind="video",
        container=container.format.name.split(",")[0],
        duration_s=_duration_s(container, stream),
        width_px=round(stream.codec_context.width * tools.shape),
        height_px=stream.codec_context.height,
        shots=_shots(container, stream, limits, pace, tools),
    )


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / av.time_base


class _Times:
    """Seconds from the start, from whatever time stamps the stream carries."""

    def __init__(self, stream: VideoStream) -> None:
        self.zero: int | None = stream.start_time
        self.base: Fraction = stream.time_base or Fraction(1, 90_000)
        self.step_s = float(1 / stream.average_rate) if stream.average_rate else 0.04
        self.last_s = -self.step_s

    def before(self, packet: "Packet[VideoStream]", moment_s: float) -> bool:
        """Say whether the packet's frame is surely shown before the moment."""
        if packet.pts is None or self.zero is None:
            return False
        return float((packet.pts - self.zero) * self.base) < moment_s

    def offset_s(self, frame: VideoFrame) -> float:
        """Return when the frame is shown; a frame without a time stamp follows the last one."""
        if frame.pts is None:
            self.last_s += self.step_s
            return max(0.0, self.last_s)
        if self.zero is None:
            self.zero = frame.pts
        offset_s = float((frame.pts - self.zero) * self.base)
        if not self.last_s - REWIND_S <= offset_s <= self.last_s + LEAP_S:
            self.zero = frame.pts - round((self.last_s + self.step_s) / self.base)
            offset_s = self.last_s + self.step_s
        self.last_s = max(self.last_s, offset_s)
        return max(0.0, offset_s)


def _shots(container: InputContainer, stream: VideoStream, limits: Limits, pace: Pace, tools: Tools) -> Iterator[Shot]:
    times, started, damaged = _Times(stream), process_time(), 0
    keys = pace.plan.keys_only
    alone = stream.codec_context.codec.intra_only  # every frame decodes without the others
    tools = Tools(float(stream.sample_aspect_ratio or 1))
    with container:
        if pace.next_s > 1 and times.zero is not None:
            with suppress(av.error.FFmpegError):  # a broken index: the walk from the start gets there too
                container.seek(times.zero + int(pace.next_s / times.base), stream=stream)
        for packet in packets(container, stream):
            early = times.before(packet, pace.next_s - ROUNDED_S)
            if packet.size and ((alone and early) or (keys and (early or not packet.is_keyframe))):
                continue
            # Exact, and a third cheaper: a frame that no other refers to is dropped only when it is
            # shown before the wanted moment. (Dropping them all would let a clip hide in such frames.)
            # Key frames are asked of the decoder too: containers may call every frame one.
            stream.codec_context.skip_frame = "NONKEY" if keys else "NONREF" if early else "DEFAULT"
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                damaged += 1
                continue
            for frame in frames:
                offset_s = times.offset_s(frame)
                if offset_s > limits.max_duration_s:
                    raise Cut(f"stopped at {limits.max_duration_s:.0f} s, the limit for one clip")
                if pace.wants(offset_s):
                    tick = pace.take(offset_s)
                    shown = Shown(frame, tools, tick=tick)
                    yield Shot(offset_s=offset_s, tick=tick, luma=shown.luma, colour=shown.colour)
            if process_time() - started > limits.max_decode_s:
                raise Cut(f"stopped at {times.last_s:.0f} s: decoding took {limits.max_decode_s:.0f} s")
        if damaged:
            raise Cut(f"cut short or damaged: {damaged} packets do not decode")


def packets(container: InputContainer, stream: StreamT) -> Iterator["Packet[StreamT]"]:
    """Walk the packets of a stream; the last is empty, and drains the decoder.

    raises  Cut where the file ends early
    """
    while True:
        try:
            yield from container.demux(stream)
        except IndexError:  # PyAV's, of a packet of a stream that the header did not announce: read on behind it
            continue
        except av.error.FFmpegError as error:
            raise Cut(f"cut short: {error.strerror}") from error
        return
