"""What the cascade spends, and finds, beside looking at every clip's best rendition with everything.

    ./run bench cascade [--corpus DIR] [--half tune|report] [--work DIR] [--sample N] [--library N] [--json]

The queries are those of `bench match`, N of each edit. Each is encoded as a platform would offer it: the best
rendition, 1080 lines (the kit's clips have 360, so it is enlarged), and the small one. Three ways, in one run:
everything on the best; everything on the small one; the cascade. Costs are means of copies and of strangers,
weighted by the share of strangers in a stream. The queries last 4 s, of which a first look sees most; strangers of
20 s stand beside them. None has a sound track. Never tunes anything.
"""

import argparse
import json
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import imageio_ffmpeg
from rich.progress import track
from rich.table import Table

from app.fingerprinting import SPARSE, FileJob, fingerprint
from bench import match_library
from bench.attacks import probe
from bench.corpus import CONSOLE, HALVES, WORK, load
from bench.match import described, sampled
from bench.match_score import Hit, Query, share, tally
from bench.match_show import CONSOLE as OUT
from core.errors import ClipwardenError
from core.records import Basis, Fingerprint
from matchers.frames import FIRST, WHOLE, Plan
from matchers.method import Bank, Sense, methods
from matchers.near import METHODS, near

BEST_PX, BEST_CRF, SMALL_CRF = 1080, 23, 28  # platforms give their small renditions fewer bits a pixel, too
WAYS = ("everything on the best", "everything on the small", "cascade")
SHARES = {"the plain mix": None, "90 % strangers": 0.9, "97 % strangers": 0.97, "99 % strangers": 0.99}
LONG_S, LEAST_LONG_S, LONG_CLIPS = 20, 15, 6  # strangers as they were published, cut to so many seconds
CPU_GOAL, BYTES_GOAL = 1 / 5, 1 / 10  # issue 3
Prints = dict[str, list[Fingerprint]]


def rendition(source: Path, folder: Path, *, side_px: int, crf: int) -> Path:
    """Encode a clip (LONG_S of it at most) with so many pixels on its shorter side, once."""
    target = folder / f"{source.stem}--{side_px}-{crf}.mp4"
    if not target.exists():
        scale = f"scale='if(gt(iw,ih),-2,{side_px})':'if(gt(iw,ih),{side_px},-2)':flags=bicubic,setsar=1"
        half = target.with_suffix(".half.mp4")
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            "-v",
            "error",
            "-y",
            "-threads",
            "1",
            "-t",
            str(LONG_S),
            "-i",
            str(source),
        ]
        command += ["-vf", scale, "-an", "-c:v", "libx264", "-threads", "1", "-preset", "veryfast", "-crf", str(crf)]
        subprocess.run([*command, "-pix_fmt", "yuv420p", str(half)], check=True)
        half.replace(target)
    return target


def looked(file: Path, plan: Plan, banks: Mapping[str, Bank]) -> tuple[Prints, list[Hit], float]:
    """Fingerprint a file as the product does, and compare; the last is processor seconds of both."""
    started = time.process_time()
    try:
        prints = fingerprint(FileJob(sha256=file.name, path=file, methods=tuple(banks), plan=plan))
    except ClipwardenError as error:
        CONSOLE.print(f"{file.name}: {error}")
        prints = {name: [] for name in banks}
    matches = [match for name, bank in banks.items() for match in bank.compare(file.name, prints[name])]
    hits = [Hit(reference=one.reference, score=one.probability, method=one.method) for one in matches]
    return prints, hits, time.process_time() - started


def cascade(small: Path, best: Path, banks: Mapping[str, Bank]) -> dict[str, Any]:
    """Do what app/cascade.py does with one clip, words and labels aside."""
    prints, hits, cpu_s = looked(small, FIRST, banks)
    started = time.process_time()
    close = bool(hits) or any(near(banks[name], small.name, prints[name]) for name in METHODS & banks.keys())
    cpu_s += time.process_time() - started
    if close:  # what saw all frames is not asked again
        _, more, more_s = looked(small, WHOLE, {name: bank for name, bank in banks.items() if name in SPARSE})
        hits = [hit for hit in hits if hit.method not in SPARSE] + more
        cpu_s += more_s
    return {
        "hits": hits,
        "cpu_s": cpu_s,
        "closer": close,
        "triage_bytes": small.stat().st_size,
        "bytes": small.stat().st_size + (best.stat().st_size if hits else 0),
    }


