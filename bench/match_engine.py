"""Our own engine in the bench: the project's methods, at the project's own thresholds.

Fingerprints are kept in the work folder by file, method and version, since tuning looks everything up
dozens of times. Never chooses a threshold.
"""

import pickle
import resource
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeAlias

from rich.progress import track

from bench.corpus import CONSOLE
from bench.match_score import Hit, Part
from core.errors import ClipwardenError
from core.records import Basis, Fingerprint, Match
from matchers.frames import read
from matchers.method import RUN_FRAMES, Method, Sense, methods

Prints: TypeAlias = dict[str, dict[str, list[Fingerprint]]]  # method -> file -> its fingerprints


@dataclass(slots=True, kw_only=True)
class Costs:
    """Processor seconds by file: `decode` under that name, and each method under its own."""

    cpu_s: dict[str, dict[str, float]] = field(default_factory=dict)
    peak_mb: int = 0

    def add(self, name: str, file: str, cpu_s: float) -> None:
        """Note what one file cost."""
        self.cpu_s.setdefault(name, {})[file] = cpu_s


def chosen(names: Iterable[str] | None) -> dict[str, Method]:
    """Return the methods that look at frames and prove a copy, or those named.

    raises  SystemExit naming the methods there are
    """
    known = {name: one for name, one in methods().items() if one.sense is Sense.FRAMES}
    if names is None:
        return {name: one for name, one in known.items() if one.basis is Basis.COPY}
    if missing := set(names) - set(known):
        raise SystemExit(f"method {', '.join(sorted(missing))}: not here; there are {', '.join(known)}")
    return {name: known[name] for name in names}


def fingerprints(
    files: Iterable[Path], wanted: Mapping[str, Method], work: Path, *, fresh: bool, workers: int
) -> tuple[Prints, Costs]:
    """Fingerprint files by every wanted method, from the cache where it can.

    fresh   forget what is cached of these files and methods first
    """
    prints: Prints = {name: {} for name in wanted}
    costs, jobs = Costs(), []
    for file in files:
        missing = []
        for name, method in wanted.items():
            kept = None if fresh else _kept(_shelf(work, method, file), file)
            if kept is None:
                missing.append(name)
            else:
                _note(prints, costs, name, file, kept)
        if missing:
            jobs.append((file, tuple(missing)))
    for (file, names), (found, peak_mb) in zip(jobs, _all(jobs, workers), strict=True):
        costs.peak_mb = max(costs.peak_mb, peak_mb)
        for name in names:
            shelf = _shelf(work, wanted[name], file)
            shelf.parent.mkdir(parents=True, exist_ok=True)
            shelf.write_bytes(pickle.dumps({**found[name], "stamp": _stamp(file), "peak_mb": peak_mb}))
            _note(prints, costs, name, file, found[name])
    return prints, costs


def _note(prints: Prints, costs: Costs, name: str, file: Path, kept: Mapping[str, Any]) -> None:
    prints[name][str(file)] = kept["prints"]
    costs.add(name, str(file), kept["cpu_s"])
    costs.add("decode", str(file), kept["decode_s"])
    costs.peak_mb = max(costs.peak_mb, kept.get("peak_mb", 0))


def _all(jobs: list[tuple[Path, tuple[str, ...]]], workers: int) -> Iterable[tuple[dict[str, Any], int]]:
    """Fingerprint what is missing, in this process or in some others, in order."""
    if not jobs:
        return
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn")) if workers > 1 else nullcontext()
    with pool as running:
        done = map(one_file, jobs) if running is None else running.map(one_file, jobs, chunksize=4)
        yield from track(done, "fingerprints", len(jobs), console=CONSOLE)


