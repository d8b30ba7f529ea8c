"""Do re-uploads join the right case, and does nothing else? Real clips and their edits, through the case stage's rule.

    ./run bench cases --corpus DIR [--half tune|report|both] [--orders N] [--json]

A clip is a video of the corpus, or one of its stills as an image-to-video model would move it; each has eight edits,
cut from anywhere in it. Files arrive in many orders, and the worst is told as well. A merge is any file that goes into
a case that another opened; it is wrong when that one is of another clip, be it an edit or a clip itself.
Look-alikes are made of the clips themselves: stretches that share no moment must not join one another.
Never chooses a threshold.
"""

import argparse
import json
import random
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any, TypeAlias

import av

from bench import attacks
from bench.corpus import CONSOLE, HALVES, KIT, STILLS_AS_REFERENCES, WORK, halves
from bench.match_engine import Prints, chosen, fingerprints
from core.cases import Likeness, Relation, both_ways, likeness, places
from core.records import Match
from matchers.method import Method
from matchers.sameness import CHANGE, LOOKS, Films, films, motions

Matches: TypeAlias = dict[tuple[str, str], list[Match]]  # (file, other) -> what proves that one shows the other

EDITS = (
    "re-encode crf 35", "downscale 144p", "caption", "border", "mirror", "crop 90 %", "speed 1.25", "bars to 9:16",
)  # fmt: skip
STILLS = 6  # of each half, moved by "i2v: raw"
STRETCHES = 8  # of one clip at most
LONG_S, SHORT_S, BETWEEN_S = 5.0, 3.0, 0.3  # of a stretch, of a stretch of a clip under 11 s, and between two


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file: of which clip, and which edit of it ("" for the clip itself)."""

    half: str
    name: str
    clip: str
    edit: str
    path: Path
    duration_s: float | None


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of the files in one order.

    right   edits in the case of their clip
    wrong   edits in a case that another clip opened
    alone   edits in a case of their own clip's other edits, or of their own
    merges  files, edits or clips, that joined a case; bad: those of another clip, with the clips' names
    apart   of the bad, those that keep a verdict of their own
    """

    right: int = 0
    wrong: int = 0
    alone: int = 0
    merges: int = 0
    apart: int = 0
    bad: list[str] = field(default_factory=list)
    by_edit: dict[str, int] = field(default_factory=dict)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how many re-uploads joined the case of their clip, and how many merges are wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=WORK, help="the folder of `bench corpus`")
    parser.add_argument("--corpus", type=Path, required=True, help="the folder of real clips")
    parser.add_argument("--half", choices=(*HALVES, "both"), default="report")
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--methods", type=lambda text: text.split(","), help="of those that prove copies; default: all")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    wanted = HALVES if asked.half == "both" else (asked.half,)
    files = [file for half in wanted for file in _files(asked.corpus, asked.work, half)]
    methods = chosen(asked.methods)
    by_path, _ = fingerprints([file.path for file in files], methods, asked.work, fresh=False, workers=asked.workers)
    prints = {method: {file.name: by_path[method][str(file.path)] for file in files} for method in methods}
    like = both_ways(_like(_matches(methods, prints), {file.name: file.duration_s for file in files}, _moving(prints)))
    told = {half: _told(mine, like, asked.orders) for half, mine in _halves(files).items()}
    stretches = _stretches(methods, prints, [file for file in files if not file.edit])
    if asked.json:
        print(json.dumps({"halves": told, "stretches": stretches}, indent=2))
    else:
        print("\n".join([*(line for half, one in told.items() for line in _words(half, one)), _stretched(stretches)]))


def _halves(files: Sequence[File]) -> dict[str, list[File]]:
    """The files of each half by themselves and, where there are two, of both together."""
    found: dict[str, list[File]] = {}
    for file in files:
        found.setdefault(file.half, []).append(file)
    return found | ({"both": list(files)} if len(found) > 1 else {})


