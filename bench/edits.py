"""The edits that copies.py makes of clips and stills, by FFmpeg, as re-uploaders make them.

Never changes the corpus: everything is written into the folder that is given.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
from PIL import Image, ImageDraw, ImageFont

CUT = ("-ss", "1.3", "-t", "8")  # not on a whole second: the sampling of copy and reference must differ
SIZE = "scale=-2:'min(480,ih)'"


@dataclass(frozen=True, slots=True)
class Edit:
    """A name, a filter graph from [0:v] (and the caption [1:v]) to a picture, and x264's crf.

    expected    False where a whole-frame hash is known to be blind; reported, never tuned on
    """

    name: str
    graph: str
    crf: int = 26
    expected: bool = True


CLIP_EDITS = (
    Edit("re-encode crf 35", f"[0:v]{SIZE}", crf=35),
    Edit("downscale 144p", "[0:v]scale=-2:144", crf=30),
    Edit("brighter", f"[0:v]{SIZE},eq=brightness=0.15"),
    Edit("darker", f"[0:v]{SIZE},eq=brightness=-0.15:contrast=0.8"),
    Edit("caption", f"[0:v]{SIZE}[p];[1:v][p]scale2ref=w=iw:h=ow/mdar[c][v];[v][c]overlay=0:H*0.72"),
    Edit("border", f"[0:v]{SIZE},pad=iw*1.2:ih*1.2:(ow-iw)/2:(oh-ih)/2:color=0x305070"),
    Edit("bars to 9:16", f"[0:v]{SIZE},pad=iw:'max(ih,iw*16/9)':0:(oh-ih)/2:color=black"),
    Edit(
        "frame zoomed",
        f"[0:v]{SIZE},trim=end_frame=1,zoompan=z='1+0.002*on':d=125:x='iw/2-(iw/zoom/2)':y='ih/2-(ih/zoom/2)'",
    ),
    Edit("speed 1.25", f"[0:v]{SIZE},setpts=PTS/1.25"),
    Edit("speed 0.75", f"[0:v]{SIZE},setpts=PTS/0.75"),
    Edit("crop 10 %", f"[0:v]{SIZE},crop=iw*0.9:ih*0.9", expected=False),
    Edit("mirrored", f"[0:v]{SIZE},hflip", expected=False),
)
STILL_EDITS = (
    Edit("still: half size", "[0:v]scale=iw/2:-1"),
    Edit("still: caption", "[1:v][0:v]scale2ref=w=iw:h=ow/mdar[c][v];[v][c]overlay=0:H*0.72"),
    Edit("still: border", "[0:v]pad=iw*1.2:ih*1.2:(ow-iw)/2:(oh-ih)/2:color=white"),
    Edit(
        "still: slow zoom",
        "[0:v]scale=-2:480,zoompan=z='1+0.002*on':d=125:x='iw/2-(iw/zoom/2)':y='ih/2-(ih/zoom/2)':s=640x480",
    ),
)


def caption(path: Path) -> Path:
    """Draw a two-line caption with a dark band, 1000 x 140 px, as captioning apps do."""
    image = Image.new("RGBA", (1000, 140), (0, 0, 0, 120))
    draw = ImageDraw.Draw(image)
    for line, text in enumerate(("WAIT FOR THE END, YOU WILL", "NOT BELIEVE THIS ONE")):
        draw.text((60, 8 + 64 * line), text, fill="white", font=ImageFont.load_default(56))
    image.save(path)
    return path


def make(edit: Edit, original: Path, text: Path, into: Path) -> Path | None:
    """Write the edit of one file and return it; None where the clip is too short to cut."""
    is_still = original.suffix == ".jpg"
    suffix = ".jpg" if is_still and "zoom" not in edit.name else ".mp4"
    made = into / f"{original.stem}--{edit.name.replace(' ', '_').replace(':', '')}{suffix}"
    if made.exists():
        return made
    source = ["-i", str(original)] if is_still else [*CUT, "-i", str(original)]
    coding = ["-q:v", "8"] if suffix == ".jpg" else ["-c:v", "libx264", "-preset", "veryfast", "-crf", str(edit.crf)]
    finish = "" if suffix == ".jpg" else ",scale=trunc(iw/2)*2:trunc(ih/2)*2,format=yuv420p"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *source, "-i", str(text), "-threads", "1"]
    command += ["-filter_complex", f"{edit.graph}{finish}[out]", "-map", "[out]", "-an", *coding, str(made)]
    subprocess.run(command, check=True)
    return made if made.stat().st_size > 1000 else None
