"""How many edited copies are found, and how many strangers are called copies.

    python -m bench.copies --corpus DIR [--half tune|report] [--sweep] [--json]

DIR holds videos/ and images/. It is split by scene into two halves: thresholds are chosen on
`tune` (--sweep shows how), and what is published is measured on `report`, whose pairs no choice
has seen. Never counts two clips of one shoot as strangers; they are shown apart.
"""

import argparse
import json
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.edits import CLIP_EDITS, STILL_EDITS, caption, make
from core.records import Fingerprint, Segment
from matchers.compare import Bank, bank, compare
from matchers.frames import read
from matchers.method import Method
from matchers.phash import METHOD

# Files whose names share one of these show one scene: takes of a shoot, crops, two cuts of a film.
SCENES = ("asl_group", "kohlipe", "bunny", "tears-of-steel", "motorcycle", "alloon", "-favorite-bird", "mdn-info")
STILLS_AS_REFERENCES = 64  # the first, photographs mostly; the other stills are strangers only
CONSOLE = Console(stderr=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A file to look up: an edit of `truth`, or a stranger (None)."""

    name: str
    edit: str
    truth: str | None
    prints: list[Fingerprint]
    expected: bool = True


@dataclass(frozen=True, slots=True)
class Hit:
    """What one query said about one reference."""

    query: Query
    reference: str
    segments: tuple[Segment, ...]

    @property
    def kind(self) -> str:
        """true, same scene or false."""
        if self.reference == self.query.truth:
            return "true"
        return "same scene" if scene(self.reference) == scene(self.query.truth or self.query.name) else "false"


def scene(name: str) -> str:
    """Return what a file shows, as far as its name says."""
    return next((token for token in SCENES if token in name), name)


def halves(files: Iterable[Path]) -> dict[str, list[Path]]:
    """Split by scene, every other one: the same on every machine."""
    ordered = sorted(files)
    scenes = list(dict.fromkeys(scene(file.name) for file in ordered))
    tune = set(scenes[::2])
    return {
        "tune": [file for file in ordered if scene(file.name) in tune],
        "report": [file for file in ordered if scene(file.name) not in tune],
    }


def prints(file: Path) -> list[Fingerprint]:
    """Fingerprint one file."""
    return METHOD.fingerprint(read(file).frames)


def gather(corpus: Path, half: str, work: Path) -> tuple[dict[str, list[Fingerprint]], list[Query]]:
    """Return the references of a half, and its queries: edits of them, then strangers."""
    videos, images = halves((corpus / "videos").iterdir()), halves((corpus / "images").iterdir())
    known = sorted((corpus / "images").iterdir())[:STILLS_AS_REFERENCES]
    stills = [image for image in images[half] if image in known]
    originals = videos[half] + stills
    references = {file.name: prints(file) for file in track(originals, "references", console=CONSOLE)}
    text = caption(work / "caption.png")
    jobs = [(edit, file) for file in videos[half] for edit in CLIP_EDITS]
    jobs += [(edit, file) for file in stills for edit in STILL_EDITS]
    with ThreadPoolExecutor(2) as pool:
        made = list(
            track(pool.map(lambda job: make(job[0], job[1], text, work), jobs), "edits", len(jobs), console=CONSOLE)
        )
    queries = [
        Query(name=copy.name, edit=edit.name, truth=file.name, prints=prints(copy), expected=edit.expected)
        for (edit, file), copy in track(list(zip(jobs, made, strict=True)), "fingerprints", console=CONSOLE)
        if copy is not None
    ]
    strangers = [image for image in images[half] if image not in known]
    strangers += videos["tune"] if half == "report" else []
    queries += [
        Query(name=file.name, edit="stranger", truth=None, prints=prints(file))
        for file in track(strangers, "strangers", console=CONSOLE)
    ]
    return references, queries


def search(method: Method, references: dict[str, list[Fingerprint]], queries: list[Query]) -> list[Hit]:
    """Look every query up."""
    known: Bank = bank(method, references.items())
    return [
        Hit(query, match.reference, match.segments)
        for query in queries
        for match in compare(query.name, query.prints, known)
    ]


def sweep(references: dict[str, list[Fingerprint]], queries: list[Query]) -> list[dict[str, int]]:
    """Count for each threshold and quality floor what two frames, or one alone, would find."""
    rows = []
    for floor, threshold in track(list(product((5, 15, 25, 35), range(32, 100, 4))), "sweep", console=CONSOLE):
        method = replace(METHOD, threshold=threshold, lone_threshold=threshold, least_quality=floor)
        row = {"floor": floor, "bits": threshold}
        hits = [hit for hit in search(method, references, queries) if hit.query.expected]
        for kind in ("true", "same scene", "false"):
            ours = [hit for hit in hits if hit.kind == kind]
            row[kind] = len(ours)
            row[f"{kind}, 2+"] = sum(any(one.pairs > 1 for one in hit.segments) for hit in ours)
        rows.append(row)
    return rows


def measure(corpus: Path, half: str, work: Path, *, sweeping: bool) -> dict[str, object]:
    """Run one half and return its tables."""
    started = time.perf_counter()
    references, queries = gather(corpus, half, work)
    prepared = time.perf_counter()
    if sweeping:
        return {"half": half, "sweep": sweep(references, queries)}
    hits = search(METHOD, references, queries)
    of = Counter(query.edit for query in queries if query.truth)
    found = Counter(hit.query.edit for hit in hits if hit.kind == "true")
    false = [hit for hit in hits if hit.kind == "false"]
    return {
        "half": half,
        "recall": {edit: [found[edit], number] for edit, number in of.items()},
        "false_hits": [[hit.query.name, hit.reference, asdict(hit.segments[0])] for hit in false],
        "false_pairs_of": sum(
            scene(reference) != scene(query.truth or query.name) for query in queries for reference in references
        ),
        "same_scene_hits": sum(hit.kind == "same scene" for hit in hits),
        "references": len(references),
        "queries": len(queries),
        "prepare_s": round(prepared - started, 1),
        "search_s": round(time.perf_counter() - prepared, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def show(result: dict[str, object]) -> None:
    """Print the tables for people."""
    for name, value in result.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            table = Table(*value[0])
            for row in value:
                table.add_row(*map(str, row.values()))
            Console().print(table)
        elif isinstance(value, dict):
            table = Table("edit", "found", "of")
            for edit, (found, number) in value.items():
                table.add_row(edit, str(found), str(number))
            Console().print(table)
        else:
            Console().print(f"{name}: {value}")


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="folder with videos/ and images/")
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--sweep", action="store_true", help="try every threshold instead of the chosen one")
    parser.add_argument("--work", type=Path, help="keep the edits here for the next run")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = args.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        result = measure(args.corpus, args.half, work, sweeping=args.sweep)
    if args.json:
        print(json.dumps(result, indent=1))
    else:
        show(result)


if __name__ == "__main__":
    main()
