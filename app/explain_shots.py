"""One picture of an explanation as the page draws it: turned as it must be, with what agrees marked on it.

Numbers and addresses for an SVG; the template writes it.
"""

import math
from base64 import b64encode
from dataclasses import dataclass, replace

from app.explain_pictures import Pictures, Shown
from app.explaining import FramePair, Told
from core.records import Segment
from core.times import clock
from review.moments import quarter_turns
from review.pairs import Moment
from review.words import readable

FAR = 3.0  # frames' widths outside of the frame at which an outline's corner is cut off: SVG needs no more
NO_FILE = "no picture: this reference came as a hash alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture. `uri` None: `missing` says why there is none.

    width, height   of the drawing; those of the picture, swapped where it is turned by a quarter
    transform       of the picture and its box, as SVG's attribute; "" for none
    outline         points of the polygon on the clip's frame; "" for none
    box             x, y, width, height on the reference's frame, before it is turned; None for none
    corner          the reference's own top left corner
    """

    side: str
    label: str
    alt: str
    uri: str | None = None
    missing: str = ""
    picture_width: int = 16
    picture_height: int = 9
    width: int = 16
    height: int = 9
    transform: str = ""
    outline: str = ""
    box: tuple[float, ...] | None = None
    corner: tuple[float, float] | None = None


def shots(pair: FramePair, told: Told, pictures: Pictures) -> tuple[Shot, ...]:
    """The clip's frame, the reference's as it is, and once more turned as the clip shows it, where it does."""
    aligned, segment = pair.aligned, pair.aligned.segment
    name = readable(told.reference.name, most=80)
    at = f" at {clock(pair.query.offset_s)}" if pair.query.moving else ""
    which = f", segment {told.match.segments.index(segment) + 1}" if len(told.match.segments) > 1 else ""
    query = _taken(pair.query, "clip", f"clip{at}{which}", f"The post's clip{at}", pictures)
    if query.uri and aligned.measured:
        query = _outlined(query, segment)
    about = "" if aligned.measured else "≈\u00a0"
    there = f" at {about}{clock(pair.reference.offset_s)}" if pair.reference and pair.reference.moving else ""
    label, alt = f"{name}{there}", f"The reference {name}{there}"
    if pair.reference is None:
        return query, Shot(side="official", label=label, alt=alt, missing=NO_FILE)
    plain = _taken(pair.reference, "official", label, alt, pictures)
    box = segment.reference_box if aligned.measured else ()
    if plain.uri and len(box) == 4 and all(map(math.isfinite, box)):
        size = (plain.picture_width, plain.picture_height) * 2
        plain = replace(plain, box=tuple(round(part * side, 2) for part, side in zip(box, size, strict=True)))
    shape = query.width / query.height if query.uri else 16 / 9
    turns = quarter_turns(segment, shape=shape)
    if not plain.uri or not (turns or segment.mirrored):
        return query, plain
    said = " and ".join(filter(None, ("mirrored" * segment.mirrored, f"turned by {90 * turns}°" * bool(turns))))
    turned = _turned(plain, turns, mirrored=segment.mirrored)
    return (
        query,
        plain,
        replace(turned, label=f"{label}, {said} as in the clip", alt=f"{alt}, {said} as the clip shows it"),
    )


def alone(moment: Moment, side: str, franchise: str, pictures: Pictures) -> Shot:
    """A picture that nothing was matched with."""
    at = f" at {clock(moment.offset_s)}" if moment.moving else ""
    if side == "clip":
        return _taken(moment, side, f"clip{at}", f"The post's clip{at}", pictures)
    name = readable(moment.name, most=80)
    return _taken(moment, side, name + at, f"Official picture {name} of {readable(franchise, most=120)}", pictures)


def _taken(moment: Moment, side: str, label: str, alt: str, pictures: Pictures) -> Shot:
    found = pictures.get(moment.key, "no picture was made")
    if not isinstance(found, Shown):
        return Shot(side=side, label=label, alt=alt, missing=found)
    return Shot(
        side=side,
        label=label,
        alt=alt,
        uri=f"data:image/jpeg;base64,{b64encode(found.jpeg).decode()}",
        picture_width=found.width_px,
        picture_height=found.height_px,
        width=found.width_px,
        height=found.height_px,
    )


def _outlined(shot: Shot, segment: Segment) -> Shot:
    """The polygon of the reference's picture in the clip's frame; what lies outside is cut by the drawing."""
    outline = segment.query_outline
    if len(outline) != 8 or not all(map(math.isfinite, outline)):
        return shot
    points = [
        (round(_near(x) * shot.width, 1), round(_near(y) * shot.height, 1))
        for x, y in zip(outline[::2], outline[1::2], strict=True)
    ]
    inside = 0 <= points[0][0] <= shot.width and 0 <= points[0][1] <= shot.height
    said = " ".join(f"{x:g},{y:g}" for x, y in points)
    return replace(shot, outline=said, corner=points[0] if inside else None, alt=f"{shot.alt}, the reference outlined")


def _near(share: float) -> float:
    return min(max(share, -FAR), 1 + FAR)


def _turned(shot: Shot, turns: int, *, mirrored: bool) -> Shot:
    """Mirror first, then turn clockwise, as the clip shows it."""
    width, height = shot.picture_width, shot.picture_height
    turn = ("", f"translate({height} 0) rotate(90)", f"translate({width} {height}) rotate(180)")
    steps = [(*turn, f"translate(0 {width}) rotate(-90)")[turns], f"translate({width} 0) scale(-1 1)" * mirrored]
    across, down = (height, width) if turns % 2 else (width, height)
    return replace(shot, transform=" ".join(filter(None, steps)), width=across, height=down)
