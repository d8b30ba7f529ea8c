"""The material of `./run bench match`: references, edits of them, and strangers, in two halves.

The corpus is a folder with videos/ and images/. It is split by scene: thresholds are chosen on
`tune`, and what is published is measured on `report`. Nothing of `report` enters `tune`, not even as
the background of a duet. Each query is made once into a work folder, and made the same everywhere.
"""

import argparse
import json
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.progress import track

from bench import animations, attacks
from bench.attacks import ATTACKS, OTHERS, STRANGER_ATTACKS, Attack, probe

KIT = "1"  # part of the folder's name: change it with any edit, and everything is made anew
WORK = Path.home() / ".cache" / "clipwarden-bench"
HALVES = ("tune", "report")
CONSOLE = Console(stderr=True)

# Files whose names share a token of one line show one scene: takes of a shoot, things on one table,
# crops of one picture, two cuts of a film. A hit among them is neither right nor wrong.
SCENES: tuple[tuple[str, ...], ...] = (
    ("asl_group",), ("kohlipe",), ("bunny",), ("tears-of-steel",), ("motorcycle",), ("learning-area__",),
    ("alloon", "assets_square"), ("-favorite-bird",), ("mdn-info",), ("assets_flowers", "assets_pic3."),
    ("ThreatExchange_c.", "pen-and-coaster"), ("exif-rotn",), ("assets_star-",), ("assets_palm",), ("rook",),
    ("bg-park5", "bg-sky"), ("MATE", "Ubuntu-Mate"), ("img_628", "img_629"), ("img_640", "img_641"),
    ("img_644", "img_645"), ("img_647", "img_648"), ("img_650", "img_651"), ("img_654", "img_655"),
    ("img_657", "img_658"),
)  # fmt: skip
# Six toys on one table, which an earlier split by file had put into both halves.
PINNED = {"learning-area__": "tune"}
STILLS_AS_REFERENCES = 64  # the first, photographs mostly; the other stills are strangers only
# Clips of `tune` that are no references there: its other footage, since it may use none of `report`.
HELD_BACK = ("dom-examples__video", "sample-videos__bottle-detection", "shared-assets__friday")
STRANGER_STILLS = {"tune": 260, "report": 380}  # queries made of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One query to make: an edit of `source`, of which `truth` is the reference (None: a stranger)."""

    name: str
    edit: str
    group: str
    source: Path
    truth: str | None
    work: Attack | animations.Animation
    other: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What one half is made of."""

    references: list[Path]
    jobs: list[Job]


def scene(name: str) -> str:
    """Return what a file shows, as far as its name says."""
    return next((tokens[0] for tokens in SCENES if any(token in name for token in tokens)), name)


def halves(files: Iterable[Path]) -> dict[str, list[Path]]:
    """Split by scene, every other one: the same on every machine; a scene of both kinds stays whole."""
    ordered = sorted(files, key=lambda file: (file.suffix != ".mp4", file.name))
    turns = cycle(HALVES)
    half_of = dict(PINNED)
    for file in ordered:
        shown = scene(file.name)
        if shown not in half_of:
            half_of[shown] = next(turns)
    return {half: [file for file in ordered if half_of[scene(file.name)] == half] for half in HALVES}


def material(corpus: Path, half: str) -> Material:
    """Say which files are references in a half, and which queries are made; reads no picture."""
    videos, images = sorted((corpus / "videos").iterdir()), sorted((corpus / "images").iterdir())
    split = halves([*videos, *images])
    known = set(images[:STILLS_AS_REFERENCES])
    clips = {name: [file for file in split[name] if file in set(videos)] for name in HALVES}
    stills = [file for file in split[half] if file in known]
    held = [file for file in clips["tune"] if file.stem in HELD_BACK]
    strangers = held if half == "tune" else clips["tune"]
    own = [file for file in clips[half] if half == "report" or file not in held]
    jobs = [_clip_job(half, attack, file, strangers, file.name) for file in own for attack in ATTACKS]
    jobs += [_still_job(one, file, file.name) for file in stills for one in animations.ANIMATIONS]
    by_name = {attack.name: attack for attack in ATTACKS}
    jobs += [_clip_job(half, by_name[name], file, strangers, None) for file in strangers for name in STRANGER_ATTACKS]
    unknown = [file for file in split[half] if file not in known and file not in set(videos)]
    unknown += [file for file in split["tune"] if file not in set(videos) and half == "report"]
    kinds = animations.STRANGER_ANIMATIONS
    for number in range(min(STRANGER_STILLS[half], len(unknown) * len(kinds))):
        again, place = divmod(number, len(unknown))
        # A still that comes back in the next round comes as another kind.
        jobs.append(_still_job(kinds[(place + again) % len(kinds)], unknown[place], None))
    return Material(references=[*own, *stills], jobs=jobs)


def _clip_job(half: str, attack: Attack, file: Path, strangers: list[Path], truth: str | None) -> Job:
    name = _name(file, attack.name)
    chance = Random(f"{half} {name}")  # noqa: S311  (which background, nothing secret)
    others = [one for one in strangers if one != file]
    other = chance.choice(others) if attack.layout in OTHERS and others else None
    group = attack.group if truth else "distractor"
    return Job(name=name, edit=attack.name, group=group, source=file, truth=truth, work=attack, other=other)


def _still_job(one: animations.Animation, file: Path, truth: str | None) -> Job:
    group = one.group if truth else "distractor"
    return Job(name=_name(file, one.name), edit=one.name, group=group, source=file, truth=truth, work=one)


def _name(file: Path, edit: str) -> str:
    plain = "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in edit)
    return f"{file.stem}--{plain}.mp4"


def prepare(corpus: Path, half: str, work: Path, *, workers: int = 2) -> Path:
    """Make what is missing of a half, and return its index, a JSON file.

    raises  FileNotFoundError when the corpus has no videos/ and images/
    """
    wanted = material(corpus, half)
    folder = work / f"kit{KIT}-{half}"
    folder.mkdir(parents=True, exist_ok=True)
    index = work / f"{half}.json"
    with ThreadPoolExecutor(workers) as pool:
        made = list(
            track(
                pool.map(lambda job: _made(job, folder), wanted.jobs), f"{half}: queries", len(wanted.jobs),
                console=CONSOLE,
            )
        )  # fmt: skip
    queries = [one for one in made if one]
    for job in [job for job, one in zip(wanted.jobs, made, strict=True) if not one]:
        CONSOLE.print(f"left out: {job.name}: FFmpeg made nothing of it")
    references = [
        {"name": file.name, "path": str(file), "scene": scene(file.name), "kind": file.parent.name[:-1]}
        for file in wanted.references
    ]
    content = {"half": half, "kit": KIT, "corpus": str(corpus), "references": references, "queries": queries}
    index.write_text(json.dumps(content, indent=1), encoding="utf-8")
    (work / f"READY.{half}").write_text(
        f"{len(queries)} queries in {folder}, {len(references)} references, index {index}\n", encoding="utf-8"
    )
    return index


def _made(job: Job, folder: Path) -> dict[str, Any] | None:
    """Make one query unless it is there; its truths stand in a small file beside it."""
    target = folder / job.name
    beside = target.with_suffix(".json")
    if not (target.exists() and beside.exists()):
        seed = f"{KIT} {job.name}"
        try:
            if isinstance(job.work, Attack):
                truths = attacks.make(job.work, probe(job.source), job.other, target, seed)
            else:
                truths = animations.make(job.work, job.source, target, seed)
        except subprocess.CalledProcessError as error:
            CONSOLE.print(f"{job.name}: {error.stderr.decode(errors='replace')[-200:]}")
            return None
        if target.stat().st_size < 1000:
            return None
        beside.write_text(json.dumps([asdict(one) for one in truths]), encoding="utf-8")
    return {
        "file": str(target),
        "edit": job.edit,
        "group": job.group,
        "truth": job.truth,
        "segments": json.loads(beside.read_text(encoding="utf-8")) if job.truth else [],
        # Everything that is shown: a reference of one of these scenes is no false hit.
        "scenes": sorted({scene(job.source.name), *([scene(job.other.name)] if job.other else [])}),
        "source": job.source.name,
    }


def load(corpus: Path, half: str, work: Path) -> dict[str, Any]:
    """Return the index of a half, making what is missing first."""
    loaded: dict[str, Any] = json.loads(prepare(corpus, half, work).read_text(encoding="utf-8"))
    return loaded


def main() -> None:
    """Make the halves that are asked for."""
    parser = argparse.ArgumentParser(prog="bench corpus", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder with videos/ and images/")
    parser.add_argument("--half", choices=HALVES, action="append", help="default: both")
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    for half in args.half or HALVES:
        CONSOLE.print(str(prepare(args.corpus, half, args.work, workers=args.workers)))


if __name__ == "__main__":
    main()
