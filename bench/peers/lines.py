"""What the peer scripts share: files in on stdin, one JSON line a file on stdout, with what it cost.

Runs in the peers' environment: standard library only.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def cpu_s() -> float:
    """Processor seconds of this process and of the children it waited for."""
    return sum(
        use.ru_utime + use.ru_stime
        for use in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def peak_mb() -> int:
    """Peak memory of this process or of its largest child.

    Of this process by /proc where there is one: Linux's ru_maxrss starts at what the parent held.
    """
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        own = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), own)
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) // 1024


def serve(how: str, fingerprint: Callable[[str], Any]) -> None:
    """Answer each line of stdin, a path, with its fingerprint, or with the error that it raised."""
    for line in sys.stdin:
        file = line.rstrip("\n")
        started, at = cpu_s(), time.perf_counter()
        row: dict[str, Any] = {"file": file, "how": how}
        try:
            row["print"] = fingerprint(file)
        except Exception as error:  # noqa: BLE001  (a peer's crash on one file is a result, not our failure)
            row["error"] = f"{type(error).__name__}: {error}"[:300]
        row |= {"cpu_s": round(cpu_s() - started, 4), "wall_s": round(time.perf_counter() - at, 4)}
        row["peak_mb"] = peak_mb()
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()
