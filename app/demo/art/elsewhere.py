"""Scenes that belong to nobody's franchise: dunes, a lighthouse, birches, aurora, balloons, reef, nebula."""

import numpy as np

from app.demo.art.figures import canopy, tree
from app.demo.art.paint import (
    ASPECT,
    Ink,
    Layer,
    X,
    Y,
    below,
    blank,
    bristle,
    disc,
    glow,
    light,
    mirrored_in_water,
    mix,
    noise,
    ramp,
    ridge,
    sheet,
    warped,
)


def dunes() -> list[Layer]:
    """A desert at sundown."""
    out = light(ramp([(0, "f7c98a"), (0.45, "f08a5a")]), "fff4c8", glow(1.35, 0.34, 0.2))
    out = mix(out, "fffbe0", disc(1.35, 0.34, 0.05))
    for k, tint in enumerate(("d9783f", "b8552f", "8a3a2a", "54202a")):
        sand = mix(blank(tint), "ffd08a", np.clip(noise(501 + k, rough=1.1, upright=0.3) * 2 - 0.9, 0, 1) * 0.5)
        out = mix(out, sand, below(ridge(511 + k, 0.46 + 0.14 * k, 0.09, rough=1.8)))
    return [sheet(bristle(out, 515), 0.2)]


def lighthouse() -> list[Layer]:
    """A lighthouse over a grey sea."""
    out = mix(
        ramp([(0, "5a7890"), (0.5, "c8d4d8"), (0.55, "6a8a98"), (1, "183848")]),
        "e8eef0",
        np.clip(noise(521, rough=1.6, upright=0.4) * 2 - 0.9, 0, 1) * below(0.0) * (Y < 0.52),
    )
    foam = np.clip(noise(523, rough=0.9, upright=0.2) * 4 - 2.5, 0, 1) * below(0.55)
    out = mix(out, "f4fafa", foam * 0.8)
    rock = mix(blank("3a342e"), "8a7a66", noise(525, rough=0.8))
    out = mix(out, rock, below(0.30 + np.abs(X[0] - 0.40) * 0.9 + ridge(527, 0, 0.05)))
    tower = (
        Ink()
        .area([(0.35, 0.36), (0.365, 0.10), (0.435, 0.10), (0.45, 0.36)])
        .area([(0.36, 0.10), (0.40, 0.045), (0.44, 0.10)])
        .mask()
    )
    bands = mix(blank("f6f0e4"), "c83028", (np.sin(Y * 48) > 0).astype(np.float32))
    return [sheet(bristle(warped(mix(out, bands, tower), 529), 530), 0.2)]


def birches() -> list[Layer]:
    """A birch wood in October."""
    out = mix(
        ramp([(0, "ffe9a8"), (0.6, "e8a83a"), (1, "7a4a1a")]),
        "c86a1a",
        canopy(541, np.clip(noise(543, rough=1.4), 0, 1)),
    )
    trunks, marks, rng = Ink(), Ink(), np.random.default_rng(545)
    for x in rng.uniform(0, ASPECT, 15):
        wide = rng.uniform(0.01, 0.032)
        trunks.area([(x, 0), (x + wide, 0), (x + wide * 1.4, 0.95), (x - wide * 0.4, 0.95)])
        for y in rng.uniform(0, 0.95, 14):
            marks.area([(x, y), (x + wide * rng.uniform(0.3, 1), y + 0.004), (x, y + 0.012)])
    out = mix(out, mix(blank("f2eee2"), "a8a090", noise(547, rough=0.7, upright=3)), trunks.mask())
    out = mix(out, "2a241e", marks.mask() * trunks.mask())
    return [sheet(bristle(mix(out, "f0c04a", canopy(549, np.clip(0.9 - Y * 2.4 + noise(550), 0, 1) * 0.8)), 551), 0.2)]


def aurora() -> list[Layer]:
    """Northern lights over a fjord."""
    out = light(ramp([(0, "030a1c"), (0.6, "0c2a3c")]), "ffffff", np.clip(noise(561, rough=0.05) * 12 - 10.8, 0, 1))
    for k, tint in enumerate(("3dff9a", "4affd0", "b04aff")):
        curtain = 0.20 + 0.08 * k + 0.10 * np.sin(X * (3 + k) + k * 2) + 0.05 * noise(563 + k, rough=2)
        out = light(
            out,
            tint,
            np.exp(-np.maximum(curtain - Y, 0) * 9) * (curtain > Y) * noise(567 + k, rough=0.9, upright=9) * 1.1,
        )
    out = mix(
        out,
        mix(blank("0a1420"), "e8f0f8", np.clip(noise(571, rough=1.0) * 3 - 1.7, 0, 1)),
        below(ridge(573, 0.52, 0.16)),
    )
    return [sheet(bristle(mix(out, mirrored_in_water(out, 0.64, 575), below(0.64)), 577), 0.2)]


