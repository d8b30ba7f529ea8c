"""Plots of a few numbers, laid out once and drawn twice: as SVG for a page, as PNG for a mail that shows no SVG.

Never loads anything: shapes, our own colours, and text that ElementTree escapes. Each has a title and a description,
and no colour alone tells two lines apart.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from xml.etree import ElementTree as Tree

from markupsafe import Markup
from PIL import Image, ImageDraw, ImageFont

from review.words import readable

WIDTH, TEXT, LETTER = 720, 13, 6.6  # pixels; the size of text, and about how wide one letter of it is
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 34, 26
ROW, NAMES = 30, 190  # of plots with one name a line
# Each at least 3:1 on white and on near black; dashes tell the lines apart where colours do not.
COLOURS = {"found": "#4783cc", "infringing": "#d1495b", "noticed": "#b87a12", "gone": "#2f9464"}
DASHES = {"found": "", "infringing": "8 3", "noticed": "2 3", "gone": "10 3 2 3"}
INK, PAPER, GRID = "#22262b", "#ffffff", "#d5d8dc"  # of the PNG; the SVG takes the page's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One thing drawn. kind: rect (x, y, width, height), line (x, y, x, y ...) or text (x, y).

    tone    a name of COLOURS, "ink", or "grid"
    anchor  start, middle or end, of a text
    """

    kind: str
    at: tuple[float, ...]
    tone: str = "ink"
    text: str = ""
    anchor: str = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A plot laid out, in pixels."""

    title: str
    told: str
    height: int
    shapes: tuple[Shape, ...]


def over_time(title: str, days: Sequence[str], series: Mapping[str, Sequence[int]], names: Mapping[str, str]) -> Plot:
    """Lines over days.

    series  a name of COLOURS -> a number for each day
    names   the same -> what people call it
    """
    height = 240
    top = _top(max((max(values, default=0) for values in series.values()), default=0))
    wide, high = WIDTH - LEFT - RIGHT, height - TOP - BOTTOM
    step = wide / max(len(days) - 1, 1)

    def y(value: float) -> float:
        return TOP + high * (1 - value / top)

    shapes = list(_legend(series, names))
    for value in (0, top / 2, top):
        shapes.append(Shape(kind="line", at=(LEFT, y(value), WIDTH - RIGHT, y(value)), tone="grid"))
        shapes.append(Shape(kind="text", at=(LEFT - 6, y(value) + 4), text=f"{value:,.0f}", anchor="end"))
    for number in _few(len(days)):
        anchor = "start" if number == 0 else "end" if number == len(days) - 1 else "middle"
        shapes.append(Shape(kind="text", at=(LEFT + step * number, height - 8), text=days[number][5:], anchor=anchor))
    for tone, values in series.items():
        line = tuple(place for n, value in enumerate(values) for place in (LEFT + step * n, y(value)))
        # A single day is no line: a short stroke shows it.
        line = line if len(values) > 1 else (*line, LEFT + 8, y(values[0])) if values else ()
        shapes.append(Shape(kind="line", at=line, tone=tone))
    sums = ", ".join(f"{names[tone]} {sum(values):,}" for tone, values in series.items())
    told = f"{days[0]} to {days[-1]}: {sums}." if days else "No days."
    return Plot(title=title, told=told, height=height, shapes=tuple(shapes))


def bars(title: str, rows: Mapping[str, Mapping[str, int]], names: Mapping[str, str]) -> Plot:
    """For each row as many bars as there are names, with the number beside each.

    rows    what people call it -> a name of COLOURS -> how many
    """
    thick = 14
    row_height = thick * len(names) + 10
    height = TOP + row_height * max(len(rows), 1) + 6
    top = _top(max((max(row.get(tone, 0) for tone in names) for row in rows.values()), default=0))
    room = WIDTH - NAMES - 70
    shapes = list(_legend(names, names))
    for number, (name, row) in enumerate(rows.items()):
        y = TOP + number * row_height
        shapes.append(Shape(kind="text", at=(NAMES - 8, y + row_height / 2), text=_short(name), anchor="end"))
        for place, tone in enumerate(names):
            long = room * row.get(tone, 0) / top
            shapes.append(Shape(kind="rect", at=(NAMES, y + place * thick, max(long, 1), thick - 3), tone=tone))
            shapes.append(
                Shape(kind="text", at=(NAMES + long + 5, y + place * thick + 10), text=f"{row.get(tone, 0):,}")
            )
    told = "; ".join(
        f"{name}: " + ", ".join(f"{row.get(t, 0):,} {names[t]}" for t in names) for name, row in rows.items()
    )
    return Plot(title=title, told=readable(told, most=2_000) or "Nothing yet.", height=height, shapes=tuple(shapes))


def intervals(title: str, rows: Mapping[str, tuple[float, float, float]]) -> Plot:
    """For each row a share with its interval, on a scale from 0 to 100 %.

    rows    name -> (low, share, high), 0..1 each
    """
    height = TOP + ROW * max(len(rows), 1) + BOTTOM
    room = WIDTH - NAMES - 70
    shapes = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        x = NAMES + room * share
        shapes.append(Shape(kind="line", at=(x, TOP - 8, x, height - BOTTOM), tone="grid"))
        shapes.append(Shape(kind="text", at=(x, height - 8), text=f"{share:.0%}", anchor="middle"))
    for number, (name, (low, share, high)) in enumerate(rows.items()):
        y = TOP + number * ROW + 8
        shapes.append(Shape(kind="text", at=(NAMES - 8, y + 5), text=_short(name), anchor="end"))
        shapes.append(Shape(kind="line", at=(NAMES + room * low, y, NAMES + room * high, y), tone="ink"))
        shapes.append(Shape(kind="rect", at=(NAMES + room * share - 3, y - 5, 6, 10), tone="found"))
        shapes.append(Shape(kind="text", at=(WIDTH - 6, y + 5), text=f"{share:.1%}", anchor="end"))
    told = "; ".join(f"{name}: {share:.1%} ({low:.1%} to {high:.1%})" for name, (low, share, high) in rows.items())
    return Plot(title=title, told=readable(told, most=2_000) or "Nothing yet.", height=height, shapes=tuple(shapes))


def svg(plot: Plot, name: str) -> Markup:
    """The plot as an element of a page. name: an id that no other element of the page has."""
    size = {"viewBox": f"0 0 {WIDTH} {plot.height}", "width": f"{WIDTH}", "height": f"{plot.height}"}
    told = {"role": "img", "class": "plot", "aria-labelledby": f"{name}-title {name}-desc"}
    root = Tree.Element("svg", size | told)
    Tree.SubElement(root, "title", {"id": f"{name}-title"}).text = readable(plot.title, most=200)
    Tree.SubElement(root, "desc", {"id": f"{name}-desc"}).text = plot.told
    for shape in plot.shapes:
        _element(root, shape)
    return Markup(Tree.tostring(root, encoding="unicode"))  # noqa: S704 - ElementTree has escaped every text in it


def _element(root: Tree.Element, shape: Shape) -> None:
    colour = COLOURS.get(shape.tone, "currentColor")
    told = {"class": f"tone-{shape.tone}"}
    if shape.kind == "text":
        at = {"x": _num(shape.at[0]), "y": _num(shape.at[1]), "text-anchor": shape.anchor, "font-size": f"{TEXT}"}
        Tree.SubElement(root, "text", told | at | {"fill": colour}).text = shape.text
    elif shape.kind == "rect":
        at = dict(zip(("x", "y", "width", "height"), map(_num, shape.at), strict=True))
        Tree.SubElement(root, "rect", told | at | {"fill": colour})
    elif shape.at:
        stroke = {"fill": "none", "stroke": colour, "stroke-width": "2"}
        if shape.tone == "grid":
            stroke |= {"stroke-width": "1", "stroke-opacity": "0.2"}
        if dashes := DASHES.get(shape.tone):
            stroke["stroke-dasharray"] = dashes
        points = " ".join(f"{_num(x)},{_num(y)}" for x, y in zip(shape.at[::2], shape.at[1::2], strict=True))
        Tree.SubElement(root, "polyline", told | stroke | {"points": points})


def png(plot: Plot, *, scale: int = 2) -> bytes:
    """The same picture on white paper, `scale` times as large."""
    image = Image.new("RGB", (WIDTH * scale, plot.height * scale), PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(TEXT * scale)
    for shape in plot.shapes:
        colour = COLOURS.get(shape.tone, GRID if shape.tone == "grid" else INK)
        at = [place * scale for place in shape.at]
        if shape.kind == "text":
            anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
            draw.text((at[0], at[1]), shape.text, fill=colour, font=font, anchor=anchor)
        elif shape.kind == "rect":
            draw.rectangle((at[0], at[1], at[0] + at[2], at[1] + at[3]), fill=colour)
        elif at:
            width = scale if shape.tone == "grid" else 2 * scale
            for line in _dashed(at, [float(part) * scale for part in DASHES.get(shape.tone, "").split()]):
                draw.line(line, fill=colour, width=width)
    file = BytesIO()
    image.quantize(32).save(file, "PNG", optimize=True)
    return file.getvalue()


def _dashed(at: Sequence[float], dashes: Sequence[float]) -> Iterable[tuple[float, float, float, float]]:
    """A line as the strokes that its dashes leave of it."""
    number, left = 0, dashes[0] if dashes else math.inf
    for x, y, to_x, to_y in zip(at[::2], at[1::2], at[2::2], at[3::2], strict=False):
        long, done = math.hypot(to_x - x, to_y - y), 0.0
        while done < long:
            step = min(left, long - done)
            if number % 2 == 0:
                ends = [
                    (x + (to_x - x) * share, y + (to_y - y) * share) for share in (done / long, (done + step) / long)
                ]
                yield *ends[0], *ends[1]
            done, left = done + step, left - step
            if left <= 0:
                number += 1
                left = dashes[number % len(dashes)]


def _legend(tones: Iterable[str], names: Mapping[str, str]) -> Iterable[Shape]:
    x = float(LEFT)
    for tone in tones:
        yield Shape(kind="line", at=(x, 14, x + 24, 14), tone=tone)
        yield Shape(kind="text", at=(x + 30, 18), text=names[tone])
        x += 54 + len(names[tone]) * LETTER


def _top(most: int) -> int:
    """A round even number, at least as large as the largest."""
    if most <= 2:
        return 2
    size = 10 ** math.floor(math.log10(most))
    return next(int(size * step) for step in (1, 2, 4, 6, 8, 10) if size * step >= most)


def _few(n: int) -> list[int]:
    """At most seven places among n, the first and the last with them."""
    return sorted({round(part * (n - 1) / 6) for part in range(7)}) if n else []


def _short(name: str) -> str:
    return readable(name, most=25)


def _num(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
