"""Paper Fox Arcade, a neon game show: folded paper, wet streets, an endless stair."""

from collections.abc import Sequence
from itertools import product
from typing import TypeAlias

import numpy as np

from app.demo.art.figures import fox, gentleman
from app.demo.art.paint import (
    ASPECT,
    Ink,
    Layer,
    Mask,
    Picture,
    Point,
    X,
    Y,
    below,
    blank,
    bristle,
    disc,
    glow,
    light,
    mirrored_in_water,
    mist,
    mix,
    noise,
    ramp,
    ridge,
    sheet,
    single,
    smooth,
    warped,
)

NEON = ("ff2e88", "19d8ff", "ffe14a", "8b5cff", "3dffb0", "ff7a2e")


Tube: TypeAlias = tuple[list[Point], float]  # its line and its width


def tubes(picture: Picture, tint: str, drawn: Sequence[Tube]) -> Picture:
    """Neon tubes of one colour: white core, coloured glass, halo."""
    glass, core = Ink(), Ink()
    for points, width in drawn:
        glass.stroke(points, width)
        core.stroke(points, width * 0.45)
    line, width = glass.mask(), max(width for _, width in drawn)
    picture = light(picture, tint, smooth(line, width * 3.2) * 2.2)
    picture = light(picture, tint, smooth(line, width * 0.6) * 1.4)
    return light(picture, "ffffff", core.mask())


def towers(picture: Picture, seed: int, *, horizon: float, tall: float, tint: str, lit: float) -> Picture:
    """A row of buildings with lit windows."""
    rng = np.random.default_rng(seed)
    shape, panes, x = Ink(), Ink(), -0.05
    while x < ASPECT + 0.05:
        wide, top = rng.uniform(0.06, 0.15), horizon - tall * rng.uniform(0.3, 1.0)
        shape.area([(x, 1), (x, top), (x + wide * 0.9, top - rng.choice([0, 0.02])), (x + wide * 0.9, 1)])
        for column in np.arange(x + 0.010, x + wide * 0.85, 0.016):
            for row in np.arange(top + 0.015, horizon + 0.1, 0.022):
                if rng.random() < lit:
                    panes.area(
                        [(column, row), (column + 0.008, row), (column + 0.008, row + 0.011), (column, row + 0.011)],
                        rng.uniform(0.3, 1),
                    )
        x += wide
    wall = mix(blank(tint), "000000", noise(seed + 1, rough=1.0, upright=4) * 0.5)
    glass = ramp([(0.2, "ff9ad0"), (0.45, "ffd9a0"), (0.6, "8fe8ff")])
    return mix(mix(picture, wall, shape.mask()), glass, panes.mask() * shape.mask())


def fox_city() -> list[Layer]:
    """The Paper Fox, tall as a tower, sits over a neon city after rain."""
    sky = ramp([(0, "140a35"), (0.4, "4a1a73"), (0.66, "e0467f"), (0.8, "ffad6b")])
    sky = mix(sky, "2a1258", np.clip(noise(401, rough=1.6, upright=0.4) * 2.3 - 0.9, 0, 1) * 0.8)
    sky = towers(sky, 403, horizon=0.64, tall=0.34, tint="5a2a6e", lit=0.10)
    paper, seen = fox(0.92, 0.10, 0.60, "b0406a", "fff3e2")
    sky = light(sky, "ff8fbf", smooth(seen, 0.05) * 0.55)
    sky = mix(sky, light(paper, "ffb36b", np.clip(X - 1.15, 0, 1) * 0.8), seen)
    sky = light(sky, "fff1a0", glow(1.085, 0.325, 0.016) * 1.2)
    sky = towers(sky, 407, horizon=0.70, tall=0.17, tint="2a1450", lit=0.32)
    for k, x in enumerate((0.20, 0.42, 0.66, 1.56)):
        top = 0.38 + 0.06 * (k % 3)
        frame = [(x, top), (x + 0.07, top), (x + 0.07, top + 0.12), (x, top + 0.12), (x, top)]
        sky = tubes(sky, NEON[k], [(frame, 0.006)])
        sky = tubes(
            sky, NEON[k + 1], [([(x + 0.02, top + 0.03), (x + 0.05, top + 0.06), (x + 0.02, top + 0.09)], 0.004)]
        )
    wet = mix(mirrored_in_water(sky, 0.74, 411, rough=0.05), "0b0524", np.clip((Y - 0.66) * 1.1, 0, 0.45))
    out = mix(sky, wet, below(0.74))
    lone = Ink()
    man = gentleman(0.62, 0.93, 0.26, hat=False)
    lone.area([(0.50, 0.70), (0.62, 0.625), (0.74, 0.70)]).stroke([(0.62, 0.63), (0.635, 0.80)], 0.006)
    figure = np.maximum(man, lone.mask())
    near = mix(blank("0c0620"), "ff5fa0", np.clip(0.75 - smooth(figure, 0.006), 0, 1) * figure)
    return [
        sheet(bristle(warped(out, 413, 0.002), 414, 0.05), 0.1),
        mist(415, "ff9ab8", top=0.5, bottom=0.74, strength=0.3, depth=0.4),
        sheet(near, 0.8, figure),
    ]


