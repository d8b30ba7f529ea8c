"""What it costs to look at a clip: processor seconds per minute of video, by each way, in one run.

    ./run bench decode [--corpus DIR] [--seconds N] [--json]

The footage is the longest video of DIR/videos, or a drawn pan without it, looped to N seconds and
encoded by x264 at 360p, 576p and 1080p. Compare rows of one run only: machines differ, and neighbours.
"""

import argparse
import json
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imagehash
import imageio_ffmpeg
import numpy as np
from av.video.frame import VideoFrame
from PIL import Image
from rich.console import Console
from rich.table import Table

from matchers import phash
from matchers.examples import scene
from matchers.frames import KEYS, SECONDS, Frame, Luma, Plan, read
from matchers.source import Pace, fitted

SIZES = {"360p": (640, 360), "576p": (1024, 576), "1080p": (1920, 1080)}
RATE = 25
ROUNDS = 2  # the least of them counts
NO_FILTER = {"skip_loop_filter": "all"}
HASHING_SHARE, CLIP_S = 0.10, 30.0  # issue 3: hashing a 30 s clip of 576p takes at most a tenth of its decode


def footage(corpus: Path | None, seconds: float, into: Path) -> Path:
    """Return a file to encode from: the longest video of the corpus, or a drawn pan with grain."""
    if corpus is not None:
        return max((corpus / "videos").iterdir(), key=_duration_s)
    path, random = into / "drawn.mp4", np.random.default_rng(3)
    shots = [scene(seed, width_px=2400, height_px=1080) for seed in range(3)]
    grain = [random.integers(0, 12, (1080, 1920), dtype=np.uint8) for _ in range(5)]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "16"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for number in range(min(round(seconds * RATE), 6 * RATE)):
            left = 3 * (number % (3 * RATE))
            picture = shots[number // (3 * RATE)][:, left : left + 1920] // 2 + 40 + grain[number % 5]
            frame = VideoFrame.from_ndarray(picture, format="gray")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _duration_s(path: Path) -> float:
    return read(path).duration_s or 0.0


def encoded(original: Path, size: tuple[int, int], seconds: float, into: Path) -> Path:
    """Encode as platforms do: x264, main settings, a key frame every 10 s at most."""
    made = into / f"{size[1]}.mp4"
    width, height = size
    shape = f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height},setsar=1,format=yuv420p"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-stream_loop", "-1", "-i", str(original), "-an"]
    command += ["-t", str(seconds), "-vf", shape, "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", str(made)]
    subprocess.run(command, check=True)
    return made