def balloons() -> list[Layer]:
    """Hot-air balloons over green fields."""
    out = mix(
        ramp([(0, "6ab8f0"), (0.6, "d8f0fa")]), "ffffff", np.clip(noise(581, rough=1.6, upright=0.5) * 2.4 - 1.1, 0, 1)
    )
    for k, tint in enumerate(("7ab06a", "9ac04a", "5a8a3a")):
        out = mix(
            out,
            mix(blank(tint), "e8d860", np.clip(noise(583 + k, rough=1.0, upright=0.3) * 3 - 1.6, 0, 1) * 0.6),
            below(ridge(587 + k, 0.66 + 0.09 * k, 0.05, rough=1.7)),
        )
    for x, y, r, warm in [
        (0.40, 0.28, 0.15, "e83a2a"),
        (0.98, 0.40, 0.09, "f0a020"),
        (1.36, 0.22, 0.12, "3a4ac8"),
        (0.72, 0.52, 0.05, "20a070"),
    ]:
        stripes = mix(
            blank(warm), "fff2d0", ((np.sin(np.arcsin(np.clip((X - x) / r, -1, 1)) * 7) > 0) * 1.0).astype(np.float32)
        )
        out = mix(out, stripes * (0.75 + 0.5 * (x - X) / r + 0.3)[..., None].clip(0.3, 1.1), disc(x, y, r))
        out = mix(
            out,
            "4a2a14",
            Ink()
            .area(
                [
                    (x - r * 0.2, y + r * 1.3),
                    (x + r * 0.2, y + r * 1.3),
                    (x + r * 0.17, y + r * 1.55),
                    (x - r * 0.17, y + r * 1.55),
                ]
            )
            .mask(),
        )
    return [sheet(bristle(np.clip(out, 0, 1), 591, 0.04), 0.2)]


def reef() -> list[Layer]:
    """Under water: shafts of sun and coral."""
    out = light(
        ramp([(0, "7ae8f0"), (0.4, "1a90b8"), (1, "06304a")]),
        "e8ffff",
        noise(601, rough=1.2, upright=7) ** 3 * np.clip(1 - Y, 0, 1) * 1.6,
    )
    for k, tint in enumerate(("c8506a", "e8903a", "7a3a8a")):
        coral = Ink()
        for x in np.random.default_rng(603 + k).uniform(0, ASPECT, 5):
            tree(coral, x, 1.02, 0.5, 607 + k, levels=6)
        out = mix(
            out, mix(blank(tint), "ffe0c0", noise(609 + k, rough=0.5) * 0.7), canopy(611 + k, coral.mask(0.006)) * 0.95
        )
    fish = Ink()
    for x, y in np.random.default_rng(613).uniform(0.1, 0.6, (34, 2)) * (1.9, 1):
        fish.oval(x, y, 0.022, 0.008).area([(x + 0.018, y), (x + 0.034, y - 0.009), (x + 0.034, y + 0.009)])
    return [sheet(bristle(mix(out, "ffe46a", fish.mask()), 615), 0.2)]


def nebula() -> list[Layer]:
    """Deep space."""
    out = blank("04040e")
    for k, tint in enumerate(("b0306a", "3060c8", "e8a050")):
        out = light(out, tint, np.clip(noise(621 + k, rough=1.7) * 2.6 - 1.3, 0, 1))
    out = mix(out, "020208", np.clip(noise(627, rough=1.4) * 3 - 1.9, 0, 1) * 0.8)
    out = light(out, "ffffff", np.clip(noise(629, rough=0.03) * 12 - 10.4, 0, 1))
    return [sheet(light(out, "fff0d8", glow(1.22, 0.60, 0.06) * 1.2), 0.2)]


def skyline() -> list[Layer]:
    """A town by a river at noon."""
    out = mix(
        ramp([(0, "8ac0e8"), (0.6, "f0f4f0")]), "ffffff", np.clip(noise(641, rough=1.5, upright=0.5) * 2 - 0.9, 0, 1)
    )
    rng = np.random.default_rng(643)
    for k, tint in enumerate(("a8b4c0", "c8a888", "9a5a48")):
        houses, x = Ink(), -0.05
        while x < ASPECT:
            wide, top = rng.uniform(0.05, 0.13), 0.60 + 0.05 * k - rng.uniform(0.04, 0.32 - 0.09 * k)
            houses.area([(x, 1), (x, top), (x + wide / 2, top - 0.05 * (k > 0)), (x + wide, top), (x + wide, 1)])
            x += wide * rng.uniform(0.9, 1.3)
        out = mix(
            out,
            mix(blank(tint), "40464e", np.clip(noise(645 + k, rough=0.5, upright=1) * 3 - 1.4, 0, 1) * 0.7),
            houses.mask(),
        )
    return [sheet(bristle(mix(out, mirrored_in_water(out, 0.72, 649), below(0.72)), 651), 0.2)]
