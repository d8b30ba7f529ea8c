"""Videos, by FFmpeg through PyAV.

Never follows a file into another one: only the file protocol and the containers named here are
open, so a playlist or a concat script under the name of a video reads nothing.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from time import process_time

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from core.errors import MediaUnreadable
from matchers.source import Cut, Limits, Luma, Pace, Shot, Source, fitted
from matchers.stills import over_white

# hls, dash, concat, image2, sdp, rtsp and lavfi open further files or sockets; none is here.
CONTAINERS = "mov,matroska,mpegts,mpeg,avi,flv,ogg,asf"
REWIND_S = 1.0  # time stamps that fall back by more begin a joined stream, not a late frame


def open_video(path: Path, limits: Limits, pace: Pace) -> Source:
    """Open a video and decode its first wanted frame, so that what cannot be read fails here.

    raises  MediaUnreadable: no container we read, no picture, absurd dimensions, no frame
    """
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS, "max_pixels": str(limits.max_pixels)}
    try:
        container = av.open(str(path.resolve()), "r", options=options)
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaUnreadable(
            f"{path.name}: no picture or video that FFmpeg reads in {CONTAINERS} "
            f"({getattr(error, 'strerror', None) or error}); it is cut short or something else, fetch it again"
        ) from error
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        raise MediaUnreadable(f"{path.name}: {container.format.name} has sound only; fetch the video")
    if not stream.codec_context:
        raise MediaUnreadable(f"{path.name}: its picture is in no codec FFmpeg knows; fetch another rendition")
    limits.refuse_absurd(path.name, stream.codec_context.width, stream.codec_context.height)
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}  # the size may change in mid-stream
    stream.codec_context.thread_count = 1  # a process a core: a second thread costs 11 % more processor time
    return Source(
        kind="video",
        container=container.format.name.split(",")[0],
        duration_s=_duration_s(container, stream),
        width_px=stream.codec_context.width,
        height_px=stream.codec_context.height,
        shots=_shots(container, stream, limits, pace),
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
        if offset_s < self.last_s - REWIND_S:
            self.zero = frame.pts - round((self.last_s + self.step_s) / self.base)
            offset_s = self.last_s + self.step_s
        self.last_s = max(self.last_s, offset_s)
        return max(0.0, offset_s)


def _shots(container: InputContainer, stream: VideoStream, limits: Limits, pace: Pace) -> Iterator[Shot]:
    times, started, damaged = _Times(stream), process_time(), 0
    with container:
        if pace.next_s > 1 and times.zero is not None:
            container.seek(times.zero + int(pace.next_s / times.base), stream=stream)
        for packet in _packets(container, stream):
            # Exact, and a third cheaper: a frame that no other refers to is dropped only when it is
            # shown before the wanted moment. (Dropping them all would let a clip hide in such frames.)
            stream.codec_context.skip_frame = "NONREF" if times.before(packet, pace.next_s) else "DEFAULT"
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
                    yield Shot(offset_s=offset_s, luma=partial(_luma, frame), image=partial(_image, frame))
            if process_time() - started > limits.max_decode_s:
                raise Cut(f"stopped at {times.last_s:.0f} s: decoding took {limits.max_decode_s:.0f} s")
        if damaged:
            raise Cut(f"cut short or damaged: {damaged} packets do not decode")


def _packets(container: InputContainer, stream: VideoStream) -> Iterator["Packet[VideoStream]"]:
    try:
        yield from container.demux(stream)
    except av.error.FFmpegError as error:
        raise Cut(f"cut short: {error.strerror}") from error


def _luma(frame: VideoFrame, side_px: int) -> Luma:
    """Return the luma plane as it was coded; other layouts are converted."""
    width, height = fitted(frame.width, frame.height, side_px)
    if _see_through(frame):
        image = over_white(_rgba(frame, width, height)).convert("L")
        return _upright(np.asarray(image), frame)
    first = frame.format.components[0]
    if width != frame.width or not (frame.format.is_planar and first.is_luma and first.bits == 8):
        frame_gray = frame.reformat(width=width, height=height, format="gray", interpolation="AREA")
    else:
        frame_gray = frame
    plane = frame_gray.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return _upright(rows[:height, :width], frame)


def _image(frame: VideoFrame, side_px: int) -> Image.Image:
    width, height = fitted(frame.width, frame.height, side_px)
    image = over_white(_rgba(frame, width, height))
    return Image.fromarray(_upright(np.asarray(image), frame))


def _see_through(frame: VideoFrame) -> bool:
    return frame.format.has_palette or any(part.is_alpha for part in frame.format.components)


def _rgba(frame: VideoFrame, width_px: int, height_px: int) -> Image.Image:
    small = frame.reformat(width=width_px, height=height_px, format="rgba", interpolation="AREA")
    return Image.fromarray(small.to_ndarray())


def _upright(pixels: Luma, frame: VideoFrame) -> Luma:
    """Turn by the rotation the container asks for, and own the memory: FFmpeg reuses its buffers."""
    return np.array(np.rot90(pixels, round(frame.rotation / 90)), order="C")
