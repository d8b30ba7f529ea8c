"""An attacker's kit: the edits that bench/corpus.py makes of real clips, by FFmpeg.

Each edit knows what is true of it: which seconds of the query show which of the reference, how fast,
mirrored or reversed. Never touches the corpus: everything is written into the folder given.
"""

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import av
import imageio_ffmpeg

from bench.overlays import overlay

RATE = 24.0  # frames a second at most; more would only cost time
BORDERS = ("0x305070", "0xffffff", "0xd04060", "0x101010", "0x3c8c50")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Seconds of the query that show seconds of the reference, at `speed` times the original's pace."""

    query: tuple[float, float]
    reference: tuple[float, float]
    speed: float = 1.0
    mirrored: bool = False
    reversed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """A clip as it is shown: upright size in pixels, seconds, frames a second."""

    path: Path
    width_px: int
    height_px: int
    duration_s: float
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One edit. The clip is cut, scaled, filtered by `chain`, laid out, overlaid, and then sped up.

    chain       FFmpeg filters on the scaled clip; {w} and {h} are its size
    keep        share of width and height that a crop leaves
    layout      of LAYOUTS, or None
    overlays    of overlays.KINDS
    cut_s       least and most seconds of the clip that are used
    side_px     the clip's shorter side is scaled down to it before anything else
    speed, mirrored, reversed   what the edit does to time and to left and right, for the truth
    """

    name: str
    group: str = "edit"
    chain: str = ""
    keep: float = 1.0
    layout: str | None = None
    overlays: tuple[str, ...] = ()
    speed: float = 1.0
    mirrored: bool = False
    reversed: bool = False
    cut_s: tuple[float, float] = (4.2, 7.6)
    side_px: int = 360
    coding: tuple[str, ...] = ("-crf", "26")


@dataclass(slots=True, kw_only=True)
class Board:
    """What a layout works with: the clip's size so far, seconds, and chance; it leaves the new size here."""

    w: int
    h: int
    length_s: float
    start_s: float
    rate: float
    random: Random
    truths: list[Truth] = field(default_factory=list)


def even(value: float) -> int:
    """Round to the nearest even number of at least 2, as yuv420p needs."""
    return max(2, round(value / 2) * 2)


