"""The peers beside us: their own environment, their own fingerprints, their own natural scores.

Each peer gets the best threshold there is on these very negatives: the loosest without one false hit.
That flatters the peers, whose users have no such negatives; our own thresholds were chosen elsewhere.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from bench.attacks import encode
from bench.corpus import CONSOLE
from bench.match_score import Hit, Query, kind

HERE = Path(__file__).parent / "peers"
HEADERS = (
    "pkg-config", "cmake", "libavcodec-dev", "libavformat-dev", "libavdevice-dev", "libavutil-dev", "libswscale-dev",
    "libswresample-dev", "libavfilter-dev",
)  # fmt: skip
MATCH_BITS = 31  # of 256: what vpdq's documents call a match
Scores: TypeAlias = NDArray[np.float64]  # (queries, references), larger is surer


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A peer: its script, what its score is, and the threshold that its own documents name (None: none).

    words   64-bit words of a hash
    unit    of the score as people read it
    sign    -1 where the score shown is a distance
    """

    name: str
    script: str
    words: int
    unit: str
    sign: int
    documented: float | None = None


PEERS = (
    Peer(name="phash 64", script="imagehash_frames.py", words=1, unit="bits of 64, nearest frame pair", sign=-1),
    Peer(
        name="vpdq", script="vpdq_frames.py", words=4, unit="share of the query's frames within 31 bits", sign=1,
        documented=1e-9,
    ),
    # The same hashes as a user who tunes the bits would use them: the nearest frame pair alone.
    Peer(name="vpdq, own bits", script="vpdq_frames.py", words=4, unit="bits of 256, nearest frame pair", sign=-1),
    Peer(name="videohash", script="videohash_clip.py", words=1, unit="bits of 64", sign=-1, documented=-10.0),
)  # fmt: skip


def environment(work: Path) -> Path:
    """Return the Python of the peers' environment, made on the first call from the pinned lists.

    vpdq is built where it can be; as root, Debian's headers are fetched for it. Without it pdqhash comes.
    """
    folder = work / "peers-env"
    python, stamp = folder / "bin" / "python", folder / ".made-from"
    lists = [HERE / f"requirements{part}.txt" for part in ("", "-vpdq", "-pdqhash")]
    wanted = "\n".join(one.read_text(encoding="utf-8") for one in lists)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    CONSOLE.print(f"peers: making their environment in {folder}, once")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    _install(python, lists[0], check=True)
    if not _install(python, lists[1]) and not (_headers() and _install(python, lists[1])):
        CONSOLE.print("peers: vpdq does not build here; its rule is written out over pdqhash instead")
        _install(python, lists[2], check=True)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _install(python: Path, requirements: Path, *, check: bool = False) -> bool:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if check and done.returncode:
        raise SystemExit(f"peers: {requirements.name} does not install, run with --no-peers: {done.stderr[-800:]}")
    return done.returncode == 0


def _headers() -> bool:
    """Fetch what vpdq's build needs from Debian; False where that is not ours to do."""
    if os.geteuid() != 0 or not Path("/usr/bin/apt-get").exists():
        return False
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *HEADERS]):
        if subprocess.run(["/usr/bin/apt-get", *command], check=False, capture_output=True, env=quiet).returncode:
            return False
    return True


def still_clips(references: Iterable[Mapping[str, str]], work: Path) -> dict[str, Path]:
    """Return the file a peer gets for each reference: a still as a clip of 2 s, since videohash reads no stills."""
    folder = work / "peers-stills"
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for one in references:
        path = Path(one["path"])
        if one["kind"] == "image":
            path = folder / f"{path.stem}.mp4"
            if not path.exists():
                graph = "[0:v]scale=trunc(iw/2)*2:trunc(ih/2)*2,format=yuv420p[out]"
                encode(["-loop", "1", "-r", "5", "-t", "2", "-i", one["path"]], graph, ("-crf", "12"), path)
        files[one["name"]] = path
    return files