def stair_maze() -> list[Layer]:
    """The Stair Maze: pastel blocks and flights that lead round and round."""
    out = ramp([(0, "ffd9b8"), (0.5, "ffb3a8"), (1, "b98ad0")])
    out = mix(out, "fff3dc", np.clip(noise(421, rough=1.7) * 2 - 0.8, 0, 1) * 0.6)
    rng = np.random.default_rng(423)
    faces = [Ink() for _ in range(3)]
    blocks = [
        (gx, gy, int(1 + 6 * abs(np.sin(gx * 1.1 + gy * 0.8)) + rng.integers(0, 2)))
        for gx in range(-1, 9)
        for gy in range(-1, 9)
    ]
    for gx, gy, tall in sorted(blocks, key=lambda b: b[0] + b[1]):
        if rng.random() < 0.16:
            continue
        _flight(faces, gx, gy, tall, climbs=(gx + gy) % 3 == 0)
    top, left, right = (face.mask() for face in faces)
    grain = noise(425, rough=0.8) * 0.35
    for mask, stops in (
        (left, [(0.1, "f26d8f"), (0.9, "6d3a9c")]),
        (right, [(0.1, "5a3f9e"), (0.9, "1e2f7c")]),
        (top, [(0.1, "fff0c9"), (0.5, "8fe6e0"), (0.9, "37a7d8")]),
    ):
        out = mix(out, ramp(stops) * (1 - grain)[..., None], mask)
    lit = light(out, "fff0b0", glow(0.50, 0.20, 0.5) * 0.4)
    for k, (x, y) in enumerate([(0.47, 0.40), (1.22, 0.26), (0.86, 0.66), (1.40, 0.60)]):
        door = [(x - 0.035, y + 0.07), (x - 0.035, y), (x, y - 0.03), (x + 0.035, y), (x + 0.035, y + 0.07)]
        lit = tubes(lit, NEON[k], [(door, 0.006)])
    runners = np.maximum.reduce(
        [gentleman(x, y, 0.10, hat=False) for x, y in [(0.72, 0.52), (1.08, 0.46), (1.24, 0.78), (0.40, 0.70)]]
    )
    return [sheet(bristle(warped(mix(lit, "1a1038", runners), 427, 0.0015), 428, 0.04), 0.25), _confetti(429)]


def _flight(faces: list[Ink], gx: int, gy: int, tall: int, *, climbs: bool) -> None:
    """One block on the grid, or a flight of four steps in its place; later blocks hide earlier ones."""
    for step in range(4 if climbs else 1):
        share = 4 if climbs else 1
        x, y = gx + step / share, float(gy)
        high = tall * 0.055 + (0.055 * step / 4 if climbs else 0)
        _block(faces, x, y, 1 / share, high)


def _block(faces: list[Ink], gx: float, gy: float, wide: float, high: float) -> None:
    side, rise = 0.115, 0.062

    def at(x: float, y: float, z: float) -> Point:
        return (ASPECT / 2 + (x - y) * side, 0.18 + (x + y) * rise - z)

    top = [at(gx, gy, high), at(gx + wide, gy, high), at(gx + wide, gy + 1, high), at(gx, gy + 1, high)]
    left = [at(gx, gy + 1, high), at(gx + wide, gy + 1, high), at(gx + wide, gy + 1, -0.3), at(gx, gy + 1, -0.3)]
    right = [at(gx + wide, gy, high), at(gx + wide, gy + 1, high), at(gx + wide, gy + 1, -0.3), at(gx + wide, gy, -0.3)]
    for face, points in zip(faces, (top, left, right), strict=True):
        for other in faces:
            other.area(points, 1.0 if other is face else 0.0)


