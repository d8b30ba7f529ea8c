"""faiss, as bench/index.py asks for it: one JSON request a line, one JSON answer a line.

Runs in an environment of its own (peers_index.txt), and imports nothing of clipwarden.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import faiss  # type: ignore[import-not-found]  # not in the project's environment
import numpy as np

KINDS = {
    "flat": faiss.IndexBinaryFlat,
    "multi": lambda bits: faiss.IndexBinaryMultiHash(bits, 16, 16),  # 16 tables of 16 bits, no flips
}


class Peers:
    """The values to search, and the indexes made of them."""

    def __init__(self) -> None:
        self.values = self.queries = np.empty((0, 32), np.uint8)
        self.made: dict[str, Any] = {}

    def load(self, values: str, queries: str) -> dict[str, Any]:
        """Map the values, (n, bytes) uint8; forget former indexes."""
        self.made.clear()
        self.values, self.queries = np.load(values, mmap_mode="r"), np.load(queries)
        return {"faiss": faiss.__version__}

    def build(self, kind: str, folder: str) -> dict[str, Any]:
        """Build on one thread, write, and read again as a process that starts would."""
        faiss.omp_set_num_threads(1)
        path = Path(folder) / f"{kind}.faiss"
        started = time.perf_counter()
        made = KINDS[kind](8 * self.values.shape[1])
        made.add(np.ascontiguousarray(self.values))
        faiss.write_index_binary(made, str(path))
        built, size = time.perf_counter() - started, path.stat().st_size
        del made
        started = time.perf_counter()
        self.made[kind] = faiss.read_index_binary(str(path))
        ready = time.perf_counter() - started
        path.unlink()
        return {"build_s": built, "bytes": size, "ready_s": ready}

    def search(self, kind: str, radius: int, threads: int) -> dict[str, Any]:
        """Find all within a radius; faiss leaves out what is exactly as far."""
        faiss.omp_set_num_threads(threads)
        started, busy = time.perf_counter(), time.process_time()
        limits, _, rows = self.made[kind].range_search(self.queries, radius + 1)
        spent, busy = time.perf_counter() - started, time.process_time() - busy
        numbers = np.repeat(np.arange(len(self.queries)), np.diff(limits.astype(np.int64)))
        pairs = sorted(set(zip(numbers.tolist(), rows.tolist(), strict=True)))
        return {"ms": 1000 * spent, "cpu_ms": 1000 * busy, "pairs": pairs}


def main() -> None:
    """Answer until there are no more requests."""
    peers = Peers()
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(peers, request.pop("do"))(**request)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
