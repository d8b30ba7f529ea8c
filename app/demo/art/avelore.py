"""Lanterns of Avelore, a period romance: moonlit blues, lantern gold, and one silver gown."""

import numpy as np

from app.demo.art.figures import canopy, gentleman, gown, silk, tree
from app.demo.art.paint import (
    ASPECT,
    HEIGHT_PX,
    WIDTH_PX,
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


def night_sky(seed: int, stops: list[tuple[float, str]], cloud: str) -> Picture:
    """A gradient with stars and lit cloud."""
    sky = ramp(stops)
    stars = np.clip(noise(seed, rough=0.05) * 14 - 12.6, 0, 1) * np.clip(0.7 - Y, 0, 1)
    drift = np.clip(noise(seed + 1, rough=1.7, upright=0.35) * 2.2 - 0.85, 0, 1)
    return mix(light(sky, "dfe8ff", stars), cloud, drift * 0.7)


def lantern(picture: Picture, x: float, y: float, size: float) -> Picture:
    """A paper lantern afloat: halo, body, and the flame in it."""
    picture = light(picture, "ff9a3c", glow(x, y, size * 3.4) * 0.62)
    body = (
        Ink()
        .area(
            [
                (x - size * 0.5, y - size * 0.6),
                (x + size * 0.5, y - size * 0.6),
                (x + size * 0.38, y + size * 0.7),
                (x - size * 0.38, y + size * 0.7),
            ]
        )
        .mask(0.001)
    )
    picture = mix(
        picture, ramp([(y - size * 0.6, "ffb861"), (y + size * 0.3, "fff0b8"), (y + size * 0.7, "ff9d45")]), body
    )
    return light(picture, "fff6d0", glow(x, y + size * 0.35, size * 0.4) * body)


def lantern_lake() -> list[Layer]:
    """Paper lanterns rise from a mountain lake; a couple looks on from a jetty."""
    sky = night_sky(11, [(0, "0d1638"), (0.35, "24406e"), (0.58, "7f88a5")], "56709c")
    sky = light(sky, "cfdcff", glow(0.50, 0.22, 0.22) * 0.75)
    sky = mix(sky, "f4f1e2", disc(0.50, 0.22, 0.062) * (0.75 + 0.25 * noise(14)))
    for depth, (base, tall, tint) in enumerate(
        [(0.44, 0.16, "5b719b"), (0.50, 0.12, "3b527f"), (0.56, 0.07, "1f3057")]
    ):
        rock = mix(blank(tint), "8fa2c4", np.clip(noise(20 + depth, rough=1.1) * 2 - 1.05, 0, 1) * 0.6)
        rock = mix(rock, "93a3bf", np.clip((Y - base + 0.02) * 6, 0, 0.75))
        sky = mix(sky, rock, below(ridge(31 + depth, base, tall)))
    for x, y, size in [
        (0.86, 0.16, 0.030),
        (1.05, 0.33, 0.024),
        (1.28, 0.20, 0.042),
        (0.25, 0.38, 0.024),
        (0.72, 0.43, 0.018),
        (1.50, 0.40, 0.030),
        (0.97, 0.50, 0.018),
        (0.33, 0.54, 0.016),
    ]:
        sky = lantern(sky, x, y, size)
    water = mirrored_in_water(sky, 0.60, 41)
    water = mix(water * 0.82, "0d1c40", np.clip((Y - 0.60) * 1.2, 0, 0.6))
    far = mix(warped(sky, 43), water, below(0.60))
    for x, y, size in [(0.28, 0.72, 0.036), (0.55, 0.67, 0.022), (0.80, 0.79, 0.046), (1.02, 0.68, 0.024)]:
        far = light(far, "ff9a3c", glow(x, y + size * 1.6, size * 2, flat=0.6) * 0.5)
        far = lantern(far, x, y, size)
    return [sheet(bristle(far, 45), 0.1), mist(47, "a9b6d0", top=0.48, bottom=0.66, strength=0.5, depth=0.3), _jetty()]


def _jetty() -> Layer:
    """The near bank: planks, two people, and a branch overhead."""
    planks = Ink().area([(1.02, 0.84), (ASPECT, 0.78), (ASPECT, 0.88), (1.02, 0.90)])
    for x in (1.08, 1.26, 1.44, 1.62):
        planks.area([(x, 0.84), (x + 0.024, 0.84), (x + 0.02, 1.05), (x, 1.05)])
    body, dress = gown(1.33, 0.845, 0.36)
    man = gentleman(1.475, 0.84, 0.38)
    branch = Ink()
    tree(branch, 1.80, 0.34, 0.62, 52, lean=-1.25, levels=5)
    leaves = canopy(53, branch.mask()) * np.clip(1.2 - Y * 2, 0, 1)
    shape = np.maximum.reduce([planks.mask(), body, dress, man, branch.mask(), leaves])
    rgb = mix(blank("0a1228"), silk(54, 1.33, 0.63, "3d4a72", "e6edfa"), dress * 0.85)
    rim = np.clip(smooth(shape, 0.004) - 0.55, 0, 1) * 2 - np.clip(smooth(shape, 0.006) - 0.8, 0, 1) * 6
    return sheet(light(rgb, "ffb871", np.clip(rim, 0, 1) * 0.5 * (1 - leaves)), 0.9, shape)


def masquerade() -> list[Layer]:
    """A gilded ballroom with arched windows, chandeliers, and masked dancers on a polished floor."""
    wall = ramp([(0.0, "3a1c14"), (0.3, "8a4f24"), (0.62, "d49a4c")])
    wall = mix(wall, "f7d58c", np.clip(noise(61, rough=1.3) * 2 - 1, 0, 1) * 0.35)
    for k in range(-3, 4):
        x, near = ASPECT / 2 + k * (0.23 + 0.035 * abs(k)), 1 + 0.24 * abs(k)
        top, half = 0.36 - 0.06 * near, 0.062 * near
        arch = (
            Ink()
            .area([(x - half, 0.64), (x - half, top), (x + half, top), (x + half, 0.64)])
            .oval(x, top, half, half * 1.2)
        )
        frame = (
            Ink()
            .area([(x - half * 1.25, 0.64), (x - half * 1.25, top), (x + half * 1.25, top), (x + half * 1.25, 0.64)])
            .oval(x, top, half * 1.25, half * 1.5)
        )
        wall = mix(wall, ramp([(0.2, "fce2a0"), (0.6, "7d4a20")]), frame.mask())
        pane = mix(
            ramp([(0.1, "0f1d4a"), (0.6, "5f7fb8")]), "dbe7ff", np.clip(noise(63 + k, rough=1.4) * 2 - 1.1, 0, 1) * 0.6
        )
        wall = mix(wall, pane, arch.mask())
        bars = Ink()
        for bar in (-0.33, 0.33):
            bars.stroke([(x + bar * half, 0.2), (x + bar * half, 0.64)], 0.005)
        wall = mix(wall, "c8923f", bars.mask() * arch.mask())
    for x, y, size in [(0.47, 0.17, 0.085), (1.30, 0.17, 0.085), (0.888, 0.10, 0.12)]:
        wall = _chandelier(wall, x, y, size)
    floor = mirrored_in_water(wall, 0.64, 67, rough=0.012)
    square = (
        np.floor((X - ASPECT / 2) / (Y - 0.52 + 1e-3) * 1.6) + np.floor(0.5 / np.maximum(Y - 0.52, 0.02) * 2.6)
    ) % 2
    floor = mix(mix(floor, "5a2c14", np.full_like(X, 0.35)), "1d0d0a", square.astype(np.float32) * 0.5)
    room = warped(mix(wall, floor, below(0.64)), 69, 0.003)
    return [sheet(bristle(room, 71, 0.05), 0.1), _dancers(73, 0.76, 0.27, 0.4), _dancers(79, 0.97, 0.46, 0.9)]


def _chandelier(picture: Picture, x: float, y: float, size: float) -> Picture:
    picture = light(picture, "ffcf7a", glow(x, y, size * 2.6) * 0.75)
    metal = Ink().stroke([(x, -0.1), (x, y)], 0.005)
    for tier in range(3):
        half, level = size * (1 - tier * 0.27), y + size * 0.3 - tier * size * 0.38
        metal.stroke(
            [
                (x - half, level),
                (x - half * 0.5, level + size * 0.14),
                (x, level + size * 0.18),
                (x + half * 0.5, level + size * 0.14),
                (x + half, level),
            ],
            0.006,
        )
    picture = mix(picture, "6b3a12", metal.mask())
    for tier in range(3):
        for k in np.linspace(-1, 1, 7 - tier):
            picture = light(
                picture,
                "fff3c9",
                glow(x + k * size * (1 - tier * 0.27), y + size * 0.24 - tier * size * 0.38, size * 0.10),
            )
    return picture


def _dancers(seed: int, feet: float, tall: float, depth: float) -> Layer:
    """Couples turning: gowns of different silks, coats dark."""
    rng = np.random.default_rng(seed)
    alpha, rgb = np.zeros((HEIGHT_PX, WIDTH_PX), np.float32), blank("1a0c10")
    silks = [("5a1030", "f29bb0"), ("123a46", "9fe0dc"), ("4a3a10", "ffe9a8"), ("3a1650", "cda6f0")]
    at = [0.34, 0.72, 1.12, 1.50] if depth < 0.5 else [0.24, 1.52]
    for k, place in enumerate(at):
        x = place + rng.normal(0, 0.02)
        man = gentleman(x + tall * 0.26, feet - 0.004, tall * 1.06, hat=False)
        body, dress = gown(x, feet + rng.normal(0, 0.006), tall)
        rgb = mix(rgb, "140a10", np.maximum(body, man))
        rgb = mix(rgb, silk(seed + k, x, feet - tall * 0.66, *silks[(k + seed) % 4]), dress)
        alpha = np.maximum.reduce([alpha, man, body, dress])
    return sheet(light(rgb, "ffc878", np.clip(0.8 - smooth(alpha, 0.006), 0, 1) * alpha * 0.8), depth, alpha)


def moonlit_gown() -> list[Layer]:
    """The Moonlit Gown: a silver dress on garden steps under a huge moon."""
    sky = night_sky(81, [(0, "101a38"), (0.5, "2c4a70"), (0.9, "8398ac")], "607f9f")
    sky = light(sky, "d7e6ff", glow(1.12, 0.36, 0.42) * 0.75)
    craters = np.clip(0.86 + 0.9 * (noise(83, rough=1.5) - 0.55), 0, 1)
    sky = mix(sky, blank("f6f3e6") * craters[..., None], disc(1.12, 0.36, 0.235))
    hedge = canopy(85, below(ridge(86, 0.60, 0.05)) * (np.abs(X - 0.9) > 0.30))
    sky = mix(sky, mix(blank("12243a"), "3f5f70", noise(87, rough=0.6) * 0.6), hedge)
    for k in range(6):
        top = 0.70 + 0.045 * k + 0.006 * k * k
        stone = mix(blank("5f7088"), "27344c", noise(90 + k, rough=0.9, upright=0.4) * 0.9)
        tread = below(top) * below(2 * top - Y) * 0 + below(top)
        sky = mix(sky, stone * (0.75 + 0.05 * k), tread * (np.abs(X - 0.9) < 0.46 + 0.07 * k))
        sky = light(sky, "c4d6f5", np.exp(-(((Y - top) / 0.006) ** 2)) * 0.6 * (np.abs(X - 0.9) < 0.46 + 0.07 * k))
    body, dress = gown(0.80, 0.90, 0.66)
    cloth = silk(97, 0.80, 0.46, "56678c", "ffffff")
    cloth = light(cloth, "f5fbff", np.clip(noise(98, rough=0.2) * 6 - 4.6, 0, 1))
    lady = mix(mix(blank("2a2430"), cloth, dress), "c79f86", body * (Y > 0.32) * (1 - dress))
    alpha = np.maximum(body, dress)
    lady = light(lady, "e8f2ff", np.clip((X - 0.80) * 5, 0, 1) * np.clip(0.9 - smooth(alpha, 0.008), 0, 1) * 1.2)
    return [
        sheet(bristle(warped(sky, 99), 100), 0.1),
        mist(101, "c6d4e4", top=0.5, bottom=0.9, strength=0.35, depth=0.3),
        sheet(lady, 0.5, alpha),
        _roses(103),
    ]


def _roses(seed: int) -> Layer:
    """A near frame of leaves and pale roses at the left and the lower right."""
    reach = np.maximum(
        np.clip(0.42 - X * 0.9 + 0.25 * (Y - 0.4), 0, 1) * 3, np.clip(X - 1.42 + (Y - 0.75) * 0.9, 0, 1) * 3
    )
    alpha = canopy(seed, np.clip(reach, 0, 1))
    rgb = mix(blank("08131f"), "2d4b52", noise(seed + 1, rough=0.6) * 0.7)
    bloom = np.clip((noise(seed + 2, rough=1.0) - 0.66) * 14, 0, 1)
    return sheet(mix(rgb, "b9a3c4", bloom * (0.5 + 0.5 * noise(seed + 3, rough=0.5))), 1.0, alpha)


def conservatory() -> list[Layer]:
    """Dawn in the glasshouse: iron ribs, roses, and a letter of light on the path."""
    out = ramp([(0.0, "f3c5c0"), (0.35, "fbe3c8"), (0.6, "f6b89a"), (1.0, "8f5a56")])
    out = light(out, "fff2cc", glow(0.62, 0.42, 0.42) * 0.9)
    out = mix(out, "a98aa0", below(ridge(111, 0.50, 0.07)) * 0.75)
    out = mix(out, "7c9a6c", canopy(113, below(ridge(114, 0.60, 0.09))) * 0.9)
    path = np.clip(1 - np.abs(X - 0.62 - (Y - 0.6) * 0.5) / (0.03 + (Y - 0.56) * 0.62), 0, 1) * below(0.6)
    out = mix(out, mix(blank("f0d3b0"), "a97b62", noise(115, rough=0.8)), np.clip(path * 4, 0, 1))
    ribs = Ink()
    for k in range(6):
        half, top = 0.16 + 0.17 * k, 0.40 - 0.11 * k
        arc = [(0.62 + half * np.cos(t), 0.62 + 0.06 * k - (0.62 - top) * np.sin(t)) for t in np.linspace(0, np.pi, 40)]
        ribs.stroke(arc, 0.005 + 0.003 * k)
    for t in np.linspace(0.12, np.pi - 0.12, 9):
        ribs.stroke(
            [(0.62 + 0.16 * np.cos(t), 0.62 - 0.22 * np.sin(t)), (0.62 + 1.3 * np.cos(t), 0.9 - 1.25 * np.sin(t))],
            0.005,
        )
    out = mix(out, "4f6a64", ribs.mask())
    out = light(out, "ffe9c4", np.clip(noise(117, rough=1.6, upright=3.0) * 2 - 1, 0, 1) * glow(0.62, 0.42, 0.9) * 0.5)
    beds = np.clip(np.abs(X - 0.62 - (Y - 0.6) * 0.5) * 2.2 - 0.12, 0, 1) * np.clip((Y - 0.50) * 4, 0, 1)
    green = canopy(119, beds)
    foliage = mix(blank("23402f"), "87a35c", noise(121, rough=0.7))
    for seed, tint in ((123, "d9476b"), (125, "ffd9dc"), (127, "f08a7a")):
        foliage = mix(foliage, tint, np.clip((noise(seed, rough=0.75) - 0.62) * 12, 0, 1))
    man = gentleman(1.20, 0.90, 0.50)
    alpha = np.maximum(green, man)
    near = mix(foliage, mix(blank("2c2036"), "f8c8a0", np.clip(0.75 - smooth(man, 0.008), 0, 1)), man)
    return [sheet(bristle(warped(out, 129), 130, 0.05), 0.1), sheet(near, 0.7, alpha)]


def balcony() -> list[Layer]:
    """Not official: the gown on a balcony under fireworks, as a generator might dream it."""
    sky = night_sky(141, [(0, "1c0f3a"), (0.6, "5a2f6e"), (1, "b5667a")], "70488c")
    rng = np.random.default_rng(143)
    for x, y, tint in [(0.42, 0.24, "ffcf5a"), (0.80, 0.14, "7fe0ff"), (1.08, 0.38, "ff7a9a")]:
        burst = Ink()
        for t in rng.uniform(0, 2 * np.pi, 70):
            r = rng.uniform(0.05, 0.19)
            burst.stroke(
                [(x + 0.3 * r * np.cos(t), y + 0.3 * r * np.sin(t)), (x + r * np.cos(t), y + r * np.sin(t) + 0.02)],
                0.003,
            )
        sky = light(light(sky, tint, burst.mask()), tint, burst.mask(0.012) * 1.4 + glow(x, y, 0.16) * 0.4)
    town = mix(blank("1c1436"), "ffd27a", np.clip(noise(145, rough=0.15) * 7 - 5.3, 0, 1))
    sky = mix(sky, town, below(ridge(147, 0.66, 0.06, rough=0.6)))
    rail = (
        Ink()
        .area([(0, 0.80), (ASPECT, 0.80), (ASPECT, 0.835), (0, 0.835)])
        .area([(0, 0.97), (ASPECT, 0.97), (ASPECT, 1), (0, 1)])
    )
    for x in np.arange(0.02, ASPECT, 0.085):
        rail.oval(x, 0.92, 0.017, 0.05).oval(x, 0.86, 0.011, 0.03)
    body, dress = gown(1.36, 0.99, 0.68)
    lady = mix(
        mix(blank("2e1d30"), silk(149, 1.36, 0.55, "6f6a9c", "fdf6ff"), dress),
        "d8a58c",
        body * (Y > 0.42) * (1 - dress),
    )
    stone = mix(blank("8d7f9c"), "4a3d5e", noise(151, rough=0.9))
    return [
        sheet(bristle(warped(sky, 153), 154), 0.1),
        sheet(stone, 0.6, rail.mask()),
        sheet(lady, 0.75, np.maximum(body, dress)),
    ]


def rain_street() -> list[Layer]:
    """Not official: the gown, walking off down a wet street of lanterns."""
    out = ramp([(0, "141a22"), (0.5, "3d4a4f"), (1, "22282c")])
    out = light(out, "f1c27a", glow(0.70, 0.44, 0.30) * 0.9)
    for k in range(5):
        left, right = 0.62 - 0.12 * k - 0.02 * k * k, 0.78 + 0.15 * k + 0.02 * k * k
        side = (left > X) | (right < X)
        brick = mix(
            blank(("4c4a48", "413a38", "352e30", "29242a", "1c1a22")[k]),
            "d89a52",
            np.clip(noise(161 + k, rough=0.5) * 5 - 3.5, 0, 1) * 0.8,
        )
        out = mix(out, brick, side * below(0.30 - 0.09 * k) * 0.92)
    for x, y, size in [
        (0.50, 0.33, 0.022),
        (0.90, 0.32, 0.024),
        (0.34, 0.24, 0.036),
        (1.12, 0.22, 0.042),
        (1.42, 0.10, 0.06),
    ]:
        out = lantern(out, x, y, size)
    wet = mirrored_in_water(out, 0.62, 171, rough=0.03)
    out = mix(out, mix(wet, "12161c", noise(173, rough=1.0, upright=0.4) * 0.7), below(0.62))
    body, dress = gown(0.56, 0.93, 0.58)
    lady = mix(blank("18141c"), silk(175, 0.56, 0.55, "4c566c", "eef3ff"), dress)
    return [sheet(bristle(warped(out, 177), 178), 0.1), sheet(lady, 0.6, np.maximum(body, dress))]
