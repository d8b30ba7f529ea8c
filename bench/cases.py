"""Do re-uploads join the right case? Real clips and their edits, through the case stage's own rule.

Every source opens a case; its edits come in any order. Edits and fingerprints are those of `bench match`
(`./run bench corpus` makes them), each half of the corpus by itself.
"""

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av

from bench.corpus import CONSOLE
from bench.match_engine import chosen, fingerprints
from core.cases import both_ways, likeness, places
from core.records import Match

EDITS = (
    "re-encode_crf_35", "downscale_144p", "caption", "border", "mirror", "crop_90__", "speed_1.25", "bars_to_9_16",
)  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What became of the edits. merged: sources that ended in one case."""

    right: int = 0
    wrong: int = 0
    alone: int = 0
    by_edit: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    merged: list[list[str]] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how many re-uploads joined the case of their source, and how many joined another's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("bench-work"), help="the folder of `bench corpus`")
    parser.add_argument("--corpus", type=Path, required=True, help="the folder of real clips")
    parser.add_argument("--half", choices=("report", "tune"), default="report")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    tally = _run(asked.corpus, asked.work, asked.half, asked.workers)
    total = tally.right + tally.wrong + tally.alone
    told: dict[str, Any] = {
        "half": asked.half, "edits": total, "right": tally.right, "wrong": tally.wrong, "alone": tally.alone,
        "sources_merged": tally.merged,
        "by_edit": {name: [tally.by_edit[name], tally.asked[name]] for name in sorted(tally.asked)},
    }  # fmt: skip
    print(json.dumps(told, indent=2) if asked.json else _words(told))


def _words(told: dict[str, Any]) -> str:
    share = told["right"] / max(told["edits"], 1)
    lines = [f"{told['half']}: {told['right']} of {told['edits']} edits ({share:.1%}) joined the case of their source;"]
    lines += [f"  {told['wrong']} joined another's, {told['alone']} opened one of their own"]
    lines += [f"  {name}: {right} of {asked}" for name, (right, asked) in told["by_edit"].items()]
    lines += [f"  sources in one case: {', '.join(group)}" for group in told["sources_merged"]]
    return "\n".join(lines)


def _run(corpus: Path, work: Path, half: str, workers: int) -> Tally:
    files = _files(corpus, work, half)
    names = [str(path) for *_, path in files]
    truth = {str(path): (source, edit) for source, edit, path in files}
    methods = chosen(None)
    prints, _ = fingerprints([path for *_, path in files], methods, work, fresh=False, workers=workers)
    matches: dict[tuple[str, str], list[Match]] = defaultdict(list)
    for name, method in methods.items():
        bank = method.bank(method, ((file, prints[name][file]) for file in names))
        for file in names:
            for match in bank.compare(file, prints[name][file]):
                matches[file, match.reference].append(match)
    seconds = {str(path): _seconds(path) for *_, path in files}
    like = both_ways(
        (one, likeness(found, seconds[one], seconds[other])) for (one, other), found in matches.items() if one != other
    )
    return _tally({file: place.case_id for file, place in places(zip(names, names, strict=True), {}, like)}, truth)


def _tally(cases: dict[str, str], truth: dict[str, tuple[str, str]]) -> Tally:
    own = {source: cases[name] for name, (source, edit) in truth.items() if edit == "source"}
    tally = Tally()
    for name, (source, edit) in truth.items():
        if edit == "source":
            continue
        tally.asked[edit] += 1
        if cases[name] == own[source]:
            tally.right += 1
            tally.by_edit[edit] += 1
        elif cases[name] in set(own.values()):
            tally.wrong += 1
        else:
            tally.alone += 1
    together: dict[str, list[str]] = defaultdict(list)
    for source, case in own.items():
        together[case].append(source)
    tally.merged = [sorted(group) for group in together.values() if len(group) > 1]
    return tally


def _files(corpus: Path, work: Path, half: str) -> list[tuple[str, str, Path]]:
    """(source, edit, file): the sources first, the edits in no order."""
    edits: dict[str, list[tuple[str, Path]]] = defaultdict(list)
    for path in sorted((work / f"kit1-{half}").glob("*.mp4")):
        source, _, edit = path.stem.rpartition("--")
        if edit in EDITS:
            edits[source].append((edit, path))
    if not edits:
        raise SystemExit(f"no edits in {work}; `./run bench corpus --corpus {corpus} --work {work}` makes them")
    videos = {path.stem.replace(" ", "_"): path for path in corpus.rglob("*") if path.is_file()}
    found = [(source, "source", path) for source in edits for stem, path in videos.items() if source.endswith(stem)]
    rest = [(source, edit, path) for source, _, _ in found for edit, path in edits[source]]
    random.Random(7).shuffle(rest)  # noqa: S311 - in no order
    return found + rest


def _seconds(path: Path) -> float | None:
    try:
        with av.open(str(path)) as container:
            return container.duration / av.time_base if container.duration else None
    except av.error.FFmpegError as error:
        CONSOLE.print(f"{path.name}: {error}")
        return None


if __name__ == "__main__":
    main()