def probe(path: Path) -> Footage:
    """Read what a clip says about itself; its first frame says how it is turned."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        width, height = frame.width, frame.height
        if frame.rotation % 180:
            width, height = height, width
        duration = float(container.duration or 0) / av.time_base
        return Footage(
            path=path, width_px=width, height_px=height, duration_s=duration, rate=float(stream.average_rate or 25)
        )


def _fit(w: float, h: float, box_w: float, box_h: float) -> tuple[int, int]:
    scale = min(box_w / w, box_h / h)
    return even(w * scale), even(h * scale)


def _cover(w: int, h: int) -> str:
    return f"scale={w}:{h}:force_original_aspect_ratio=increase,crop={w}:{h},setsar=1"


def _tall(board: Board) -> tuple[int, int]:
    """The canvas that leaves most bars: upright for a lying clip, lying for an upright one."""
    return (360, 640) if board.w >= board.h else (640, 360)


def _bars(board: Board) -> str:
    cw, ch = _tall(board)
    w, h = _fit(board.w, board.h, cw, ch)
    board.w, board.h = cw, ch
    return f"scale={w}:{h},pad={cw}:{ch}:(ow-iw)/2:(oh-ih)/2:color=black"


def _blurred_bars(board: Board) -> str:
    cw, ch = _tall(board)
    w, h = _fit(board.w, board.h, cw, ch)
    board.w, board.h = cw, ch
    return f"split[a][b];[a]{_cover(cw, ch)},boxblur=14[c];[b]scale={w}:{h}[d];[c][d]overlay=(W-w)/2:(H-h)/2"


def _border(board: Board) -> str:
    w, h = even(board.w * 1.2), even(board.h * 1.2)
    board.w, board.h = w, h
    return f"pad={w}:{h}:(ow-iw)/2:(oh-ih)/2:color={board.random.choice(BORDERS)}"


def _upright_crop(board: Board) -> str:
    w = min(board.w, even(board.h * 9 / 16))
    left = even((board.w - w) * board.random.uniform(0.35, 0.65))
    board.w = w
    return f"crop={w}:ih:{left}:0"


def _inset(board: Board, share: float) -> str:
    cw, ch = (854, 480) if board.w >= board.h else (480, 854)
    w, h = _fit(board.w, board.h, cw * share, ch * share)
    left = even(board.random.choice((0.06, 0.94)) * (cw - w))
    top = even(board.random.choice((0.08, 0.92)) * (ch - h))
    board.w, board.h = cw, ch
    return f"scale={w}:{h}[d];[1:v]fps={board.rate},{_cover(cw, ch)}[c];[c][d]overlay={left}:{top}:shortest=1"


def _pip_half(board: Board) -> str:
    return _inset(board, 0.5)


def _pip_third(board: Board) -> str:
    return _inset(board, 0.34)


def _duet(board: Board) -> str:
    w, h = _fit(board.w, board.h, 320, 360)
    board.w, board.h = 640, 360
    order = board.random.choice(("[d][c]", "[c][d]"))
    stacked = f"{order}hstack=shortest=1,pad=640:360:(ow-iw)/2:(oh-ih)/2:color=black"
    return f"scale={w}:{h},setsar=1[d];[1:v]fps={board.rate},{_cover(w, h)}[c];{stacked}"


def _stack(board: Board) -> str:
    order = board.random.choice(("[d][c]", "[c][d]"))
    board.w, board.h = 360, 640
    return f"{_cover(360, 320)}[d];[1:v]fps={board.rate},{_cover(360, 320)}[c];{order}vstack=shortest=1"


def _phone(board: Board) -> str:
    w, h = _fit(board.w, board.h, 384, 600)
    board.w, board.h = 400, 712
    return f"scale={w}:{h},eq=brightness=0.04:contrast=0.92,pad=400:712:(ow-iw)/2:(oh-ih)/2:color=0x101014"


def _filmed(random: Random) -> str:
    """What a camera does to the whole screen: a turn, a slant, grain and light."""
    turn, a, b = random.choice((-1, 1)) * random.uniform(0.8, 2.0), random.randint(6, 16), random.randint(6, 16)
    slant = f"perspective=x0={a}:y0={b}:x1=W-{b}:y1={a}:x2=0:y2=H-{a}:x3=W-{a}:y3=H-{b}"
    return f"rotate={turn}*PI/180:fillcolor=0x202020,{slant},eq=brightness=0.05:saturation=0.85,noise=alls=9:allf=t"


def _splice(board: Board) -> str:
    """The cut in the midst of about seven seconds of other footage."""
    before = board.random.uniform(2.6, 3.8)
    after = 6.9 - before
    board.truths.append(
        Truth(query=(before, before + board.length_s), reference=(board.start_s, board.start_s + board.length_s))
    )
    other = f"[1:v]fps={board.rate},{_cover(board.w, board.h)},format=yuv420p,split[e][f]"
    first = f"[e]trim=0:{before:.3f},setpts=PTS-STARTPTS[g]"
    last = f"[f]trim={before:.3f}:{before + after:.3f},setpts=PTS-STARTPTS[i]"
    return f"setsar=1,format=yuv420p,setpts=PTS-STARTPTS[d];{other};{first};{last};[g][d][i]concat=n=3:v=1"


def _shuffle(board: Board) -> str:
    """Three parts, the last first."""
    part = board.length_s / 3
    pieces, at = [], 0.0
    for name, number in (("e", 2), ("f", 0), ("g", 1)):
        start = board.start_s + number * part
        board.truths.append(Truth(query=(at, at + part), reference=(start, start + part)))
        pieces.append(f"[{name}]trim={number * part:.3f}:{(number + 1) * part:.3f},setpts=PTS-STARTPTS[{name}{name}]")
        at += part
    return f"split=3[e][f][g];{';'.join(pieces)};[ee][ff][gg]concat=n=3:v=1"


LAYOUTS: dict[str, Callable[[Board], str]] = {
    "bars": _bars,
    "blurred bars": _blurred_bars,
    "border": _border,
    "upright crop": _upright_crop,
    "pip 50": _pip_half,
    "pip 33": _pip_third,
    "duet": _duet,
    "stack": _stack,
    "phone": _phone,
    "splice": _splice,
    "shuffle": _shuffle,
}
OTHERS = {"pip 50", "pip 33", "duet", "stack", "splice"}  # layouts that need unrelated footage
ZOOM = "zoompan=z='1.05+0.3*on/{n}':d=1:x='(iw-iw/zoom)*on/{n}':y='(ih-ih/zoom)/2':s={w}x{h}:fps={rate}"
HUE = "hue=h=70:s=1.6"

ATTACKS = (
    Attack(name="re-encode crf 35", coding=("-crf", "35")),
    Attack(name="downscale 144p", side_px=144, coding=("-crf", "30")),
    Attack(name="low bitrate 15 fps", chain="fps=15", coding=("-b:v", "90k")),
    Attack(name="blur", chain="gblur=sigma=3"),
    Attack(name="noise", chain="noise=alls=30:allf=t", coding=("-crf", "28")),
    Attack(name="brighter", chain="eq=brightness=0.18"),
    Attack(name="darker", chain="eq=brightness=-0.18:contrast=0.8"),
    Attack(name="gamma and contrast", chain="eq=gamma=1.7:contrast=1.35"),
    Attack(name="hue and saturation", chain=HUE),
    Attack(name="grey", chain="hue=s=0"),
    Attack(name="crop 90 %", keep=0.9),
    Attack(name="crop 70 %", keep=0.7, side_px=480),
    Attack(name="border", layout="border"),
    Attack(name="bars to 9:16", layout="bars", side_px=480),
    Attack(name="blurred bars to 9:16", layout="blurred bars", side_px=480),
    Attack(name="aspect stretch", chain="scale={stretched}:{h},setsar=1"),
    Attack(name="mirror", chain="hflip", mirrored=True),
    Attack(name="rotate 5", chain="rotate={sign}5*PI/180:fillcolor=black"),
    Attack(name="rotate 90", chain="transpose=1"),
    Attack(name="pip 50 %", layout="pip 50", side_px=480),
    Attack(name="pip 33 %", layout="pip 33", side_px=480),
    Attack(name="screen recording", layout="phone", overlays=("phone",), side_px=480),
    Attack(name="duet", layout="duet", side_px=480),
    Attack(name="stack", layout="stack", side_px=480),
    Attack(name="ken burns", chain=ZOOM),
    Attack(name="splice", layout="splice", cut_s=(3.0, 4.0)),
    Attack(name="shuffle", layout="shuffle", cut_s=(6.3, 10.5)),
    Attack(name="reverse", chain="reverse", reversed=True),
    Attack(name="speed 0.5", speed=0.5, cut_s=(4.2, 5.2)),
    Attack(name="speed 0.75", speed=0.75),
    Attack(name="speed 1.25", speed=1.25),
    Attack(name="speed 1.5", speed=1.5, cut_s=(6.2, 10.4)),
    Attack(name="speed 2", speed=2.0, cut_s=(8.2, 11.8)),
    Attack(name="stickers", overlays=("stickers",)),
    Attack(name="caption", overlays=("caption",)),
    Attack(name="heavy captions", overlays=("heavy captions",)),
    Attack(name="logo and watermark", overlays=("logo",)),
    Attack(name="vignette", chain="vignette=PI/3.2"),
    Attack(name="frames dropped and doubled", chain="framestep=4,fps={rate}"),
    Attack(
        name="mirror + crop + speed 1.1 + captions", group="combo", chain="hflip", keep=0.85, speed=1.1,
        overlays=("caption",), mirrored=True,
    ),
    Attack(name="border + hue + speed 1.15", group="combo", chain=HUE, layout="border", speed=1.15),
    Attack(name="9:16 crop + captions", group="combo", layout="upright crop", overlays=("caption",), side_px=480),
    Attack(
        name="screen recording + mirror", group="combo", chain="hflip", layout="phone", overlays=("phone",),
        mirrored=True, side_px=480,
    ),
    Attack(
        name="blurred bars + speed 0.9 + captions", group="combo", layout="blurred bars", speed=0.9,
        overlays=("caption",), side_px=480,
    ),
    Attack(name="duet + mirror + stickers", group="combo", chain="hflip", layout="duet", overlays=("stickers",),
           mirrored=True, side_px=480),
)  # fmt: skip
# What strangers get: the plain and the lettered, and what changes the shape.
STRANGER_ATTACKS = (
    "re-encode crf 35", "caption", "heavy captions", "mirror + crop + speed 1.1 + captions", "border",
    "blurred bars to 9:16", "logo and watermark", "screen recording",
)  # fmt: skip


def cut(attack: Attack, clip: Footage, random: Random) -> tuple[float, float]:
    """Choose where to cut: (start, length) in seconds, never on a whole second, less where the clip is short."""
    wanted = random.uniform(*attack.cut_s)
    length = min(wanted, clip.duration_s - 0.35)
    start = random.uniform(0.13, max(0.14, clip.duration_s - length - 0.12))
    if abs(start - round(start)) < 0.12:
        start += 0.17 if start + length + 0.3 < clip.duration_s else -0.13
    return round(max(0.0, start), 3), round(length, 3)


def make(attack: Attack, clip: Footage, other: Path | None, into: Path, seed: str) -> list[Truth]:
    """Write the edit of one clip to `into`, and say what is true of it.

    other   unrelated footage, where the layout needs some
    raises  subprocess.CalledProcessError with FFmpeg's words when it refuses
    """
    random = Random(seed)  # noqa: S311  (the same edit on every machine, nothing secret)
    start, length = cut(attack, clip, random)
    rate = min(RATE, round(clip.rate, 3))
    scale = min(1.0, attack.side_px / min(clip.width_px, clip.height_px))
    w, h = even(clip.width_px * scale), even(clip.height_px * scale)
    board = Board(w=w, h=h, length_s=length, start_s=start, rate=rate, random=random)
    graph, canvas_kinds = _graph(attack, board)
    truths = board.truths or [Truth(query=(0.0, length), reference=(start, start + length))]
    with tempfile.TemporaryDirectory() as folder:
        inputs = ["-ss", f"{start}", "-t", f"{length}", "-i", str(clip.path)]
        if attack.layout in OTHERS:
            if other is None:
                raise ValueError(f"{attack.name}: needs unrelated footage and was given none")
            inputs += ["-stream_loop", "-1", "-ss", f"{random.uniform(0.2, 1.4):.2f}", "-t", "12", "-i", str(other)]
        if canvas_kinds:
            drawn = Path(folder) / "overlay.png"
            overlay(canvas_kinds, board.w, board.h, random).save(drawn, compress_level=1)
            inputs += ["-i", str(drawn)]
        encode(inputs, graph, attack.coding, into)
    return [
        Truth(
            query=(round(one.query[0] / attack.speed, 3), round(one.query[1] / attack.speed, 3)),
            reference=(round(one.reference[0], 3), round(one.reference[1], 3)),
            speed=attack.speed, mirrored=attack.mirrored, reversed=attack.reversed,
        )
        for one in truths
    ]  # fmt: skip


def _graph(attack: Attack, board: Board) -> tuple[str, tuple[str, ...]]:
    """Write the filter graph from [0:v] to [out]; the board ends with the size of the canvas."""
    parts = [f"fps={board.rate},scale={board.w}:{board.h},setsar=1"]
    if attack.keep < 1.0:
        w, h = even(board.w * attack.keep), even(board.h * attack.keep)
        left, top = even((board.w - w) * board.random.random()), even((board.h - h) * board.random.random())
        parts.append(f"crop={w}:{h}:{min(left, board.w - w)}:{min(top, board.h - h)}")
        board.w, board.h = w, h
    if attack.chain:
        sign, frames = board.random.choice(("", "-")), max(1, int(board.length_s * board.rate))
        parts.append(
            attack.chain.format(
                w=board.w, h=board.h, stretched=even(board.w * 1.35), sign=sign, n=frames, rate=board.rate
            )
        )
    if attack.layout:
        parts.append(LAYOUTS[attack.layout](board))
    graph = "[0:v]" + ",".join(parts)
    if attack.overlays:
        number = 2 if attack.layout in OTHERS else 1
        graph += f"[under];[under][{number}:v]overlay=0:0"
    if attack.layout == "phone":
        graph += "," + _filmed(board.random)
    if attack.speed != 1.0:
        graph += f",setpts=PTS/{attack.speed},fps={board.rate}"
    return graph + ",scale=trunc(iw/2)*2:trunc(ih/2)*2,format=yuv420p[out]", attack.overlays


def encode(inputs: list[str], graph: str, coding: tuple[str, ...], into: Path) -> None:
    """Run FFmpeg on one core: x264, no sound; the file appears only when it is whole."""
    part = into.with_name(into.name + ".part.mp4")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-filter_threads", "1", *inputs]
    command += ["-filter_complex_threads", "1", "-filter_complex", graph, "-map", "[out]", "-an", "-threads", "1"]
    command += ["-c:v", "libx264", "-preset", "veryfast", *coding, str(part)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    part.replace(into)
