"""The scenes of the demo: which there are, whose they are, and how one becomes a still.

Three invented franchises with official scenes, drawings a generator might have made of them, and
scenes that belong to nobody. Deterministic: the same code draws the same pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.demo.art import arcade, avelore, choir, elsewhere
from app.demo.art.paint import HEIGHT_PX, WIDTH_PX, Layer, Mask, Picture, graded

STILL_PX = (960, 540)
AVELORE, CHOIR, ARCADE = (
    "northlight-pictures/lanterns-of-avelore",
    "northlight-pictures/the-hollow-choir",
    "northlight-pictures/paper-fox-arcade",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One drawing. franchise None: nobody's; official False: as a generator might dream it.

    element   slug of the protected element the picture shows, or None
    air       what floats before the lens: embers, petals, snow, rain, dust
    """

    name: str
    draw: Callable[[], list[Layer]]
    franchise: str | None = None
    element: str | None = None
    official: bool = False
    air: str = "dust"


def _official(name: str, draw: Callable[[], list[Layer]], franchise: str, element: str | None, air: str) -> Scene:
    return Scene(name=name, draw=draw, franchise=franchise, element=element, official=True, air=air)


SCENES: dict[str, Scene] = {
    scene.name: scene
    for scene in (
        _official("lantern-lake", avelore.lantern_lake, AVELORE, "lantern-lake", "embers"),
        _official("masquerade", avelore.masquerade, AVELORE, "masquerade-hall", "dust"),
        _official("moonlit-gown", avelore.moonlit_gown, AVELORE, "moonlit-gown", "petals"),
        _official("conservatory", avelore.conservatory, AVELORE, None, "petals"),
        _official("choirmaster", choir.choirmaster_wood, CHOIR, "choirmaster", "embers"),
        _official("drowned-chapel", choir.drowned_chapel, CHOIR, "drowned-chapel", "dust"),
        _official("pale-procession", choir.procession, CHOIR, "pale-procession", "snow"),
        _official("well", choir.well, CHOIR, None, "dust"),
        _official("paper-fox", arcade.fox_city, ARCADE, "paper-fox", "rain"),
        _official("stair-maze", arcade.stair_maze, ARCADE, "stair-maze", "petals"),
        _official("great-wheel", arcade.stage, ARCADE, "great-wheel", "embers"),
        _official("lantern-alley", arcade.alley, ARCADE, None, "rain"),
        Scene(name="balcony", draw=avelore.balcony, franchise=AVELORE, element="moonlit-gown", air="embers"),
        Scene(name="rain-street", draw=avelore.rain_street, franchise=AVELORE, element="moonlit-gown", air="rain"),
        Scene(name="lake-singer", draw=choir.lake_singer, franchise=CHOIR, element="choirmaster", air="dust"),
        Scene(name="corridor", draw=choir.corridor, franchise=CHOIR, element="choirmaster", air="dust"),
        Scene(name="fox-roofs", draw=arcade.fox_roofs, franchise=ARCADE, element="paper-fox", air="petals"),
        Scene(name="dunes", draw=elsewhere.dunes),
        Scene(name="lighthouse", draw=elsewhere.lighthouse, air="rain"),
        Scene(name="birches", draw=elsewhere.birches, air="petals"),
        Scene(name="aurora", draw=elsewhere.aurora, air="snow"),
        Scene(name="balloons", draw=elsewhere.balloons),
        Scene(name="reef", draw=elsewhere.reef),
        Scene(name="nebula", draw=elsewhere.nebula),
        Scene(name="skyline", draw=elsewhere.skyline),
    )
}


def sheets(layers: list[Layer]) -> list[Image.Image]:
    """The layers as RGBA images of the whole canvas, graded, farthest first."""
    return [Image.fromarray(_bytes(graded(layer.rgb), layer.alpha), "RGBA") for layer in layers]


def _bytes(rgb: Picture, alpha: Mask) -> NDArray[np.uint8]:
    stacked = np.concatenate([rgb, alpha[..., None]], -1)
    levels: NDArray[np.uint8] = (np.clip(stacked, 0, 1) * 255 + 0.5).astype(np.uint8)
    return levels


def still(pictures: list[Image.Image], grain_seed: int = 1) -> Image.Image:
    """Lay the sheets over one another, cut the middle 960x540 and add film grain."""
    flat = Image.new("RGBA", (WIDTH_PX, HEIGHT_PX))
    for picture in pictures:
        flat.alpha_composite(picture)
    left, top = (WIDTH_PX - STILL_PX[0]) // 2, (HEIGHT_PX - STILL_PX[1]) // 2
    cut = np.asarray(flat.convert("RGB"), np.float32)[top : top + STILL_PX[1], left : left + STILL_PX[0]]
    grain = np.random.default_rng(grain_seed).standard_normal((*cut.shape[:2], 1), dtype=np.float32) * 3.2
    return Image.fromarray(np.clip(cut + grain, 0, 255).astype(np.uint8))
