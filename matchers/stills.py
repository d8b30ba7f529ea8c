"""Stills and animated pictures, by Pillow.

Pillow rather than FFmpeg: it knows EXIF orientation, palettes and transparency, and FFmpeg 8
cannot decode an animated WebP at all. Never reads a picture of a format that is not named here.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from core.errors import MediaUnreadable
from matchers.source import Colour, Cut, Limits, Luma, Pace, Shot, Source, fitted

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")
MOVING = ("GIF", "WEBP", "PNG", "AVIF")  # in the others a second picture is a preview or a page
FASTEST_S = 0.02  # browsers show a frame of less for 0.1 s; files of "0 s" frames rely on it
DEFAULT_S = 0.1
MOVIE = b"ftyp"  # a file that starts with a box of this kind is a picture only by the brand that follows
STILL_BRANDS = (b"avif", b"avis", b"mif1", b"msf1")
COLOUR_PX = 1024  # what OCR and features look at: a photo is decoded at no less
# What Pillow's decoders raise on damaged files, found by flipping bytes of each format.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, LookupError, RuntimeError, TypeError, ArithmeticError)


def open_still(path: Path, limits: Limits, pace: Pace) -> Source | None:
    """Open a picture; None when the file is none, and so may be a video.

    raises  MediaUnreadable when it is absurdly large, damaged, or of a kind we cannot show
    """
    try:
        if _is_movie(path):
            return None  # as Pillow would find, after it has asked each of its formats
        with warnings.catch_warnings(action="ignore"):  # of size, where the limit below is ours, and of odd tags
            image = Image.open(path, formats=FORMATS)
    except UnidentifiedImageError:
        return None
    except Image.DecompressionBombError as error:
        raise MediaUnreadable(f"{path.name}: {error}; fetch a smaller rendition") from error
    except DAMAGE as error:
        raise MediaUnreadable(f"{path.name}: the picture's header does not parse ({error}); fetch it again") from error
    limits.refuse_absurd(path.name, *image.size)
    moving = image.format in MOVING and bool(getattr(image, "is_animated", False))
    return Source(
        kind="video" if moving else "image",
        container=str(image.format).lower(),
        duration_s=None,
        width_px=image.size[0],
        height_px=image.size[1],
        shots=_moving(image, limits, pace) if moving else _still(image, path.name, limits),
    )


def _is_movie(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(12)
    return start[:2] == bytes(2) and start[4:8] == MOVIE and start[8:] not in STILL_BRANDS


def _still(image: Image.Image, name: str, limits: Limits) -> Iterator[Shot]:
    """Yield the one picture, upright."""
    try:
        side_px = max(limits.max_side_px, COLOUR_PX)
        image.draft("RGB", (side_px, side_px))  # a JPEG decodes at 1/2, 1/4 or 1/8
        with warnings.catch_warnings(action="ignore"):
            image.load()
            upright = ImageOps.exif_transpose(image)
    except DAMAGE as error:
        raise MediaUnreadable(f"{name}: the picture does not decode ({error}); fetch it again") from error
    yield _shot(0.0, upright, tick=True)


def _moving(image: Image.Image, limits: Limits, pace: Pace) -> Iterator[Shot]:
    """Yield the wanted frames. An endless picture is cut, not refused: see frames.read."""
    offset_s, started, position = 0.0, process_time(), 0
    while True:
        try:
            image.seek(position)
            image.load()
        except EOFError:
            return
        except DAMAGE as error:
            raise Cut(f"damaged at {offset_s:.1f} s: {error}") from error
        if pace.wants(offset_s):
            yield _shot(offset_s, image.copy(), tick=pace.take(offset_s))
        shown_s = float(image.info.get("duration") or 0) / 1000
        offset_s += shown_s if shown_s >= FASTEST_S else DEFAULT_S
        position += 1
        if offset_s > limits.max_duration_s:
            raise Cut(f"stopped at {limits.max_duration_s:.0f} s, the limit for one clip")
        if process_time() - started > limits.max_decode_s:
            raise Cut(f"stopped at {offset_s:.0f} s: decoding took {limits.max_decode_s:.0f} s")


class _Shown:
    """A picture and what is to be done to it."""

    def __init__(self, image: Image.Image, *, tick: bool) -> None:
        self._image, self._tick = image, tick

    def luma(self, side_px: int) -> Luma:
        """Return gray, and let go of what no method looks at."""
        flat = over_white(self._image)
        gray = flat.convert("L")
        luma = np.asarray(gray.resize(fitted(*gray.size, side_px), Image.Resampling.BOX))
        # Frames are held in runs of up to 64: 4,000 px wide ones would be gigabytes.
        size = fitted(*flat.size, COLOUR_PX if self._tick else side_px)
        self._image = flat.resize(size, Image.Resampling.LANCZOS)
        return luma

    def colour(self, side_px: int) -> Colour:
        """Return RGB."""
        flat = over_white(self._image).convert("RGB")
        return np.asarray(flat.resize(fitted(*flat.size, side_px), Image.Resampling.LANCZOS))


def _shot(offset_s: float, image: Image.Image, *, tick: bool) -> Shot:
    shown = _Shown(image, tick=tick)
    return Shot(offset_s=offset_s, tick=tick, luma=shown.luma, colour=shown.colour)


def over_white(image: Image.Image) -> Image.Image:
    """Return L or RGB of 8 bits, transparency over white, as a page would show it.

    raises  MediaUnreadable for 32-bit samples, whose range no header states
    """
    if image.mode in {"I", "F"}:
        raise MediaUnreadable(f"a picture of 32-bit samples (mode {image.mode}); convert it to 8 or 16 bits")
    if image.mode.startswith("I;16"):
        # Pillow's own convert("L") clips 16 bits at 255 instead of scaling them.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image if image.mode == "L" else image.convert("RGB")