def _told(files: Sequence[File], like: Mapping[str, Sequence[Likeness]], orders: int) -> dict[str, Any]:
    here = {file.name for file in files}
    mine = {name: [one for one in ones if one.other in here] for name, ones in like.items() if name in here}
    return {
        "clips": sum(not file.edit for file in files),
        "asked": Counter(file.edit for file in files if file.edit),
        "clips first": [asdict(one) for one in _outcomes(files, mine, orders, clips_first=True)],
        "any order": [asdict(one) for one in _outcomes(files, mine, orders, clips_first=False)],
    }


def _words(half: str, told: Mapping[str, Any]) -> Iterator[str]:
    edits = sum(told["asked"].values())
    yield f"{half}: {told['clips']} clips, {edits} edits of them"
    for name in ("clips first", "any order"):
        outcomes: list[dict[str, Any]] = told[name]
        worst = min(outcomes, key=lambda one: (-len(one["bad"]), one["right"]))
        for what, one in ((f"first of {len(outcomes)} orders", outcomes[0]), ("worst", worst)):
            yield (
                f"  {name}, {what}: re-uploads right {one['right']} ({one['right'] / edits:.1%}), wrong {one['wrong']},"
                f" alone {one['alone']}; merges {one['merges']}, wrong {len(one['bad'])}"
                f" ({len(one['bad']) / max(one['merges'], 1):.2%}; {one['apart']} with a verdict of their own)"
            )
        yield from (f"    wrong: {bad}" for bad in worst["bad"])
        yield f"    fewest right of all orders: {min(one['right'] for one in outcomes)}"
        by_edit = (
            f"{edit} {worst['by_edit'].get(edit, 0)} of {asked}" for edit, asked in sorted(told["asked"].items())
        )
        yield f"    worst by edit: {', '.join(by_edit)}"


def _stretched(told: Mapping[str, Any]) -> str:
    return (
        f"stretches of one clip that share no moment: of {told['pairs']} pairs {told['alike']} look alike,"
        f" {told['joined']} join: {told['by_clip']}"
    )


def _matches(methods: Mapping[str, Method], prints: Prints) -> Matches:
    """Every file against all others."""
    matches: Matches = defaultdict(list)
    for name, method in methods.items():
        bank = method.bank(method, prints[name].items())
        for file, own in prints[name].items():
            for match in bank.compare(file, own):
                if match.reference != file:
                    matches[file, match.reference].append(match)
    return matches


def _like(
    matches: Matches, seconds: Mapping[str, float | None], moving: Mapping[str, Films]
) -> Iterator[tuple[str, Likeness]]:
    """Every file's likenesses to the others, by app/casing.py's rule; without `moving`, by looks alone.

    Of all pairs: the case stage looks at the twenty surest by which a file may join.
    """
    for (one, other), found in matches.items():
        like = likeness(found, seconds[one], seconds[other])
        if moving and like.relation is not Relation.NONE:
            like = likeness(found, seconds[one], seconds[other], motions(found, moving[one], moving[other]))
        yield one, like


def _moving(prints: Prints) -> dict[str, Films]:
    return {name: films(own, prints.get(CHANGE, {}).get(name, ())) for name, own in prints[LOOKS].items()}


def _outcomes(
    files: Sequence[File], like: Mapping[str, Sequence[Likeness]], orders: int, *, clips_first: bool
) -> Iterator[Outcome]:
    by_name = {file.name: file for file in files}
    for seed in range(orders):
        shuffled = random.Random(seed).sample(files, len(files))  # noqa: S311 - an order, nothing secret
        if clips_first:
            shuffled.sort(key=lambda file: bool(file.edit))
        placed = dict(places(((file.name, file.name) for file in shuffled), {}, like))
        outcome = Outcome()
        for file in shuffled:
            place, opener = placed[file.name], by_name[placed[file.name].case_id]
            if opener is not file:
                outcome.merges += 1
            if opener.clip != file.clip:
                outcome.bad.append(f"{file.name} in the case of {opener.name}: {place.why}")
                outcome.apart += bool(place.differs)
            if file.edit:
                right = opener.clip == file.clip and place.case_id == placed[file.clip].case_id
                outcome.right += right
                outcome.wrong += opener.clip != file.clip
                outcome.alone += opener.clip == file.clip and not right
                outcome.by_edit[file.edit] = outcome.by_edit.get(file.edit, 0) + right
        yield outcome


