"""What the quickest way to know a copy costs and finds, beside vpdq and imagehash, on the same files in one run.

    ./run bench quick [--corpus DIR] [--half tune|report] [--work DIR] [--sample N] [--long N] [--json]

Quick: key frames only, in 256-bit hashes of the whole frame and of what is inside its bars, looked up mirrored and
turned, at the product's own thresholds; and the same with local features. The short clips are the queries of `bench
match` (4 s, 360 lines); the long ones N of the corpus's, encoded as platforms serve them (x264, a key frame every 10 s
at most), 30 s at 576 and 1080 lines. Every cost is processor seconds a clip: decode, hashes, and for ours the search.
Each peer has its best threshold without a false hit on these very queries. Never tunes anything.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from rich.progress import track
from rich.table import Table

from bench import decode, match_engine, match_peers
from bench.corpus import CONSOLE, HALVES, WORK, load
from bench.match import described, sampled
from bench.match_peers import PEERS
from bench.match_score import Hit, Query, tally
from bench.match_show import CONSOLE as OUT
from matchers.frames import KEYS, read
from matchers.method import Bank, Method

WAYS = {"quick": ("phash",), "quick, features": ("phash", "local")}
BESIDE = tuple(peer for peer in PEERS if peer.name != "videohash")  # a second a clip, whatever its size
LONG_S, LONG_SIZES = 30.0, ("576p", "1080p")
Banks: TypeAlias = Mapping[str, tuple[Method, Bank]]


def looked(file: Path, banks: Banks) -> tuple[list[Hit], float]:
    """Hash a clip's key frames, look them up; the last is processor seconds of all of it."""
    started = time.process_time()
    frames = list(read(file, plan=KEYS).frames)
    found = [one for method, bank in banks.values() for one in bank.compare(file.name, method.fingerprint(frames))]
    cpu_s = time.process_time() - started
    return [Hit(reference=one.reference, score=one.probability, method=one.method) for one in found], cpu_s


def banks_of(index: Mapping[str, Any], work: Path) -> Banks:
    """Build the references' banks, of all their frames: a reference is hashed once, and well."""
    wanted = match_engine.chosen(sorted({name for names in WAYS.values() for name in names}))
    files = {one["name"]: Path(one["path"]) for one in index["references"]}
    prints, _ = match_engine.fingerprints(files.values(), wanted, work, fresh=False, workers=1)
    return {
        name: (one, one.bank(one, [(reference, prints[name][str(path)]) for reference, path in files.items()]))
        for name, one in wanted.items()
    }


def short(index: Mapping[str, Any], queries: Sequence[Query], banks: Banks, work: Path) -> dict[str, Any]:
    """Ask each way for each query: engine -> tally and cpu_s a clip."""
    result: dict[str, Any] = {}
    for way, names in WAYS.items():
        mine = {name: banks[name] for name in names}
        looked(Path(queries[0]["file"]), mine)  # compiled code is loaded, tables are made
        found = {one["file"]: looked(Path(one["file"]), mine) for one in track(queries, way, console=CONSOLE)}
        answers = {file: hits for file, (hits, _) in found.items()}
        cost = float(np.mean([cpu_s for _, cpu_s in found.values()]))
        result[way] = {**described(tally(queries, answers)), "cpu_s": cost}
    references = match_peers.still_clips(index["references"], work)
    with tempfile.TemporaryDirectory(
        dir=work
    ) as folder:  # an empty cache: what was measured on another day says nothing
        for one in ("peers-env", "peers-stills"):
            (Path(folder) / one).symlink_to(work / one)
        for peer in BESIDE:
            kept = match_peers.fingerprints(peer, list(references.values()), work)
            rows = match_peers.fingerprints(peer, [Path(query["file"]) for query in queries], Path(folder))
            mine_rows = [rows[query["file"]] for query in queries]
            table = match_peers.scores(peer, mine_rows, [kept[str(file)] for file in references.values()])
            above = match_peers.best_threshold(peer, queries, list(references), table)
            told = tally(queries, match_peers.answers(queries, list(references), table, above))
            result[peer.name] = {**described(told), "cpu_s": float(np.mean([row["cpu_s"] for row in mine_rows]))}
    return result


def long(corpus: Path, number: int, banks: Banks, work: Path) -> dict[str, dict[str, float]]:
    """Cost of long, large clips: size -> engine -> cpu_s a clip, mean of `number` clips."""
    sources = sorted((corpus / "videos").glob("*.mp4"), key=lambda path: -path.stat().st_size)[:number]
    costs: dict[str, dict[str, list[float]]] = {size: {} for size in LONG_SIZES}
    with tempfile.TemporaryDirectory(dir=work) as folder:
        (Path(folder) / "peers-env").symlink_to(work / "peers-env")
        for place, size in track([(one, size) for one in sources for size in LONG_SIZES], "long", console=CONSOLE):
            into = Path(folder) / place.stem
            into.mkdir(exist_ok=True)
            clip = decode.encoded(place, decode.SIZES[size], LONG_S, into)
            for way, names in WAYS.items():
                _, cpu_s = looked(clip, {name: banks[name] for name in names})
                costs[size].setdefault(way, []).append(cpu_s)
            for peer in BESIDE[:2]:  # the third is the second with another threshold
                row = match_peers.fingerprints(peer, [clip], Path(folder))[str(clip)]
                costs[size].setdefault(peer.name, []).append(row["cpu_s"])
    return {size: {name: float(np.mean(spent)) for name, spent in one.items()} for size, one in costs.items()}


def show(result: Mapping[str, Any]) -> None:
    """Print it for people."""
    table = Table(
        "", "mean recall", "worst edit", "false hits", "CPU s, 4 s of 360p", *LONG_SIZES, "times vpdq's speed"
    )
    for name, one in result["short"].items():
        costs = [result["long"][size].get(name) for size in LONG_SIZES]
        vpdq = [result["short"]["vpdq"]["cpu_s"], *(result["long"][size].get("vpdq") for size in LONG_SIZES)]
        ratios = [f"{theirs / mine:.1f}" for mine, theirs in zip([one["cpu_s"], *costs], vpdq, strict=True) if mine]
        worst = f"{one['worst'][1]:.2f} {one['worst'][0]}"
        cells = [f"{cost:.3f}" if cost else "" for cost in (one["cpu_s"], *costs)]
        table.add_row(name, f"{one['mean']:.3f}", worst, str(len(one["false"])), *cells, " ".join(ratios))
    OUT.print(f"half {result['half']}: {result['queries']} queries; {result['clips']} long clips of {LONG_S:.0f} s")
    OUT.print(table)


def main(arguments: Iterable[str] | None = None) -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(
        prog="bench quick", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder with videos/ and images/")
    parser.add_argument("--half", choices=HALVES, default="report")
    parser.add_argument("--work", type=Path, default=WORK, help="queries, fingerprints and the peers' environment")
    parser.add_argument("--sample", type=int, default=4, help="queries of each edit")
    parser.add_argument("--long", type=int, default=3, help="long clips, each in two sizes")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(None if arguments is None else list(arguments))
    index = load(args.corpus, args.half, args.work)
    queries = sampled(index["queries"], args.sample)
    banks = banks_of(index, args.work)
    result = {"half": args.half, "queries": len(queries), "clips": args.long}
    result["short"] = short(index, queries, banks, args.work)
    result["long"] = long(args.corpus, args.long, banks, args.work)
    if args.json:
        OUT.print_json(json.dumps(result))
    else:
        show(result)


if __name__ == "__main__":
    main()