def measured(queries: Sequence[Query], banks: Mapping[str, Bank], folder: Path, side_px: int) -> dict[str, list[Any]]:
    """Go each way with each query: way -> one record a query."""
    records: dict[str, list[Any]] = {way: [] for way in WAYS}
    made = [
        [rendition(Path(query["file"]), folder, side_px=px, crf=crf) for px, crf in sizes]
        for sizes in [((side_px, SMALL_CRF), (BEST_PX, BEST_CRF))]
        for query in track(queries, "renditions", console=CONSOLE)
    ]
    for small, best in made[:1]:  # compiled code is loaded, tables are made
        cascade(small, best, banks)
    for small, best in track(made, "looking", console=CONSOLE):
        for way, file in zip(WAYS, (best, small), strict=False):
            _, hits, cpu_s = looked(file, WHOLE, banks)
            records[way].append({"hits": hits, "cpu_s": cpu_s, "bytes": file.stat().st_size})
        records["cascade"].append(cascade(small, best, banks))
    return records


def long_strangers(index: Mapping[str, Any], banks: Mapping[str, Bank], folder: Path, side_px: int) -> dict[str, Any]:
    """Spend on strangers' clips as they were published; returns ratios to everything on the best."""
    names = sorted({query["source"] for query in index["queries"] if query["group"] == "distractor"})
    clips = [Path(index["corpus"]) / "videos" / name for name in names if name.endswith(".mp4")]
    clips = [clip for clip in clips if probe(clip).duration_s >= LEAST_LONG_S][:LONG_CLIPS]
    best = [rendition(clip, folder, side_px=BEST_PX, crf=BEST_CRF) for clip in clips]
    small = [rendition(clip, folder, side_px=side_px, crf=SMALL_CRF) for clip in clips]
    spent = [cascade(*pair, banks) for pair in zip(small, best, strict=True)]
    whole = [(looked(file, WHOLE, banks)[2], file.stat().st_size) for file in best]
    return {
        "clips": len(clips),
        "closer": sum(row["closer"] for row in spent),
        "cpu": sum(row["cpu_s"] for row in spent) / max(1e-9, sum(cpu_s for cpu_s, _ in whole)),
        "bytes": sum(row["bytes"] for row in spent) / max(1, sum(size for _, size in whole)),
    }


def mean(records: Sequence[Mapping[str, Any]], queries: Sequence[Query], key: str, strangers: float | None) -> float:
    """Mean of a figure in a stream with that share of strangers; None: as the queries are."""
    values: dict[bool, list[float]] = {True: [], False: []}
    for record, query in zip(records, queries, strict=True):
        values[query["truth"] is None].append(float(record[key]))
    if strangers is None:
        return sum(values[True] + values[False]) / len(queries)
    return sum(
        weight * sum(values[stranger]) / max(1, len(values[stranger]))
        for stranger, weight in ((True, strangers), (False, 1 - strangers))
    )


