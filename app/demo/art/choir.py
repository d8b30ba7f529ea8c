"""The Hollow Choir, a creature horror: fog, drowned stone, bone, and one ember of red."""

import numpy as np

from app.demo.art.figures import antlers, canopy, choirmaster, crowd, tree
from app.demo.art.paint import (
    ASPECT,
    HEIGHT_PX,
    Ink,
    Layer,
    Picture,
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
    smooth,
    warped,
)

BONE = "d8d2bd"


def _bone(seed: int) -> Picture:
    return mix(blank(BONE), "6d5f4c", np.clip(noise(seed, rough=0.7) * 1.8 - 0.5, 0, 1))


def _wood(seed: int, ground: float, count: int, tint: str, thick: float) -> tuple[Picture, np.ndarray]:
    """A stand of bare trees: (bark, mask)."""
    rng = np.random.default_rng(seed)
    ink = Ink()
    for x in rng.uniform(-0.05, ASPECT + 0.05, count):
        ink.area([(x - thick, ground), (x - thick * 0.45, -0.05), (x + thick * 0.45, -0.05), (x + thick, ground)])
        for _ in range(3):
            tree(
                ink,
                x,
                rng.uniform(0.05, 0.5),
                thick * 16,
                int(rng.integers(1 << 30)),
                lean=rng.choice([-1.1, 1.1]),
                levels=4,
            )
    bark = mix(blank(tint), "000000", noise(seed + 1, rough=0.7, upright=6.0) * 0.6)
    return bark, ink.mask()


def choirmaster_wood() -> list[Layer]:
    """The Choirmaster stands in a fogged wood before a sinking red sun."""
    out = ramp([(0, "2a3a3c"), (0.45, "7f8f88"), (0.8, "4a5550")])
    out = light(out, "ff4a2a", glow(0.888, 0.36, 0.27) * 0.85)
    out = mix(out, "d8432a", disc(0.888, 0.36, 0.185) * (0.6 + 0.4 * noise(201, upright=0.3)))
    for k, (count, tint) in enumerate([(16, "66756f"), (10, "3d4b49")]):
        bark, mask = _wood(203 + 5 * k, 0.80, count, tint, 0.010 + 0.010 * k)
        clear = np.clip(np.abs(X - 0.888) * 5 - 0.6 - k * 0.9, 0, 1)
        out = mix(out, bark, mask * clear)
        out = mix(out, "93a39a", np.clip(noise(207 + k, rough=1.6, upright=0.3) * 2 - 0.7, 0, 1) * 0.35)
    out = mix(out, mix(blank("2a302b"), "7d8578", noise(211, rough=0.8, upright=0.4)), below(ridge(213, 0.82, 0.02)))
    robe, pale = choirmaster(0.888, 0.43, 0.43, 7)
    cloth = mix(blank("0c0f10"), "3e4644", np.clip(noise(217, rough=1.0, upright=7) * 2 - 0.9, 0, 1))
    singer = mix(cloth, _bone(219), pale)
    near, near_mask = _wood(223, 1.1, 4, "0b0e0e", 0.030)
    sides = near_mask * np.clip(np.abs(X - 0.888) * 4 - 1.6, 0, 1)
    return [
        sheet(bristle(warped(out, 225), 226), 0.1),
        sheet(singer, 0.45, np.maximum(robe, pale)),
        mist(227, "aab5ac", top=0.58, bottom=0.95, strength=0.8, depth=0.6),
        sheet(near, 1.0, sides),
    ]