def every_frame(path: Path, **context: str) -> Iterator[tuple[float, VideoFrame]]:
    """Decode all frames on one thread; `context` is set on the decoder."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        stream.codec_context.options = context
        for frame in container.decode(stream):
            yield frame.time or 0.0, frame


def paced(path: Path, plan: Plan, **context: str) -> Iterator[VideoFrame]:
    """Decode all frames, and hand on those of the plan."""
    pace = Pace(plan)
    for offset_s, frame in every_frame(path, **context):
        if pace.wants(offset_s):
            pace.take(offset_s)
            yield frame


def lumas(frames: Iterator[VideoFrame]) -> Iterator[Luma]:
    """Convert as callers of read get them: gray, at most 512 px."""
    for frame in frames:
        size = fitted(frame.width, frame.height, 512)
        yield np.asarray(frame.reformat(*size, "gray", interpolation="AREA", threads=1).to_ndarray(), np.uint8)


def counted(frames: Iterator[object]) -> int:
    """Walk to the end."""
    return sum(1 for _ in frames)


def hashed_as_usual(path: Path) -> int:
    """Hash one frame a second by imagehash, from RGB of full size, as most tools do."""
    images = (Image.fromarray(frame.to_ndarray(format="rgb24")) for frame in paced(path, SECONDS))
    return counted(imagehash.phash(image, 16) for image in images)


def through_a_pipe(path: Path) -> int:
    """Decode with ffmpeg -vf fps=1, as scripts do; count the frames."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-threads", "1", "-i", str(path)]
    command += ["-vf", "fps=1,format=gray", "-f", "framecrc", "-"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return sum(not line.startswith("#") for line in lines)


WAYS: dict[str, Callable[[Path], int]] = {
    "every frame decoded, one a second taken": lambda path: counted(lumas(paced(path, SECONDS))),
    "ffmpeg -vf fps=1 through a pipe": through_a_pipe,
    "imagehash, RGB, one a second": hashed_as_usual,
    "every frame decoded, the default plan taken": lambda path: counted(lumas(paced(path, Plan()))),
    "the same without the loop filter (drifts)": lambda path: counted(lumas(paced(path, Plan(), **NO_FILTER))),
    "one a second (SECONDS)": lambda path: counted(read(path, plan=SECONDS).frames),
    "the default plan": lambda path: counted(read(path).frames),
    "key frames (KEYS)": lambda path: counted(read(path, plan=KEYS).frames),
}


def cpu_s() -> float:
    """Processor seconds of this process and of the children it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the processor seconds of a piece of work, and its result."""
    started = cpu_s()
    result = work()
    return cpu_s() - started, result


def drift(path: Path) -> float:
    """Mean bits of 256 that a phash moves when the loop filter is left out."""
    exact = phash.bits(list(lumas(paced(path, Plan()))))
    rough = phash.bits(list(lumas(paced(path, Plan(), **NO_FILTER))))
    return float(np.bitwise_count(exact ^ rough).sum(axis=1).mean())


def measure(path: Path, seconds: float) -> dict[str, Any]:
    """Run every way on one file, and the hashing of what the default plan gives."""
    spent: dict[str, list[float]] = {name: [] for name in WAYS}
    rows: dict[str, Any] = {}
    for _ in range(ROUNDS):  # one after the other, so that a busy neighbour disturbs all of them
        for name, way in WAYS.items():
            cost_s, frames = timed(lambda way=way: way(path))  # type: ignore[misc]  # bound to this turn of the loop
            spent[name].append(cost_s)
            rows[name] = {"cpu_s_per_min": round(60 * min(spent[name]) / seconds, 3), "frames": frames}
    first = rows["every frame decoded, one a second taken"]["cpu_s_per_min"]
    for row in rows.values():
        row["ratio"] = round(row["cpu_s_per_min"] / first, 3)
    frames_of_plan: list[Frame] = list(read(path).frames)
    hashing_s = min(timed(lambda: phash.METHOD.fingerprint(frames_of_plan))[0] for _ in range(ROUNDS))
    decode_s = rows["the default plan"]["cpu_s_per_min"] * seconds / 60
    return {
        "ways": rows,
        "hashing_share": round(hashing_s / decode_s, 3),
        "clip_cpu_s": round((hashing_s + decode_s) * CLIP_S / seconds, 3),
        "loop_filter_bits": round(drift(path), 2),
    }


def show(results: dict[str, Any]) -> None:
    """Print one table: CPU s a minute (and its ratio to the first row) by size."""
    table = Table("CPU s per minute of video (ratio)", *results)
    for name in WAYS:
        cells = [result["ways"][name] for result in results.values()]
        table.add_row(name, *(f"{cell['cpu_s_per_min']:.2f} ({cell['ratio']:.2f}), {cell['frames']}" for cell in cells))
    Console().print(table)
    for size, result in results.items():
        print(
            f"{size}: hashing is {result['hashing_share']:.1%} of its decode (promised at 576p: {HASHING_SHARE:.0%}); "
            f"30 s take {result['clip_cpu_s']:.2f} CPU s; "
            f"without the loop filter {result['loop_filter_bits']} of 256 bits move"
        )


def main() -> None:
    """Read the arguments, make the clips, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, help="folder with videos/; drawn footage without it")
    parser.add_argument("--seconds", type=float, default=CLIP_S)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        original = footage(args.corpus, args.seconds, Path(scratch))
        clips = {name: encoded(original, size, args.seconds, Path(scratch)) for name, size in SIZES.items()}
        results = {name: measure(clip, args.seconds) for name, clip in clips.items()}
    if args.json:
        print(json.dumps(results, indent=1))
    else:
        show(results)


if __name__ == "__main__":
    main()
