"""Which clips the demo has: what each is made from, and how long and large it comes out."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from app.demo.camera import FPS, FRAME_PX
from app.demo.scenes import ARCADE, AVELORE, CHOIR

SHOT_S = 3.5
DISSOLVE = 4  # frames that two shots of a trailer share
TRAILER_S = (4 * round(SHOT_S * FPS) - 3 * DISSOLVE) / FPS
LONE_S = 5.0  # a clip of a single scene
TRAILERS: dict[str, str] = {"avelore": AVELORE, "choir": CHOIR, "arcade": ARCADE}
KNOWN = "balcony"  # a generated clip that was found infringing before, and so is a reference itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A clip made from another.

    source    a trailer's or a lone scene's name; for a zoomed still, the scene's
    start_s, seconds   the stretch of the source that is used
    look      what varies between clips of one edit: a caption, a colour, a scene spliced around
    """

    name: str
    edit: str
    source: str
    start_s: float = 0.0
    seconds: float = TRAILER_S
    look: str = ""

    @property
    def fps(self) -> Fraction:
        """Frames a second as played: slowed clips play the same frames at three quarters."""
        return Fraction(FPS) * (Fraction(3, 4) if self.edit == "slowed" else 1)

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        if self.edit == "re-encode":
            return (426, 240)
        return (480, 480) if self.edit == "border" and not self.look else FRAME_PX


def _recipes() -> Iterator[Recipe]:
    looks = {
        "avelore": ("she said YES at the ball", "#f4e6ee", "dunes", "lantern-lake", "moonlit-gown"),
        "choir": ("do NOT look behind you", "#101214", "birches", "choirmaster", "well"),
        "arcade": ("wait for level 4 !!", "#ffe14a", "reef", "paper-fox", "great-wheel"),
    }
    for name, (words, border, around, *zoomed) in looks.items():
        yield Recipe(name=f"{name}-exact", edit="exact", source=name)
        yield Recipe(name=f"{name}-reencode", edit="re-encode", source=name)
        yield Recipe(name=f"{name}-caption", edit="caption", source=name, start_s=2.0, seconds=7.0, look=words)
        yield Recipe(name=f"{name}-border", edit="border", source=name, start_s=1.0, seconds=7.0, look=border)
        yield Recipe(name=f"{name}-square", edit="border", source=name, start_s=6.0, seconds=7.0)
        yield Recipe(name=f"{name}-mirrored", edit="mirrored", source=name, start_s=1.0, seconds=6.0)
        yield Recipe(name=f"{name}-cropped", edit="cropped", source=name, start_s=3.0, seconds=6.0)
        yield Recipe(name=f"{name}-slowed", edit="slowed", source=name, start_s=4.0, seconds=6.0)
        yield Recipe(name=f"{name}-spliced", edit="spliced", source=name, start_s=7.5, seconds=3.0, look=around)
        for scene in zoomed:
            yield Recipe(name=f"{name}-zoom-{scene}", edit="zoomed still", source=scene, seconds=LONE_S)
    yield Recipe(name="balcony-reencode", edit="re-encode", source=KNOWN, seconds=LONE_S)
    yield Recipe(name="balcony-caption", edit="caption", source=KNOWN, seconds=LONE_S, look="made this in 20 seconds")


RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _recipes()}


def low_name(name: str) -> str:
    """The file name of a clip's 144-line rendition."""
    return f"{name}-144p.mp4"