def _confetti(seed: int) -> Layer:
    rng = np.random.default_rng(seed)
    ink, tint = Ink(), noise(seed, rough=1.5)
    for x, y in rng.uniform(0, 1, (46, 2)) * (ASPECT, 1):
        size, turn = rng.uniform(0.006, 0.020), rng.uniform(0, 3)
        ink.area([(x + size * np.cos(turn + k * 2.1), y + size * np.sin(turn + k * 2.1)) for k in range(3)])
    return sheet(ramp([(0.3, "ff4f98"), (0.5, "fff6d8"), (0.7, "2fd0e8")], tint), 1.0, ink.mask(), drift=0.03)


def stage() -> list[Layer]:
    """The great wheel: beams of light, a glittering wheel, and contestants in a row."""
    x0, y0 = 0.62, 0.42
    out = ramp([(0, "060b2a"), (0.5, "0e2a66"), (0.8, "0a1440")])
    for k, turn in enumerate(np.linspace(-0.9, 0.9, 7)):
        beam = np.exp(-(((X - x0 - 0.2 - (Y + 0.1) * np.tan(turn)) / (0.035 + 0.10 * (Y + 0.1))) ** 2))
        out = light(out, NEON[k % 6], beam * (0.55 - 0.25 * Y) * (0.5 + 0.7 * noise(431, rough=1.6)))
    far, angle = np.hypot(X - x0, Y - y0), np.arctan2(Y - y0, X - x0) + 0.3
    slot = np.floor(angle / (2 * np.pi) * 12).astype(int) % 6
    table = np.stack([blank(code)[0, 0] for code in NEON])
    wheel = table[slot] * (0.45 + 0.55 * noise(433, rough=1.0))[..., None] * (1.05 - 0.8 * far)[..., None]
    spokes = smooth((np.abs(np.sin(angle * 6)) < 0.05).astype(np.float32), 0.002)
    wheel = mix(mix(wheel, "fff1c4", spokes), "2a1250", disc(x0, y0, 0.09))
    out = light(out, "ff5fa8", np.exp(-(((far - 0.31) / 0.08) ** 2)) * 0.7)
    out = mix(out, wheel.astype(np.float32), disc(x0, y0, 0.30))
    for turn in np.linspace(0, 2 * np.pi, 30, endpoint=False):
        out = light(out, "fff3b8", glow(x0 + 0.315 * np.cos(turn), y0 + 0.315 * np.sin(turn), 0.011) * 1.2)
    emblem, seen = fox(x0 - 0.062, y0 - 0.065, 0.125, "c04070", "fff6e8")
    out = mix(out, emblem, seen)
    floor = mix(mirrored_in_water(out, 0.80, 437, rough=0.03), "050818", np.full_like(Y, 0.35))
    out = mix(out, floor, below(0.80))
    people, podium = [], Ink()
    for k, x in enumerate((1.14, 1.29, 1.44, 1.59)):
        people.append(gentleman(x, 0.86, 0.36, hat=False))
        podium.area([(x - 0.055, 0.66), (x + 0.055, 0.66), (x + 0.045, 0.90), (x - 0.045, 0.90)])
        out = light(out, NEON[k], glow(x, 0.60, 0.12) * 0.5)
    crowd = np.maximum.reduce(people)
    box = mix(blank("1a1a5a"), ramp([(0.66, "ff6fb0"), (0.9, "2a1a70")]), podium.mask())
    front = light(
        mix(box, "0a0a24", crowd * (1 - podium.mask())), "9fd8ff", np.clip(0.7 - smooth(crowd, 0.006), 0, 1) * crowd
    )
    heads = below(ridge(439, 0.97, 0.05, rough=0.35))
    return [
        sheet(bristle(warped(out, 441, 0.002), 442, 0.05), 0.1),
        sheet(front, 0.5, np.maximum(crowd, podium.mask())),
        sheet(blank("04051a"), 1.0, heads),
    ]