def fingerprints(peer: Peer, files: Sequence[Path], work: Path) -> dict[str, dict[str, Any]]:
    """Return each file's row as the peer's script prints it, from the cache where it is there."""
    python = environment(work)
    text = (HERE / peer.script).read_bytes()
    shelf = work / "peers" / f"{peer.script.removesuffix('.py')}-{hashlib.sha256(text).hexdigest()[:8]}.jsonl"
    shelf.parent.mkdir(exist_ok=True)
    known: dict[str, dict[str, Any]] = {}
    if shelf.exists():
        rows = (json.loads(line) for line in shelf.read_text(encoding="utf-8").splitlines())
        known = {row["file"]: row for row in rows}
    missing = [str(file) for file in files if str(file) not in known]
    if missing:
        with shelf.open("a", encoding="utf-8") as kept, Progress(console=CONSOLE) as progress:
            task = progress.add_task(peer.name, total=len(missing))
            for row in _run([str(python), "-W", "ignore", str(HERE / peer.script)], missing):
                kept.write(json.dumps(row) + "\n")
                kept.flush()  # whole lines: a run that is stopped, or another beside it, spoils none
                known[row["file"]] = row
                progress.advance(task)
    return known


def _run(command: list[str], files: list[str]) -> Iterable[dict[str, Any]]:
    """Feed a peer's script one file at a time, and read its answer before the next."""
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parent.parent)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=quiet
    ) as script:
        assert script.stdin is not None
        assert script.stdout is not None
        for file in files:
            script.stdin.write(file + "\n")
            script.stdin.flush()
            line = next((line for line in script.stdout if line.startswith('{"file"')), None)
            if line is None:
                raise SystemExit(f"{command[-1]}: ended at {file}; run it by hand to see why, or use --no-peers")
            yield json.loads(line)
        script.stdin.close()


def scores(peer: Peer, queries: Sequence[dict[str, Any]], references: Sequence[dict[str, Any]]) -> Scores:
    """Score every query against every reference; -inf where one of them has no hash."""
    table = np.full((len(queries), len(references)), -np.inf)
    known = [_words(row, peer.words) for row in references]
    filled = [number for number, hashes in enumerate(known) if len(hashes)]
    if not filled:
        return table
    flat = np.concatenate([known[number] for number in filled])
    starts = np.cumsum([0, *(len(known[number]) for number in filled)])[:-1]
    for row, query in enumerate(queries):
        hashes = _words(query, peer.words)
        if not len(hashes):
            continue
        bits = np.bitwise_count(hashes[:, None, :] ^ flat[None, :, :]).sum(axis=2, dtype=np.int64)
        nearest = np.minimum.reduceat(bits, starts, axis=1)  # (query frames, references)
        table[row, filled] = (nearest <= MATCH_BITS).mean(axis=0) if peer.sign > 0 else -nearest.min(axis=0)
    return table


def _words(row: dict[str, Any], words: int) -> NDArray[np.uint64]:
    hashes = [int(one, 16).to_bytes(8 * words, "big") for one in row.get("print", [])]
    return np.frombuffer(b"".join(hashes), ">u8").astype(np.uint64).reshape(len(hashes), words)


def best_threshold(
    peer: Peer, queries: Sequence[Query], names: Sequence[str], table: Scores, *, false_hits: int = 0
) -> float:
    """Return the score above which pairs count: the loosest with at most so many false pairs."""
    wrong = [
        table[row, column]
        for row, query in enumerate(queries)
        for column, name in enumerate(names)
        if table[row, column] > -np.inf and kind(query, name) == "false"
    ]
    worst = sorted(wrong, reverse=True)
    floor = float(worst[false_hits]) if len(worst) > false_hits else -np.inf
    return max(floor, 0.0) if peer.sign > 0 else floor  # a share of 0 is no hit at any threshold


def answers(queries: Sequence[Query], names: Sequence[str], table: Scores, above: float) -> dict[str, list[Hit]]:
    """Return as hits the pairs that score above a threshold."""
    return {
        query["file"]: [
            Hit(reference=names[int(column)], score=float(table[row, column]))
            for column in np.flatnonzero(table[row] > above)
        ]
        for row, query in enumerate(queries)
    }
