"""Who walks through the scenes: a gown, a gentleman, an antlered singer, a folded fox, and trees.

Each returns masks or pictures; none knows of a scene.
"""

import math
from collections.abc import Sequence

import numpy as np

from app.demo.art.paint import HEIGHT_PX, WIDTH_PX, Ink, Mask, Picture, Point, X, Y, colour, noise, single, smooth, unit

# A folded fox, sitting, facing left: triangles in a unit box, with a tone each (0 shade .. 1 light).
FOX: tuple[tuple[tuple[Point, Point, Point], float], ...] = (
    (((0.02, 0.40), (0.22, 0.26), (0.26, 0.46)), 0.95),
    (((0.02, 0.40), (0.26, 0.46), (0.14, 0.50)), 0.55),
    (((0.22, 0.26), (0.44, 0.22), (0.26, 0.46)), 0.80),
    (((0.44, 0.22), (0.46, 0.44), (0.26, 0.46)), 0.62),
    (((0.22, 0.26), (0.20, 0.02), (0.34, 0.23)), 0.72),
    (((0.20, 0.02), (0.27, 0.10), (0.34, 0.23)), 0.40),
    (((0.34, 0.23), (0.46, 0.00), (0.45, 0.24)), 0.86),
    (((0.26, 0.46), (0.46, 0.44), (0.34, 0.66)), 1.00),
    (((0.46, 0.44), (0.56, 0.66), (0.34, 0.66)), 0.70),
    (((0.44, 0.30), (0.74, 0.56), (0.56, 0.66)), 0.58),
    (((0.34, 0.66), (0.56, 0.66), (0.40, 1.00)), 0.88),
    (((0.34, 0.66), (0.40, 1.00), (0.30, 1.00)), 0.60),
    (((0.56, 0.66), (0.74, 0.56), (0.70, 0.98)), 0.46),
    (((0.56, 0.66), (0.70, 0.98), (0.46, 1.00)), 0.74),
    (((0.70, 0.98), (0.74, 0.56), (0.90, 0.92)), 0.66),
    (((0.74, 0.78), (0.98, 0.44), (0.90, 0.92)), 0.90),
    (((0.98, 0.44), (1.04, 0.70), (0.90, 0.92)), 0.50),
    (((0.98, 0.44), (0.90, 0.20), (1.04, 0.70)), 1.00),
)


def place(points: Sequence[Point], x: float, y: float, size: float, *, flip: bool = False) -> list[Point]:
    """Move points of a unit box to (x, y) and scale them; `flip` turns them to face right."""
    return [(x + (1 - px if flip else px) * size, y + py * size) for px, py in points]


def gown(x: float, feet: float, tall: float, *, lean: float = 0.0) -> tuple[Mask, Mask]:
    """A woman in a ball gown seen from behind: (body, dress) masks. Lengths in picture heights."""
    head, waist, hem = feet - tall * 0.93, feet - tall * 0.60, feet
    body = Ink().oval(x + lean, head, tall * 0.048, tall * 0.060)
    body.oval(x + lean + tall * 0.012, head - tall * 0.05, tall * 0.034, tall * 0.030)
    body.area(
        _outline(x, [(0.02, head), (0.020, head + tall * 0.09), (0.085, head + tall * 0.115), (0.065, waist)], tall)
    )
    for side in (-1, 1):
        elbow = (x + side * tall * 0.14, waist - tall * 0.06)
        body.stroke(
            [(x + side * tall * 0.075, head + tall * 0.13), elbow, (x + side * tall * 0.15, waist + tall * 0.09)],
            tall * 0.028,
        )
    skirt = [(0.058, head + tall * 0.17), (0.050, waist), (0.10, waist + tall * 0.06), (0.19, waist + tall * 0.24)]
    skirt += [(0.25, waist + tall * 0.44), (0.30, hem - tall * 0.03), (0.31, hem), (0.16, hem + tall * 0.018)]
    return body.mask(), Ink().area(_outline(x, skirt, tall)).mask()


def _outline(x: float, half: Sequence[Point], tall: float) -> list[Point]:
    """Close a half outline of (half width as a share of height, y) about a vertical axis."""
    return [(x - w * tall, y) for w, y in half] + [(x + w * tall, y) for w, y in reversed(half)]


def silk(seed: int, x: float, waist: float, dark: str, bright: str) -> Picture:
    """Cloth that falls in folds from a waist point, with a shimmer."""
    angle = np.arctan2(X - x, np.maximum(Y - waist, 0.02))
    folds = 0.5 + 0.5 * np.sin(angle * 34 + 5 * noise(seed, rough=1.5))
    shimmer = np.clip(noise(seed + 1, rough=0.5) * 3 - 2.1, 0, 1)
    tone = np.clip(0.15 + 0.7 * folds * noise(seed + 2, rough=1.6) * 1.5 + shimmer, 0, 1)[..., None]
    return single(colour(dark) + (colour(bright) - colour(dark)) * tone)


def gentleman(x: float, feet: float, tall: float, *, hat: bool = True) -> Mask:
    """A man in a tail coat."""
    head = feet - tall * 0.90
    ink = Ink().oval(x, head, tall * 0.045, tall * 0.060)
    if hat:
        ink.area(
            [
                (x - tall * 0.05, head - tall * 0.035),
                (x - tall * 0.045, head - tall * 0.16),
                (x + tall * 0.045, head - tall * 0.16),
                (x + tall * 0.05, head - tall * 0.035),
            ]
        )
        ink.stroke([(x - tall * 0.085, head - tall * 0.04), (x + tall * 0.085, head - tall * 0.04)], tall * 0.02)
    coat = [
        (0.02, head),
        (0.022, head + tall * 0.09),
        (0.105, head + tall * 0.12),
        (0.115, head + tall * 0.38),
        (0.085, head + tall * 0.62),
        (0.03, head + tall * 0.5),
    ]
    ink.area(_outline(x, coat, tall))
    for side in (-1, 1):
        ink.stroke([(x + side * tall * 0.045, feet - tall * 0.5), (x + side * tall * 0.05, feet)], tall * 0.062)
    return ink.mask()