def alley() -> list[Layer]:
    """Lantern Alley: a narrow lane of signs and steam with a small fox at its end."""
    x0, y0 = 1.10, 0.50
    out = light(ramp([(0, "04161c"), (0.5, "0f5a5c"), (1, "03141a")]), "6ff5d8", glow(x0, y0, 0.24) * 0.9)
    for k in range(6):
        near = 0.08 * 1.62**k
        wall = mix(
            blank(("11595c", "0d454c", "0a343e", "08262f", "061a24", "041019")[k]),
            "000000",
            noise(451 + k, rough=0.6, upright=2) * 0.6,
        )
        wall = light(wall, NEON[(k * 2) % 6], np.clip(noise(461 + k, rough=1.6) * 2 - 1.1, 0, 1) * 0.5)
        sides = (
            Ink()
            .area([(x0 - near, -1), (x0 - near, 2), (-1, 2), (-1, -1)])
            .area([(x0 + near * 0.9, -1), (x0 + near * 0.9, 2), (3, 2), (3, -1)])
            .mask()
        )
        out = mix(out, wall, sides * below(y0 - near * 1.5 - 0.1))
    out = _signs(out, x0, y0)
    wet = mirrored_in_water(out, 0.66, 471, rough=0.06)
    out = mix(
        out,
        mix(wet, "02090e", noise(473, rough=1.0, upright=0.4) * 0.6),
        Ink().area([(x0 - 0.07, 0.60), (x0 + 0.07, 0.60), (ASPECT + 0.3, 1.02), (-0.7, 1.02)]).mask(0.004),
    )
    small, seen = fox(x0 - 0.055, 0.52, 0.12, "c98a3a", "fffbe8", flip=True)
    out = mix(light(out, "fff0b0", smooth(seen, 0.03) * 0.8), small, seen)
    wires = Ink()
    rng = np.random.default_rng(475)
    for y in rng.uniform(0.02, 0.3, 7):
        wires.stroke([(x, y + 0.05 * np.sin(x * 2 + y * 9)) for x in np.linspace(0, ASPECT, 20)], 0.004)
    return [
        sheet(bristle(warped(out, 477, 0.002), 478, 0.05), 0.1),
        mist(479, "8ff5e0", top=0.5, bottom=0.9, strength=0.35, depth=0.5),
        sheet(blank("02080c"), 0.9, wires.mask()),
    ]


def _signs(out: Picture, x0: float, y0: float) -> Picture:
    """A lit sign on each wall of the lane, as large as its nearness."""
    drawn: dict[str, list[Tube]] = {}
    panels = Ink()
    for k, side in product(range(6), (-1, 1)):
        near = 0.08 * 1.62**k
        tall, wide = near * 0.55, side * near * 0.28
        x, y = x0 + side * near * (1.05 if side < 0 else 0.95), y0 - near * (0.5 + 0.12 * ((k * 2 + side) % 3))
        frame = [(x, y), (x + wide, y - 0.02), (x + wide, y + tall), (x, y + tall - 0.02), (x, y)]
        panels.area(frame)
        drawn.setdefault(NEON[(k + 3 * (side > 0)) % 6], []).append((frame, 0.003 + near * 0.008))
        for row in (0.25, 0.5, 0.75):
            word = [(x + wide * 0.25, y + tall * row), (x + wide * 0.75, y + tall * row)]
            drawn.setdefault(NEON[(k + 1) % 6], []).append((word, 0.002 + near * 0.008))
    out = mix(out, mix(blank("140818"), "3a2050", noise(481, rough=1.2)), panels.mask())
    for tint, lines in drawn.items():
        out = tubes(out, tint, lines)
    return out


def paper(seed: int) -> Mask:
    """The tooth of folded paper."""
    return single(np.abs(noise(seed, rough=1.0) - 0.5) * 2)


def fox_roofs() -> list[Layer]:
    """Not official: a paper fox on tin roofs at sunset, as a generator might dream it."""
    sky = ramp([(0, "35b4c8"), (0.35, "ffe0a0"), (0.6, "ff9a5a")])
    sky = mix(sky, "ffd0c0", np.clip(noise(491, rough=1.6, upright=0.3) * 2 - 0.8, 0, 1))
    sky = light(sky, "fff3c0", glow(0.36, 0.46, 0.25))
    sky = towers(sky, 493, horizon=0.62, tall=0.20, tint="c0705a", lit=0.06)
    tin = mix(ramp([(0.6, "9c4a3a"), (1, "3a1a2c")]), "1a0c18", (np.sin(X * 120 + Y * 40) * 0.5 + 0.5) * 0.6)
    sky = mix(sky, mix(tin, "d88a5a", paper(495) * 0.4), below(0.62 + 0.14 * X[0]))
    animal, seen = fox(0.50, 0.28, 0.46, "6a2a8c", "f6d0ff", flip=True)
    return [sheet(bristle(warped(sky, 497), 498), 0.1), sheet(animal, 0.5, seen)]
