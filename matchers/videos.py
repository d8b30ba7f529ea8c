"""Videos, by FFmpeg through PyAV.

Never follows a file into another one: only the file protocol and the containers named here are
open, so a playlist or a concat script under the name of a video reads nothing.
"""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from time import process_time
from typing import TypeVar

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
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
TOLD_BY_HEADER = frozenset({"h264", "hevc", "vp9", "libdav1d"})  # decoders that ask nothing else of an MP4

StreamT = TypeVar("StreamT", VideoStream, AudioStream)


def open_container(path: Path, limits: Limits, containers: str, **options: str) -> InputContainer:
    """Open a file as one of the named containers, and nothing that it may point to.

    options  more of FFmpeg's
    raises   MediaUnreadable: none of them
    """
    options |= {"protocol_whitelist": "file", "format_whitelist": containers, "max_pixels": str(limits.max_pixels)}
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

    raises  MediaUnreadable: no container we read, no picture, absurd dimensions
    """
    container = _opened(path, limits)
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        raise MediaUnreadable(f"{path.name}: {container.format.name} has sound only; fetch the video")
    codec = stream.codec_context
    if not codec:
        raise MediaUnreadable(f"{path.name}: its picture is in no codec FFmpeg knows; fetch another rendition")
    limits.refuse_absurd(path.name, codec.width, codec.height)
    codec.options = {"max_pixels": str(limits.max_pixels)}  # the size may change in mid-stream
    codec.thread_count = 1  # a process a core: a second thread costs 11 % more processor time
    kind, duration_s, pixel = container.format.name, _duration_s(container, stream), stream.sample_aspect_ratio
    shots = _begun(_shots(container, stream, limits, pace, pixel))  # it closes the container when it ends
    return Source(
        kind="video",
        container=kind.split(",")[0],
        duration_s=duration_s,
        width_px=round(codec.width * _tools(codec, pixel).shape),
        height_px=codec.height,
        shots=shots,
        # Others name a stream only when they reach it.
        silent=kind.startswith("mov") and not container.streams.audio,
    )


def _opened(path: Path, limits: Limits) -> InputContainer:
    """Open a video, without FFmpeg's trial decode (a quarter of a look at key frames) where the header says enough."""
    with suppress(MediaUnreadable):  # no MOV or MP4, or a damaged one: what it is, the usual way finds out
        container = open_container(path, limits, "mov", codec_whitelist="none")
        videos = container.streams.video
        codec = videos[0].codec_context if len(videos) == 1 else None
        # An absurd size may be the header's lie, and players ask the codec.
        if codec and codec.name in TOLD_BY_HEADER and 0 < codec.width * codec.height <= limits.max_pixels:
            return container
        container.close()
    return open_container(path, limits, CONTAINERS)


def _begun(shots: Iterator[Shot]) -> Iterator[Shot]:
    """Decode up to the first shot now, since only then the decoder knows the size; what stops it is told later."""
    try:
        return chain([next(shots)], shots)
    except StopIteration:
        return iter(())
    except Cut as cut:
        return _stopped(cut)


def _stopped(cut: Cut) -> Iterator[Shot]:
    raise cut
    yield


def _tools(codec: VideoCodecContext, pixel: Fraction | None) -> Tools:
    """Make the tools of a stream: what shape its pixels have, often only the codec knows, of a decoded frame."""
    return Tools(float(pixel or codec.sample_aspect_ratio or 1))


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / av.time_base


class _Times:
    """Seconds from the start, from whatever time stamps the stream carries."""

    def __init__(self, stream: VideoStream) -> None:
        self.zero: int | None = stream.start_time
        self.base = stream.time_base or Fraction(1, 90_000)
        self.ratio = self.base.as_integer_ratio()  # of whole numbers: exact like the fraction, in a tenth of its time
        self.step_s = float(1 / stream.average_rate) if stream.average_rate else 0.04
        self.last_s = -self.step_s

    def before(self, packet: "Packet[VideoStream]", moment_s: float) -> bool:
        """Say whether the packet's frame is surely shown before the moment."""
        if packet.pts is None or self.zero is None:
            return False
        return (packet.pts - self.zero) * self.ratio[0] / self.ratio[1] < moment_s

    def offset_s(self, frame: VideoFrame) -> float:
        """Return when the frame is shown; a frame without a time stamp follows the last one."""
        if frame.pts is None:
            self.last_s += self.step_s
            return max(0.0, self.last_s)
        if self.zero is None:
            self.zero = frame.pts
        offset_s = (frame.pts - self.zero) * self.ratio[0] / self.ratio[1]
        if not self.last_s - REWIND_S <= offset_s <= self.last_s + LEAP_S:
            self.zero = frame.pts - round((self.last_s + self.step_s) / self.base)
            offset_s = self.last_s + self.step_s
        self.last_s = max(self.last_s, offset_s)
        return max(0.0, offset_s)


def _shots(
    container: InputContainer, stream: VideoStream, limits: Limits, pace: Pace, pixel: Fraction | None
) -> Iterator[Shot]:
    times, started, damaged = _Times(stream), process_time(), 0
    codec, keys, tools = stream.codec_context, pace.plan.keys_only, None
    alone = codec.codec.intra_only  # every frame decodes without the others
    with container:
        if pace.next_s > 1 and times.zero is not None:
            with suppress(av.error.FFmpegError):  # a broken index: the walk from the start gets there too
                container.seek(times.zero + int(pace.next_s / times.base), stream=stream)
        for packet in packets(container, stream):
            # Tried: to let the container leave out all but key frames; it then tells wrong times (FFmpeg 8.1, MOV).
            if keys and packet.size and not packet.is_keyframe:
                continue
            early = times.before(packet, pace.next_s - ROUNDED_S)
            if early and packet.size and (alone or keys):
                continue
            # Exact, and a third cheaper: a frame that no other refers to is dropped only when it is
            # shown before the wanted moment. (Dropping them all would let a clip hide in such frames.)
            # Key frames are asked of the decoder too: containers may call every frame one.
            codec.skip_frame = "NONKEY" if keys else "NONREF" if early else "DEFAULT"
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
                    tick, tools = pace.take(offset_s), tools or _tools(codec, pixel)
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
