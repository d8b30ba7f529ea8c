"""How many copies are found of an attacker's kit, and how many strangers are called copies.

    ./run bench match --corpus DIR [--half tune|report] [--methods a,b] [--sample N] [--library N] [--json]

DIR holds videos/ and images/; bench/corpus.py says how it is split and what is made of it. Ours is
measured at the product's own thresholds; each peer at its best, which this bench looks up for it.
Never tunes anything of ours.
"""

import argparse
import json
import resource
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bench import match_engine, match_library, match_peers
from bench.corpus import CONSOLE, HALVES, WORK, load
from bench.match_engine import Costs, Prints
from bench.match_peers import PEERS
from bench.match_score import Query, Tally, tally
from bench.match_show import show
from matchers.method import Method


def sampled(queries: Sequence[Query], number: int | None) -> list[Query]:
    """Return at most so many queries of each edit in each group, spread over the clips; None: all."""
    if number is None:
        return list(queries)
    by_edit: dict[tuple[str, str], list[Query]] = {}
    for query in queries:
        by_edit.setdefault((query["group"], query["edit"]), []).append(query)
    picked = []
    for turn, rows in enumerate(by_edit.values()):
        step = max(1, len(rows) // number)
        picked += [rows[(turn + step * place) % len(rows)] for place in range(min(number, len(rows)))]
    return picked


def described(result: Tally) -> dict[str, Any]:
    """Return a tally as plain values."""
    return {**asdict(result), "mean": round(result.mean, 4), "worst": list(result.worst)}


def ours(
    index: Mapping[str, Any], queries: Sequence[Query], wanted: Mapping[str, Method], args: argparse.Namespace
) -> dict[str, Any]:
    """Measure our engine: whole, and method by method."""
    references = {one["name"]: Path(one["path"]) for one in index["references"]}
    files = [*references.values(), *(Path(query["file"]) for query in queries)]
    prints, costs = match_engine.fingerprints(files, wanted, args.work, fresh=args.fresh, workers=args.workers)
    by_method, searches = {}, {}
    for name, method in wanted.items():
        known = [(one, prints[name][str(path)]) for one, path in references.items()]
        by_method[name], searches[name] = match_engine.look_up(method, known, _prints(prints, name, queries))
    result: dict[str, Any] = {"engines": {}, "searches": searches}
    if len(by_method) != 1:
        result["engines"]["ours"] = described(tally(queries, match_engine.united(by_method)))
    result["engines"] |= {name: described(tally(queries, answers)) for name, answers in by_method.items()}
    result["costs"] = _costs(costs, queries)
    result["versions"] = {name: method.version for name, method in wanted.items()}
    result["thresholds"] = {
        name: f"the product's own: {method.threshold} {method.unit}" for name, method in wanted.items()
    }
    if args.library:
        result["library"] = _with_library(index, queries, wanted, prints, args)
    return result


def _prints(prints: Prints, name: str, queries: Sequence[Query]) -> dict[str, Any]:
    return {query["file"]: prints[name][query["file"]] for query in queries}


def _costs(costs: Costs, queries: Sequence[Query]) -> dict[str, Any]:
    """Processor seconds of a query clip: mean of decoding and of each method, as measured when it was made."""
    files = {query["file"] for query in queries}
    mean = {
        name: round(float(np.mean([cpu_s for file, cpu_s in by_file.items() if file in files])), 4)
        for name, by_file in costs.cpu_s.items()
    }
    return {"cpu_s": mean, "fingerprint_peak_mb": costs.peak_mb, "bench_peak_mb": _peak_mb()}


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _with_library(
    index: Mapping[str, Any],
    queries: Sequence[Query],
    wanted: Mapping[str, Method],
    prints: Prints,
    args: argparse.Namespace,
) -> dict[str, Any]:
    """Search once more with a catalogue around the references."""
    found = match_library.sources(index)
    by_method, searches = {}, {}
    for name, method in wanted.items():
        known = [(one["name"], prints[name][one["path"]]) for one in index["references"]]
        known += match_library.library(method, args.half, args.library, found, args.work, fresh=args.fresh)
        by_method[name], searches[name] = match_engine.look_up(method, known, _prints(prints, name, queries))
    engines = {name: described(tally(queries, answers)) for name, answers in by_method.items()}
    if len(by_method) != 1:
        engines["ours"] = described(tally(queries, match_engine.united(by_method)))
    return {"frames": args.library, "searches": searches, "engines": engines}


def peers(index: Mapping[str, Any], queries: Sequence[Query], work: Path, false_hits: int) -> dict[str, Any]:
    """Measure every peer, each at its best threshold, at its documented one, and at as many false hits as ours."""
    files = match_peers.still_clips(index["references"], work)
    names = list(files)
    result: dict[str, Any] = {"engines": {}, "costs": {}, "thresholds": {}, "documented": {}, "as_false_as_ours": {}}
    for peer in PEERS:
        rows = match_peers.fingerprints(peer, [*files.values(), *(Path(query["file"]) for query in queries)], work)
        mine = [rows[query["file"]] for query in queries]
        table = match_peers.scores(peer, mine, [rows[str(file)] for file in files.values()])
        above = match_peers.best_threshold(peer, queries, names, table)
        result["engines"][peer.name] = described(tally(queries, match_peers.answers(queries, names, table, above)))
        word = "more" if peer.sign > 0 else "fewer"
        result["thresholds"][peer.name] = f"its best, no false hit: {word} than {above * peer.sign:g} {peer.unit}"
        if peer.documented is not None:
            least = np.nextafter(peer.documented, -np.inf)
            told = tally(queries, match_peers.answers(queries, names, table, float(least)))
            result["documented"][peer.name] = described(told)
        if false_hits:
            loose = match_peers.best_threshold(peer, queries, names, table, false_hits=false_hits)
            told = tally(queries, match_peers.answers(queries, names, table, loose))
            result["as_false_as_ours"][peer.name] = {"mean": round(told.mean, 4), "false": len(told.false)}
        result["costs"][peer.name] = {
            "how": mine[0]["how"] if mine else "",
            "cpu_s": round(float(np.mean([row["cpu_s"] for row in mine])), 4),
            "peak_mb": max(row["peak_mb"] for row in mine),
            "errors": sum("error" in row for row in mine),
            "without_hash": sum(not row.get("print") for row in mine),
        }
    return result


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run what was asked for and return everything as plain values."""
    index = load(args.corpus, args.half, args.work)
    queries = sampled(index["queries"], args.sample)
    wanted = match_engine.chosen(args.methods.split(",") if args.methods else None)
    result: dict[str, Any] = {
        "half": args.half,
        "sample": args.sample,
        "references": len(index["references"]),
        "queries": dict(Counter(query["group"] for query in queries)),
        "false_pairs_of": len(queries) * len(index["references"]),
        "ours": ours(index, queries, wanted, args),
    }
    if args.peers:
        first: dict[str, Any] = next(iter(result["ours"]["engines"].values()), {"false": []})
        result["peers"] = peers(index, queries, args.work, len(first["false"]))
    return result


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(
        prog="bench match", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder with videos/ and images/")
    parser.add_argument("--half", choices=HALVES, default="report")
    parser.add_argument("--work", type=Path, default=WORK, help="queries, fingerprints and the peers' environment")
    parser.add_argument("--methods", help="names, with commas between; default: all that look at frames and prove")
    parser.add_argument("--sample", type=int, help="at most so many queries of each edit")
    parser.add_argument("--library", type=int, default=0, help="frames of a catalogue around the references")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--fresh", action="store_true", help="fingerprint anew what is cached of our methods")
    parser.add_argument("--workers", type=int, default=1, help="processes that fingerprint")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    result = measure(args)
    (args.work / f"match-{args.half}.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    if args.json:
        print(json.dumps(result, indent=1))
    else:
        show(result)
        CONSOLE.print(f"everything: {args.work / f'match-{args.half}.json'}")


if __name__ == "__main__":
    main()