def summed(queries: Sequence[Query], records: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Recall, false hits, costs and ratios as plain values."""
    told: dict[str, Any] = {}
    for way, rows in records.items():
        answers = {query["file"]: row["hits"] for query, row in zip(queries, rows, strict=True)}
        told[way] = described(tally(queries, answers))
        copies = [query for query in queries if query["truth"]]
        found = sum(any(hit.reference == query["truth"] for hit in answers[query["file"]]) for query in copies)
        told[way]["found"] = [found, len(copies)]
    first, last = records[WAYS[0]], records["cascade"]
    costs = {}
    for name, strangers in SHARES.items():
        whole = {key: mean(first, queries, key, strangers) for key in ("cpu_s", "bytes")}
        costs[name] = {
            "everything_cpu_s": whole["cpu_s"],
            "everything_bytes": whole["bytes"],
            "small_cpu": mean(records[WAYS[1]], queries, "cpu_s", strangers) / whole["cpu_s"],
            "cascade_cpu": mean(last, queries, "cpu_s", strangers) / whole["cpu_s"],
            "triage_bytes": mean(last, queries, "triage_bytes", strangers) / whole["bytes"],
            "cascade_bytes": mean(last, queries, "bytes", strangers) / whole["bytes"],
        }
    closer = {
        what: [sum(row["closer"] for row, query in rows), len(rows)]
        for what, stranger in (("copies", False), ("strangers", True))
        for rows in [[pair for pair in zip(last, queries, strict=True) if (pair[1]["truth"] is None) is stranger]]
    }
    return {"ways": told, "costs": costs, "closer": closer}


def banks_of(index: Mapping[str, Any], args: argparse.Namespace) -> dict[str, Bank]:
    """Build the references' banks; with a catalogue around them where one is asked for."""
    known = {name: one for name, one in methods().items() if one.basis is Basis.COPY or one.sense is Sense.SOUND}
    prints = {}
    for one in track(index["references"], "references", console=CONSOLE):
        job = FileJob(sha256=one["name"], path=Path(one["path"]), methods=tuple(known))
        prints[one["name"]] = fingerprint(job)
    banks = {}
    for name, method in known.items():
        rows = [(reference, found[name]) for reference, found in prints.items()]
        if args.library and method.sense is Sense.FRAMES:
            found = match_library.sources(index)
            rows += match_library.library(method, args.half, args.library, found, args.work, fresh=False)
        banks[name] = method.bank(method, rows)
    return banks


def show(result: Mapping[str, Any]) -> None:
    """Print it for people."""
    OUT.print(
        f"half {result['half']}: {result['queries']} queries, {result['sample']} of each edit, "
        f"{result['references']} references and {result['library']} frames of a catalogue; "
        f"small {result['small_px']} lines, best {BEST_PX}"
    )
    table = Table("found", "of", *WAYS)
    ways: dict[str, Any] = result["ways"]
    for part in ("recall", "groups"):
        for edit, (_, number) in ways[WAYS[0]][part].items():
            table.add_row(edit, str(number), *(f"{share(ways[way][part][edit]):.2f}" for way in WAYS))
        table.add_section()
    table.add_row("all copies", str(ways[WAYS[0]]["found"][1]), *(f"{share(ways[way]['found']):.4f}" for way in WAYS))
    table.add_row("false hits", "", *(str(len(ways[way]["false"])) for way in WAYS))
    OUT.print(table)
    costs = Table("of everything on the best", *SHARES)
    rows = {
        "everything on the best, CPU s a clip": ("everything_cpu_s", "{:.3f}"),
        "everything on the best, kB a clip": ("everything_bytes", "{:.0f}"),
        "everything on the small, CPU": ("small_cpu", "{:.3f}"),
        f"cascade, CPU (goal {CPU_GOAL:g})": ("cascade_cpu", "{:.3f}"),
        f"cascade, bytes (goal {BYTES_GOAL:g})": ("triage_bytes", "{:.3f}"),
        "cascade, bytes, with the originals of hits": ("cascade_bytes", "{:.3f}"),
    }
    for label, (key, form) in rows.items():
        scale = 1000 if key == "everything_bytes" else 1
        costs.add_row(label, *(form.format(result["costs"][name][key] / scale) for name in SHARES))
    OUT.print(costs)
    OUT.print(f"looked at more closely: {result['closer']}")
    OUT.print(
        "{clips} strangers of up to {seconds} s, of everything on the best: CPU {cpu:.3f}, bytes {bytes:.3f}; "
        "{closer} looked at more closely".format(**result["long"], seconds=LONG_S)
    )


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run it all and return plain values."""
    index = load(args.corpus, args.half, args.work)
    queries = sampled(index["queries"], args.sample)
    folder = args.work / f"renditions-{args.half}"
    folder.mkdir(parents=True, exist_ok=True)
    banks = banks_of(index, args)
    told = summed(queries, measured(queries, banks, folder, args.small_px))
    facts = {"half": args.half, "sample": args.sample, "queries": len(queries), "library": args.library}
    told["long"] = long_strangers(index, banks, folder, args.small_px)
    return {**facts, "references": len(index["references"]), "small_px": args.small_px, **told}


def main(arguments: Iterable[str] | None = None) -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(
        prog="bench cascade", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder with videos/ and images/")
    parser.add_argument("--half", choices=HALVES, default="report")
    parser.add_argument("--work", type=Path, default=WORK, help="queries and their renditions")
    parser.add_argument("--sample", type=int, default=4, help="queries of each edit (renditions: 3 s each, made once)")
    parser.add_argument("--small-px", type=int, default=240, help="shorter side of the small rendition")
    parser.add_argument("--library", type=int, default=0, help="frames of a catalogue around the references")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(None if arguments is None else list(arguments))
    result = measure(args)
    if args.json:
        print(json.dumps(result, indent=1))
    else:
        show(result)


if __name__ == "__main__":
    main()