def drowned_chapel() -> list[Layer]:
    """The Drowned Chapel: a nave under black water, one green rose window still alight."""
    x0 = 1.14
    wall = mix(ramp([(0, "07141a"), (0.6, "1d3d42")]), "0a1a1e", noise(231, rough=1.0) * 0.8)
    for k in range(7):
        half, top = 0.92 - 0.115 * k, -0.20 + 0.060 * k
        tone = ("0f2226", "173036", "1f4046", "2a5256", "386a68", "4a857e", "65a596")[k]
        rise = [(x0 - half * np.cos(t), 0.34 - (0.34 - top) * np.sin(t) ** 0.8) for t in np.linspace(0, np.pi / 2, 12)]
        arch = [*rise, *((2 * x0 - x, y) for x, y in reversed(rise))]
        bay = Ink().area([(x0 - half, 1), *arch, (x0 + half, 1)]).mask()
        stone = mix(blank(tone), "000000", noise(233 + k, rough=0.7, upright=2) * 0.55)
        wall = mix(wall, stone, bay)
        edge = np.clip(bay - smooth(bay, 0.006), 0, 1) * 2
        wall = light(wall, "8fd6b8", edge * (0.22 + 0.06 * k))
        for side in (-1, 1):
            x = x0 + side * half
            wall = mix(
                wall,
                mix(blank(tone) * 1.3, "000000", noise(241, rough=0.6, upright=8)),
                Ink().area([(x - 0.018, 0.3), (x + 0.018, 0.3), (x + 0.022, 1), (x - 0.022, 1)]).mask(),
            )
    wall = light(wall, "9dffcf", glow(x0, 0.36, 0.26) * 0.8)
    wall = _rose_window(wall, x0, 0.34, 0.125)
    rays = np.clip(np.sin(np.arctan2(X - x0, Y - 0.3) * 15) * 0.5 + 0.5 * noise(247), 0, 1) * (Y > 0.34)
    wall = light(wall, "6fe0b0", rays * np.exp(-np.hypot(X - x0, Y - 0.34) * 2.0) * 0.55)
    water = mix(mirrored_in_water(wall, 0.66, 249, rough=0.035), "02090c", np.clip((Y - 0.6) * 1.5, 0, 0.55))
    room = mix(wall, water, below(0.66))
    for x, y in [(0.30, 0.70), (0.46, 0.67), (0.62, 0.735), (0.80, 0.69), (1.46, 0.70), (1.60, 0.77), (0.24, 0.80)]:
        room = light(light(room, "ffb35a", glow(x, y, 0.05) * 0.8), "ff9a3c", glow(x, y + 0.05, 0.03, flat=0.35) * 0.5)
        room = mix(
            room,
            "fff0c4",
            Ink()
            .oval(x, y - 0.012, 0.004, 0.010)
            .area([(x - 0.007, y), (x + 0.007, y), (x + 0.007, y + 0.02), (x - 0.007, y + 0.02)], 0.8)
            .mask(),
        )
    pews = Ink()
    for k in range(4):
        y = 0.78 + 0.075 * k
        pews.area([(0.0, y), (0.50 - 0.06 * k, y - 0.03), (0.52 - 0.06 * k, y + 0.02), (0.0, y + 0.055)])
    return [
        sheet(bristle(warped(room, 251), 252), 0.1),
        mist(253, "7fb8a4", top=0.5, bottom=0.78, strength=0.4, depth=0.4),
        sheet(mix(blank("04090b"), "28423f", noise(255, rough=0.8)), 0.8, pews.mask()),
    ]


def _rose_window(picture: Picture, x: float, y: float, size: float) -> Picture:
    angle, far = np.arctan2(Y - y, X - x), np.hypot(X - x, Y - y) / size
    glass = ramp([(0, "f6ffe0"), (0.4, "6fe8a8"), (0.75, "1fa38a"), (1.0, "0b5a66")], far.astype(np.float32))
    glass = glass * (0.6 + 0.4 * np.sin(angle * 6 + far * 8) ** 2)[..., None].astype(np.float32)
    lead = np.maximum(
        np.abs(np.sin(angle * 6)) < 0.09 * (1 / np.maximum(far, 0.2)) * 0.6, np.abs(far - 0.55) < 0.035
    ) | (far < 0.14) & (far > 0.10)
    picture = mix(picture, glass, disc(x, y, size))
    return mix(picture, "061413", smooth(lead.astype(np.float32), 0.0012) * disc(x, y, size))