def antlers(ink: Ink, x: float, y: float, size: float, seed: int) -> None:
    """Grow a pair of antlers from a brow: each beam curves out and up and throws tines."""
    rng = np.random.default_rng(seed)
    for side in (-1, 1):
        at, heading, reach = (x + side * size * 0.06, y), 0.9, size * 0.2
        for beam in range(6):
            tip = (at[0] + side * math.sin(heading) * reach, at[1] - math.cos(heading) * reach)
            ink.stroke([at, tip], size * 0.055 * (1 - beam * 0.13))
            ink.oval(*tip, size * 0.024 * (1 - beam * 0.12), size * 0.024 * (1 - beam * 0.12))
            turn = heading - 0.9 - 0.3 * rng.random()
            fork = (tip[0] + side * math.sin(turn) * reach * 1.15, tip[1] - math.cos(turn) * reach * 1.15)
            ink.stroke([tip, ((tip[0] + fork[0]) / 2 + side * size * 0.02, (tip[1] + fork[1]) / 2), fork], size * 0.028)
            at, heading, reach = tip, heading - 0.20 + 0.16 * rng.random(), reach * 0.9


def choirmaster(x: float, brow: float, size: float, seed: int) -> tuple[Mask, Mask]:
    """The antlered singer: (robe and antlers, pale skull and hands)."""
    dark, pale = Ink(), Ink()
    # Shoulders fall away as a bell does, and the robe never ends inside the picture.
    fall = [(0.06 + 0.60 * (1 - math.exp(-2.1 * down)), brow + size * (0.12 + down)) for down in np.linspace(0, 3, 40)]
    dark.area(_outline(x, fall, size))
    antlers(pale, x, brow - size * 0.05, size, seed)
    skull = [
        (0.07, brow - size * 0.10),
        (0.10, brow - size * 0.02),
        (0.085, brow + size * 0.07),
        (0.05, brow + size * 0.20),
        (0.025, brow + size * 0.27),
    ]
    pale.area(_outline(x, skull, size))
    for side in (-1, 1):
        pale.oval(x + side * size * 0.048, brow + size * 0.03, size * 0.026, size * 0.034, 0.0)
        pale.stroke(
            [(x + side * size * 0.012, brow + size * 0.16), (x + side * size * 0.016, brow + size * 0.2)],
            size * 0.008,
            0.0,
        )
        wrist = (x + side * size * 0.40, brow + size * 0.62)
        for finger in range(4):
            out = (wrist[0] + side * size * (0.03 + 0.035 * finger), wrist[1] - size * (0.17 - 0.03 * finger))
            pale.stroke([wrist, out], size * 0.016)
    return dark.mask(), pale.mask()


def fox(x: float, y: float, size: float, dark: str, bright: str, *, flip: bool = False) -> tuple[Picture, Mask]:
    """The folded fox: facets of paper with creases, as (picture, mask)."""
    tone, seen, crease = Ink(), Ink(), Ink()
    for facet, shade in FOX:
        points = place(facet, x, y, size, flip=flip)
        tone.area(points, shade)
        seen.area(points)
        crease.stroke([*points, points[0]], 0.0022)
    fibre = noise(901, rough=0.8) - 0.5
    shade = np.clip(tone.mask() + 0.28 * fibre + 0.25 * crease.mask(), 0, 1)[..., None]
    picture = colour(dark) + (colour(bright) - colour(dark)) * shade
    return picture.astype(np.float32), seen.mask()


def tree(ink: Ink, x: float, y: float, tall: float, seed: int, *, lean: float = 0.0, levels: int = 6) -> None:
    """Grow a bare tree upwards from (x, y)."""
    rng = np.random.default_rng(seed)

    def grow(at: Point, heading: float, reach: float, level: int) -> None:
        tip = (at[0] + math.sin(heading) * reach, at[1] - math.cos(heading) * reach)
        ink.stroke([at, tip], 0.10 * tall * 0.62 ** (levels - level))
        for _ in range(2 + int(level == 2) if level else 0):
            grow(tip, heading + rng.normal(0, 0.45), reach * rng.uniform(0.6, 0.86), level - 1)

    grow((x, y), lean, tall * 0.3, levels)


def crowd(seed: int, ground: float, tall: float, count: int) -> Mask:
    """A row of small hooded figures along a line."""
    rng = np.random.default_rng(seed)
    ink = Ink()
    for x in np.linspace(0.1, WIDTH_PX / HEIGHT_PX - 0.1, count) + rng.normal(0, 0.02, count):
        size = tall * rng.uniform(0.8, 1.15)
        foot = ground + rng.normal(0, 0.006)
        ink.oval(x, foot - size * 0.82, size * 0.13, size * 0.17)
        ink.area(_outline(x, [(0.08, foot - size * 0.75), (0.24, foot - size * 0.5), (0.32, foot)], size))
    return ink.mask()


def canopy(seed: int, mask: Mask, *, leaf: float = 0.85) -> Mask:
    """Break a soft mask into leaves."""
    fine, soft = noise(seed, rough=leaf), smooth(mask, 0.012)
    return unit((soft + (fine - 0.5) * 1.2 - 0.42) * 7) * unit(soft * 6 - 0.3)