def _stretches(methods: Mapping[str, Method], prints: Prints, clips: Sequence[File]) -> dict[str, Any]:
    """Cut clips into stretches that share no moment, by their fingerprints, and count the pairs that would join."""
    cut: Prints = {method: {} for method in methods}
    clip_of: dict[str, str] = {}
    seconds: dict[str, float | None] = {}
    for file in clips:
        long_s = file.duration_s or 0.0
        each_s = LONG_S if long_s >= 2 * LONG_S + 1 else SHORT_S
        number = min(STRETCHES, int((long_s + BETWEEN_S) / (each_s + BETWEEN_S)))
        for place in range(number if number > 1 else 0):
            start_s = place * (long_s - each_s) / (number - 1)
            name = f"{file.name} from {start_s:.1f} s"
            clip_of[name], seconds[name] = file.clip, each_s
            for method in methods:
                cut[method][name] = [
                    replace(one, offset_s=one.offset_s - start_s)
                    for one in prints[method][file.name]
                    if start_s <= one.offset_s < start_s + each_s
                ]
    matches = _matches(methods, cut)
    alike, joined = (
        {
            frozenset((one, like.other))
            for one, like in _like(matches, seconds, known)
            if like.relation is not Relation.NONE and clip_of[one] == clip_of[like.other]
        }
        for known in ({}, _moving(cut))
    )
    asked = sum(clip_of[one] == clip_of[other] for one, other in combinations(clip_of, 2))
    by_clip = Counter(clip_of[min(pair)] for pair in joined)
    return {"pairs": asked, "alike": len(alike), "joined": len(joined), "by_clip": dict(by_clip.most_common())}


def _files(corpus: Path, work: Path, half: str) -> Iterator[File]:
    """The clips of a half and their edits, of the kit where it has them, else made now."""
    kit, made = work / f"kit{KIT}-{half}", work / f"cases{KIT}-{half}"
    if not kit.is_dir():
        raise SystemExit(f"no edits in {work}; `./run bench corpus --corpus {corpus} --work {work}` makes them")
    made.mkdir(exist_ok=True)
    videos, images = sorted((corpus / "videos").iterdir()), sorted((corpus / "images").iterdir())
    own = halves([*videos, *images])[half]
    known = set(images[:STILLS_AS_REFERENCES])
    stills = [file for file in own if file in known][:STILLS]
    clips = [file for file in own if file in set(videos)] + [kit / f"{file.stem}--i2v__raw.mp4" for file in stills]
    wanted = [attack for attack in attacks.ATTACKS if attack.name in EDITS]
    for clip in clips:
        first = File(half=half, name=clip.stem, clip=clip.stem, edit="", path=clip, duration_s=_seconds(clip))
        yield first
        for attack in wanted:
            path = kit / f"{clip.stem}--{_plain(attack.name)}.mp4"
            if not path.exists():
                path = made / path.name
            if not path.exists():
                try:
                    attacks.make(attack, attacks.probe(clip), None, path, f"{KIT} {path.name}")
                except subprocess.CalledProcessError as error:
                    CONSOLE.print(f"left out: {path.name}: {error.stderr.decode(errors='replace')[-200:]}")
                    continue
            yield replace(first, name=path.stem, edit=attack.name, path=path, duration_s=_seconds(path))


def _plain(edit: str) -> str:
    return "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in edit)


def _seconds(path: Path) -> float | None:
    try:
        with av.open(str(path)) as container:
            return container.duration / av.time_base if container.duration else None
    except av.error.FFmpegError as error:
        CONSOLE.print(f"{path.name}: {error}")
        return None


if __name__ == "__main__":
    main()