def procession() -> list[Layer]:
    """The Pale Procession: hooded singers cross the snow under a storm shaped like antlers."""
    sky = ramp([(0, "6d7680"), (0.4, "b9bec0"), (0.62, "e4e2dc")])
    storm = np.clip(noise(261, rough=1.5, upright=0.5) * 2.4 - 0.8, 0, 1)
    sky = mix(sky, "4b535e", storm * np.clip(0.75 - Y, 0, 1) * 1.2)
    shade = Ink()
    antlers(shade, 1.22, 0.52, 0.62, 21)
    shade.oval(1.22, 0.56, 0.075, 0.13)
    sky = mix(sky, "39424e", shade.mask(0.007) * (0.35 + 0.65 * noise(263, rough=1.2)) * 0.85)
    far = mix(blank("c3c8cc"), "8b949d", np.clip(noise(265, rough=1.1) * 2 - 0.8, 0, 1))
    sky = mix(sky, mix(far, "e4e2dc", np.clip((Y - 0.5) * 5, 0, 0.8)), below(ridge(267, 0.56, 0.10)))
    snow = ramp([(0.62, "dfe3e6"), (0.8, "b4bec9"), (1.0, "7d8a9b")])
    snow = mix(snow, "f7f6f2", np.clip(noise(269, rough=1.5, upright=0.35) * 2 - 0.9, 0, 1))
    line = 0.70 + 0.10 * np.sin((X[0] - 0.1) * 2.1) + (ridge(271, 0, 0.02))
    sky = mix(sky, snow, below(line))
    rng = np.random.default_rng(273)
    walkers = Ink()
    for k in range(13):
        x = 0.18 + 0.098 * k
        foot = float(line[int(x * HEIGHT_PX)]) + 0.02
        tall = 0.155 - 0.007 * k + rng.normal(0, 0.006)
        walkers.oval(x, foot - tall * 0.86, tall * 0.11, tall * 0.15)
        walkers.area(
            [
                (x - tall * 0.08, foot - tall * 0.8),
                (x + tall * 0.08, foot - tall * 0.8),
                (x + tall * 0.26, foot),
                (x - tall * 0.30, foot),
            ]
        )
        sky = light(sky, "ff7a3a", glow(x + tall * 0.3, foot - tall * 0.55, tall * 0.28) * 0.9)
    sky = mix(sky, mix(blank("1b1d22"), "4a4d55", noise(275, rough=0.7, upright=5) * 0.6), walkers.mask())
    near = Ink()
    tree(near, 0.12, 1.05, 0.95, 277, lean=0.12, levels=7)
    return [
        sheet(bristle(warped(sky, 279), 280, 0.05), 0.1),
        mist(281, "eceae4", top=0.55, bottom=0.85, strength=0.5, depth=0.5),
        sheet(blank("191c22"), 0.9, near.mask()),
    ]


def well() -> list[Layer]:
    """Seen from the bottom of the well: rings of wet stone, a far sky, a head that leans in."""
    x0, y0 = 0.60, 0.40
    dx, dy = X - x0, (Y - y0) * 1.08
    far, angle = np.hypot(dx, dy) + 1e-4, np.arctan2(dy, dx)
    ring = np.floor(np.log(far / 0.16) * 6)
    joint = np.abs(np.sin((angle + ring * 0.37) * 11)) < 0.05
    course = np.abs((np.log(far / 0.16) * 6) % 1 - 0.5) > 0.44
    stone = ramp([(0.16, "a9b9a8"), (0.35, "566b60"), (0.7, "26352f"), (1.3, "080d0c")], far)
    stone = (
        stone
        * (
            0.45
            + 0.9 * noise(291, rough=0.8)
            + 0.12 * np.sin(ring * 7.3 + np.floor((angle + ring * 0.37) * 11 / np.pi) * 2.1)
        )[..., None]
    )
    stone = mix(stone, "040706", smooth((joint | course).astype(np.float32), 0.0022) * 0.85)
    stone = mix(stone, "6f9a4a", np.clip(noise(293, rough=1.2) * 3 - 1.75, 0, 1) * 0.55)
    stone = light(stone, "d5f0e8", np.clip(noise(294, rough=0.3, upright=4) * 4 - 3, 0, 1) * np.exp(-far * 2))
    sky = mix(ramp([(0.2, "dfe8e2"), (0.6, "9fb4b0")]), "ffffff", noise(295, rough=1.6) * 0.6)
    hole = np.clip((0.165 + 0.012 * np.sin(angle * 9) - far) * HEIGHT_PX, 0, 1)
    out = light(mix(stone, sky, hole), "dff2ea", np.exp(-(((far - 0.12) / 0.16) ** 2)) * 0.55)
    head = Ink()
    antlers(head, x0 + 0.02, 0.40, 0.17, 5)
    head.oval(x0 + 0.02, 0.44, 0.030, 0.052).area(
        [(x0 - 0.09, 0.58), (x0 - 0.03, 0.465), (x0 + 0.07, 0.465), (x0 + 0.14, 0.58)]
    )
    out = mix(out, "0b1110", head.mask(0.0012) * hole)
    rope = Ink().stroke([(x0 + 0.12, 0.30), (1.06, 0.62), (1.30, 1.05)], 0.016)
    roots = Ink()
    for k, (x, y, lean) in enumerate([(1.76, 0.2, -1.9), (1.7, 0.95, -0.9), (0.05, 0.95, 0.8)]):
        tree(roots, x, y, 0.7, 297 + k, lean=lean, levels=6)
    bark = mix(blank("1c1a14"), "6d6a50", noise(299, rough=0.6, upright=0.3))
    return [
        sheet(bristle(warped(np.clip(out, 0, 1), 301), 302), 0.1),
        sheet(bark, 0.8, np.maximum(rope.mask(), roots.mask())),
    ]


