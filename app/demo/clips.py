"""The clips of the demo: shots and trailers from the scenes, and what people on platforms do to them.

Nothing here knows of posts; which clips there are is said in recipes.py.
"""

import shutil
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from app.demo import edits
from app.demo.camera import FPS, Frame, film, ready
from app.demo.recipes import DISSOLVE, KNOWN, LONE_S, RECIPES, SHOT_S, TRAILERS, Recipe, low_name
from app.demo.reel import read, write
from app.demo.scenes import AVELORE, SCENES, sheets, still


def still_path(folder: Path, scene: str) -> Path:
    """Where an official scene's still lies."""
    return folder / "references" / _title(SCENES[scene].franchise) / f"{scene}.jpg"


def trailer_path(folder: Path, name: str) -> Path:
    """Where a franchise's trailer lies."""
    return folder / "references" / _title(TRAILERS[name]) / f"trailer-{name}.mp4"


def known_path(folder: Path) -> Path:
    """Where the known infringing clip lies among the references."""
    return folder / "references" / _title(AVELORE) / f"known-generated-{KNOWN}.mp4"


def _title(franchise: str | None) -> str:
    if franchise is None:
        raise ValueError("a scene that is nobody's has no reference; ask only for official scenes")
    return franchise.split("/")[1]


def shoot(folder: Path, name: str) -> None:
    """Draw a scene; write its still and its shot for the trailer, or its clip if it is not official."""
    scene, place = SCENES[name], list(SCENES).index(name)
    layers = scene.draw()
    pictures = sheets(layers)
    frames = film(ready(pictures, layers), place, SHOT_S if scene.official else LONE_S, scene.air, place)
    if scene.official:
        path = still_path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        still(pictures, place).save(path, quality=92)
        write(folder / "shots" / f"{name}.mp4", frames, fps=FPS, crf=12)
        return
    clip = folder / "media" / f"{name}.mp4"
    write(clip, frames, fps=FPS, sound=place if scene.franchise or place % 2 else None)
    if name == KNOWN:
        known_path(folder).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(clip, known_path(folder))


def cut_trailer(folder: Path, name: str) -> None:
    """Join the shots of a franchise, with a short dissolve between them, and a soundtrack."""
    shots = [scene.name for scene in SCENES.values() if scene.official and scene.franchise == TRAILERS[name]]
    frames = edits.dissolved([list(read(folder / "shots" / f"{shot}.mp4")) for shot in shots], DISSOLVE)
    write(trailer_path(folder, name), frames, fps=FPS, crf=21, sound=len(name))


def edit(folder: Path, name: str) -> None:
    """Make one recipe's clip under media/."""
    recipe = RECIPES[name]
    target = folder / "media" / f"{name}.mp4"
    if recipe.edit == "exact":
        shutil.copyfile(trailer_path(folder, recipe.source), target)
    elif recipe.edit == "zoomed still":
        write(target, edits.zoomed(still_path(folder, recipe.source), recipe.seconds), fps=FPS, crf=24)
    else:
        _rework(folder, recipe, target)


def _rework(folder: Path, recipe: Recipe, target: Path) -> None:
    """A clip made from another clip, frame by frame."""
    lone = folder / "media" / f"{recipe.source}.mp4"
    frames = read(
        trailer_path(folder, recipe.source) if recipe.source in TRAILERS else lone, recipe.start_s, recipe.seconds
    )
    if recipe.edit == "spliced":
        other = folder / "media" / f"{recipe.look}.mp4"
        frames = chain(read(other, 0, 2.5), frames, read(other, 2.5, 2.0))
    else:
        frames = map(edits.change(recipe), frames)
    crf = 34 if recipe.edit == "re-encode" else 26
    sound = None if recipe.edit == "slowed" else len(recipe.name)
    write(target, frames, fps=recipe.fps, crf=crf, sound=sound)


def shrink(folder: Path, name: str) -> None:
    """A 144-line rendition beside a clip, as PeerTube keeps one."""
    path = folder / "media" / f"{name}.mp4"
    frames = (np.asarray(Image.fromarray(frame).resize(_lower(frame))) for frame in read(path))
    write(path.with_name(low_name(name)), frames, fps=RECIPES[name].fps if name in RECIPES else Fraction(FPS), crf=27)


def _lower(frame: Frame) -> tuple[int, int]:
    height, width = frame.shape[:2]
    return round(width * 144 / height / 2) * 2, 144