def one_file(job: tuple[Path, tuple[str, ...]]) -> tuple[dict[str, Any], int]:
    """Decode a file once for several methods, as app/fingerprinting.py does, with a clock.

    returns     method -> prints, cpu_s, decode_s; and this process's peak memory so far in MB
    """
    file, names = job
    known = methods()
    found: dict[str, dict[str, Any]] = {name: {"prints": [], "cpu_s": 0.0, "decode_s": 0.0} for name in names}
    decode_s = 0.0
    try:
        started = time.process_time()
        frames = read(file).frames
        while run := list(islice(frames, RUN_FRAMES)):
            decode_s += time.process_time() - started
            for name in names:
                started = time.process_time()
                found[name]["prints"] += known[name].fingerprint(run)
                found[name]["cpu_s"] += time.process_time() - started
            started = time.process_time()
        decode_s += time.process_time() - started
    except ClipwardenError as error:
        CONSOLE.print(f"{file.name}: {error}")
    for one in found.values():
        one["decode_s"] = decode_s
    return found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _shelf(work: Path, method: Method, file: Path) -> Path:
    return work / "prints" / f"{method.name}-{method.version}" / f"{file.parent.name}--{file.name}.pickle"


def _stamp(file: Path) -> tuple[int, int]:
    seen = file.stat()
    return seen.st_size, seen.st_mtime_ns


def _kept(shelf: Path, file: Path) -> dict[str, Any] | None:
    """Read what is cached; None where the file has changed since, or the records have."""
    try:
        kept: dict[str, Any] = pickle.loads(shelf.read_bytes())  # noqa: S301  (written by this bench alone)
    except (OSError, pickle.UnpicklingError, AttributeError, TypeError, ImportError, EOFError):
        return None
    return kept if kept["stamp"] == _stamp(file) else None


def accepted(match: Match) -> bool:
    """Say whether the product would show this match: it keeps every match that a bank returns."""
    return bool(match.segments)


def look_up(
    method: Method, references: Iterable[tuple[str, list[Fingerprint]]], queries: Mapping[str, list[Fingerprint]]
) -> tuple[dict[str, list[Hit]], dict[str, float]]:
    """Search every query by one method.

    returns     query -> hits, and the cost: bank_cpu_s, search_cpu_s a query, fingerprints in the bank
    """
    started = time.process_time()
    bank = method.bank(method, list(references))
    built = time.process_time()
    answers = {}
    for file in track(queries, f"search: {method.name}", console=CONSOLE):
        answers[file] = [_hit(match) for match in bank.compare(file, queries[file]) if accepted(match)]
    ended = time.process_time()
    return answers, {
        "bank_cpu_s": round(built - started, 3),
        "search_cpu_s": round((ended - built) / max(1, len(queries)), 5),
        "bank_size": len(bank),
    }


def _hit(match: Match) -> Hit:
    parts = tuple(
        Part(
            query=(one.query_start_s, one.query_end_s),
            reference=(one.reference_start_s, one.reference_end_s),
            speed=one.speed,
            mirrored=one.mirrored,
            pairs=one.pairs,
            speed_known=one.speed_known,
        )
        for one in match.segments
    )
    return Hit(reference=match.reference, score=match.probability, method=match.method, parts=parts)


def _frames(parts: tuple[Part, ...]) -> int:
    return sum(part.pairs for part in parts)


def united(by_method: Mapping[str, Mapping[str, list[Hit]]]) -> dict[str, list[Hit]]:
    """Return the whole engine's answers: for each reference the surest method's hit, with the finest seconds.

    Times are taken from the method that saw most frames, of equals the surer: one a second cannot say more than the
    second.
    """
    best: dict[str, dict[str, Hit]] = {}
    finest: dict[tuple[str, str], Hit] = {}
    for answers in by_method.values():
        for file, hits in answers.items():
            mine = best.setdefault(file, {})
            for hit in hits:
                known, finer = mine.get(hit.reference, hit), finest.get((file, hit.reference), hit)
                finest[file, hit.reference] = max(finer, hit, key=lambda one: (_frames(one.parts), one.score))
                surer = hit if hit.score > known.score else known
                mine[hit.reference] = replace(surer, parts=finest[file, hit.reference].parts)
    return {file: sorted(hits.values(), key=lambda hit: -hit.score) for file, hits in best.items()}
