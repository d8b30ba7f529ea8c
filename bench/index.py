"""How fast hashes are found: `./run bench index [--sizes 0.1,1,10] [--full] [--work DIR] [--json]`.

Random 256-bit hashes, and 60 queries: 48 planted at known distances, 12 of nothing. Beside ours, in
turn and on the same cores, faiss: IndexBinaryFlat (exact) and IndexBinaryMultiHash (not exact), from
an environment of their own. Both search from a file that the page cache holds. A time is the median
of several; a ratio is theirs divided by ours, turn by turn, its median.
Random hashes show time and recall of planted pairs; what real pictures collide with they do not show.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from matchers.index import NUMPY_PAIRS, Index, Words
from matchers.index_file import IndexFile

HERE = Path(__file__).resolve().parent
CACHE = Path.home() / ".cache" / "clipwarden-bench"
RADII = (31, 64)  # the rule of thumb for 256 bits, and what phash here compares within
PLANTED, UNRELATED = 48, 12
THREADS = (1, 2)
REFERENCE_ROWS = 3600  # an hour at one frame a second
MULTI_MOST = 2_000_000  # at 10 million its tables take 2.7 GB of memory and minutes to build


class Peer:
    """The other process, asked one thing at a time."""

    def __init__(self, python: Path) -> None:
        command = [str(python), str(HERE / "peers_index.py")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, do: str, **values: str | int) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        if self._process.stdin is None or self._process.stdout is None:
            raise SystemExit("the peer has no pipes")
        self._process.stdin.write(json.dumps({"do": do, **values}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the peer ended while asked to {do}; its message is above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


@contextmanager
def peer(work: Path) -> Iterator[Peer]:
    """Start the peer in its environment, made once."""
    wanted, venv = HERE / "peers_index.txt", work / "peers_index"
    stamp, python = venv / "made-from.txt", venv / "bin" / "python"
    if not stamp.exists() or stamp.read_bytes() != wanted.read_bytes():
        print(f"bench: making the peers' environment in {venv}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "--only-binary", ":all:", "-r", str(wanted)], check=True)
        shutil.copyfile(wanted, stamp)
    started = Peer(python)
    try:
        yield started
    finally:
        started.close()


def plant(values: Words, radius: int, seed: int) -> tuple[Words, set[tuple[int, int]]]:
    """Make the queries, and the (query, row) pairs that must be found: at 0 to `radius` bits, evenly."""
    random = np.random.default_rng(seed)
    rows = random.choice(len(values), PLANTED, replace=False)
    queries = np.concatenate([values[rows], random.integers(0, 1 << 63, (UNRELATED, 4), dtype=np.uint64)])
    for query, distance in zip(queries, np.linspace(0, radius, PLANTED).astype(int), strict=False):
        for bit in random.choice(256, distance, replace=False).tolist():
            query[bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    return queries, set(enumerate(rows.tolist()))


def measure(size: int, other: Peer, folder: Path, *, multi: bool, repeats: int) -> list[dict[str, Any]]:
    """All figures of one size: a row for each radius and number of threads."""
    values = np.random.default_rng(size).integers(0, (1 << 64) - 1, (size, 4), dtype=np.uint64, endpoint=True)
    np.save(folder / "values.npy", values.view(np.uint8))
    started = time.perf_counter()
    Index(values)
    in_memory = time.perf_counter() - started
    ours: dict[str, Any] = build(values, folder) | {"build_in_memory_s": in_memory}
    rows = []
    for radius in RADII:
        queries, truth = plant(values, radius, size + radius)
        np.save(folder / "queries.npy", queries.view(np.uint8))
        other.ask("load", values=str(folder / "values.npy"), queries=str(folder / "queries.npy"))
        kinds = ["flat", "multi"] if multi else ["flat"]
        built = {kind: other.ask("build", kind=kind, folder=str(folder)) for kind in kinds}
        for threads in THREADS:
            found = race(folder / "ours", queries, truth, other, kinds, radius=radius, threads=threads, repeats=repeats)
            built_all = {"ours": ours, **built}
            rows.append(
                {"hashes": size, "radius": radius, "threads": threads}
                | {name: built_all[name] | found[name] for name in found}
            )
    (folder / "ours").unlink()
    return rows


def build(values: Words, folder: Path) -> dict[str, Any]:
    """Write our file, references of an hour each, in runs as a night's fingerprinting would."""
    run = max(REFERENCE_ROWS, len(values) // 20)
    started = time.perf_counter()
    file = IndexFile.create(folder / "ours", method="bench", version=1, words=4)
    for start in range(0, len(values), run):
        some = values[start : start + run]
        rows = np.arange(start, start + len(some))
        file.append((rows // REFERENCE_ROWS).astype(np.int32), (rows % REFERENCE_ROWS).astype(np.float64), some)
    built = time.perf_counter() - started
    started = time.perf_counter()
    IndexFile.open(folder / "ours").within(values[:1], 0)  # a mapping is no proof: every block is touched once
    ready = time.perf_counter() - started
    return {"build_s": built, "bytes": (folder / "ours").stat().st_size, "ready_s": ready}


def race(
    path: Path, queries: Words, truth: set[tuple[int, int]], other: Peer, kinds: Sequence[str], *,
    radius: int, threads: int, repeats: int,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Search in turn, so that a busy minute slows all; the first turn, which warms up, is not counted."""
    index = IndexFile.open(path)
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in ("ours", *kinds)}
    pairs: dict[str, set[tuple[int, int]]] = {}
    for turn in range(repeats + 1):
        answers = {"ours": ask_us(index, queries, radius, threads)}
        answers |= {kind: other.ask("search", kind=kind, radius=radius, threads=threads) for kind in kinds}
        for name, answer in answers.items():
            pairs[name] = {(query, row) for query, row in answer["pairs"]}
            if turn:
                turns[name].append(answer)
    if pairs["ours"] != pairs["flat"]:
        raise SystemExit(f"{len(pairs['ours'])} pairs, and faiss finds {len(pairs['flat'])}: one of them is wrong")
    return {
        name: figures(turns[name], turns["ours"]) | {"recall": len(truth & pairs[name]) / len(truth)} for name in turns
    }


def ask_us(index: IndexFile, queries: Words, radius: int, threads: int) -> dict[str, Any]:
    """Search as the peer does, and answer as it does."""
    started, busy = time.perf_counter(), time.process_time()
    found = index.within(queries, radius, threads=threads)
    spent, busy = time.perf_counter() - started, time.process_time() - busy
    pairs = list(zip(found[0].tolist(), found[1].tolist(), strict=True))
    return {"ms": 1000 * spent, "cpu_ms": 1000 * busy, "pairs": pairs}


def figures(turns: list[dict[str, Any]], ours: list[dict[str, Any]]) -> dict[str, float]:
    """Medians, of time on the clock and of processor time (which other work on the machine lengthens less)."""
    found = {}
    for unit, ratio in (("ms", "ratio"), ("cpu_ms", "cpu_ratio")):
        found[unit] = statistics.median(turn[unit] for turn in turns)
        found[ratio] = statistics.median(a[unit] / b[unit] for a, b in zip(turns, ours, strict=True))
    return found


def show(rows: Sequence[dict[str, Any]]) -> None:
    """Print one line for each index."""
    names = "hashes", "bits", "threads", "index", "build s", "B a hash", "ready ms"
    heads = (*names, "60 queries ms", "x ours", "CPU ms", "x ours", "recall")
    table = Table(*heads, box=None)
    for row in rows:
        for name in ("ours", "flat", "multi"):
            if name not in row:
                continue
            one = row[name]
            size = one["bytes"] / row["hashes"]
            cells = [f"{one['build_s']:.2f}", f"{size:.1f}", f"{1000 * one['ready_s']:.1f}", f"{one['ms']:.2f}"]
            label = name if name == "ours" else f"faiss {name}"
            start = [f"{row['hashes']:,}", str(row["radius"]), str(row["threads"]), label]
            cells += [f"{one['ratio']:.1f}", f"{one['cpu_ms']:.2f}", f"{one['cpu_ratio']:.1f}", f"{one['recall']:.3f}"]
            table.add_row(*start, *cells)
    Console(width=130).print(table)


def main() -> None:
    """Run the bench and print its figures."""
    parser = argparse.ArgumentParser(prog="bench index")
    parser.add_argument("--sizes", default="0.1,1,10", help="millions of hashes")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--full", action="store_true", help="the multi-index at every size: 2.7 GB at 10 million")
    parser.add_argument("--work", type=Path, default=CACHE, help="where the peers' environment is kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    # More than is counted in numpy: loads the compiled scan before anything is timed.
    Index(np.zeros((NUMPY_PAIRS >> 8, 1), np.uint64)).capped(np.zeros((512, 1), np.uint64), 0, most=1)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.work) as name, peer(options.work) as other:
        for millions in options.sizes.split(","):
            size = int(float(millions) * 1_000_000)
            multi = options.full or size <= MULTI_MOST
            rows += measure(size, other, Path(name), multi=multi, repeats=options.repeats)
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        show(rows)


if __name__ == "__main__":
    main()