def lake_singer() -> list[Layer]:
    """Not official: an antlered shape waist-deep in a violet lake, as a generator might dream it."""
    sky = ramp([(0, "231a3c"), (0.4, "6a4d7c"), (0.6, "c79a9a")])
    sky = mix(sky, "3a2a55", np.clip(noise(311, rough=1.6, upright=0.4) * 2 - 0.8, 0, 1))
    sky = mix(sky, "2b2342", below(ridge(313, 0.52, 0.09)))
    sky = mix(sky, "171328", canopy(315, below(ridge(316, 0.57, 0.05))))
    robe, pale = choirmaster(0.52, 0.28, 0.40, 31)
    sky = mix(mix(sky, "100d1c", robe * (Y < 0.6)), _bone(317), pale * (Y < 0.6))
    water = mix(mirrored_in_water(sky, 0.60, 319, rough=0.05), "1a1432", np.clip((Y - 0.6), 0, 0.5))
    reeds = Ink()
    rng = np.random.default_rng(321)
    for x in rng.uniform(0.9, 1.76, 60):
        reeds.stroke([(x, 1.02), (x + rng.normal(0, 0.03), rng.uniform(0.62, 0.9))], 0.006)
    return [
        sheet(bristle(warped(mix(sky, water, below(0.60)), 323), 324), 0.1),
        mist(325, "c9a9b8", top=0.5, bottom=0.75, strength=0.6, depth=0.4),
        sheet(blank("0c0a16"), 0.9, reeds.mask()),
    ]


def corridor() -> list[Layer]:
    """Not official: the singer at the end of a hospital corridor, as a generator might dream it."""
    x0, y0 = 1.20, 0.46
    far = np.maximum(np.abs(X - x0) / 1.15, np.abs(Y - y0)) + 0.01
    out = ramp([(0.0, "f4ffe9"), (0.12, "c2d8b4"), (0.3, "7a9078"), (0.8, "28342e")], far.astype(np.float32))
    tiles = (np.abs(np.sin(np.log(far) * 9)) < 0.06) | (np.abs(np.sin(np.arctan2(Y - y0, X - x0) * 8)) < 0.05)
    out = mix(out, "1c2620", smooth(tiles.astype(np.float32), 0.002) * 0.6)
    out = mix(
        out * (0.55 + 0.8 * noise(331, rough=1.0))[..., None],
        "5a2418",
        np.clip(noise(333, rough=1.2, upright=3) * 3 - 2, 0, 1) * 0.8,
    )
    for k in range(4):
        half = 0.05 + 0.07 * k * k
        out = light(
            out,
            "f2ffe0",
            Ink()
            .area(
                [
                    (x0 - half, 0.36 - 0.13 * k),
                    (x0 + half, 0.36 - 0.13 * k),
                    (x0 + half * 1.2, 0.33 - 0.15 * k),
                    (x0 - half * 1.2, 0.33 - 0.15 * k),
                ]
            )
            .mask(0.006),
        )
    robe, pale = choirmaster(x0 - 0.02, 0.42, 0.26, 43)
    hoods = crowd(335, 1.02, 0.42, 7) * (np.abs(X - x0) > 0.3)
    return [
        sheet(bristle(warped(np.clip(out, 0, 1), 337), 338), 0.1),
        sheet(mix(blank("0b0e0c"), _bone(339), pale), 0.5, np.maximum(robe, pale)),
        sheet(blank("0a0d0c"), 0.9, hoods),
    ]
