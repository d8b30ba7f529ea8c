"""Make the demo's files: references and media, once; a later call with the same code changes nothing.

They are made beside their place and moved in whole: a kill on the way leaves no half set that counts.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
from filelock import FileLock

from app.demo.clips import cut_trailer, edit, shoot, shrink
from app.demo.plan import on_peertube
from app.demo.recipes import RECIPES, TRAILERS
from app.demo.scenes import SCENES

Job: TypeAlias = tuple[Callable[[Path, str], None], str]

DRAWING = (
    "art",
    "camera.py",
    "clips.py",
    "edits.py",
    "make.py",
    "plan.tsv",
    "recipes.py",
    "reel.py",
    "scenes.py",
)  # what decides the files
STAMP = "stamp"


def make(folder: Path, progress: Callable[[int, int], None]) -> None:
    """Have references/ and media/ under `folder`. `progress` hears (done, total) as files are made.

    raises  OSError when the folder cannot be written
    """
    stamp = _stamp()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if _finished(folder, stamp):
            progress(1, 1)
            return
        for left in folder.parent.glob(f".{folder.name}.making-*"):
            shutil.rmtree(left)
        making = folder.with_name(f".{folder.name}.making-{os.getpid()}")
        for part in ("references", "media", "shots"):
            (making / part).mkdir(parents=True)
        _work(making, progress)
        shutil.rmtree(making / "shots")
        (making / STAMP).write_text(stamp, encoding="utf-8")
        _replace(folder, making)


def _finished(folder: Path, stamp: str) -> bool:
    path = folder / STAMP
    return path.is_file() and path.read_text(encoding="utf-8") == stamp


def _replace(folder: Path, made: Path) -> None:
    # The stamp goes first: an old set that is half deleted must not look finished.
    (folder / STAMP).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    made.rename(folder)


def _work(folder: Path, progress: Callable[[int, int], None]) -> None:
    """Four waves, each made from the one before."""
    waves: list[list[Job]] = [
        [(shoot, name) for name in SCENES],
        [(cut_trailer, name) for name in TRAILERS],
        [(edit, name) for name in RECIPES],
        [(shrink, name) for name in sorted(on_peertube())],
    ]
    total, done = sum(map(len, waves)), 0
    # forkserver: a fork of a process with threads may hang, and the tests' and the command line's have some.
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=get_context("forkserver")) as pool:
        for wave in waves:
            for _ in _finishing(pool, folder, wave):
                done += 1
                progress(done, total)


def _finishing(pool: ProcessPoolExecutor, folder: Path, jobs: Iterable[Job]) -> Iterable[None]:
    """Run jobs, yielding as each ends; the first error is raised and what has not begun is dropped."""
    futures = [pool.submit(work, folder, name) for work, name in jobs]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _stamp() -> str:
    """A hash of the code that decides the files, and of the libraries whose pixels they hold."""
    here = Path(__file__).parent
    paths = [path for name in DRAWING for path in ((here / name).glob("*.py") if name == "art" else [here / name])]
    digest = hashlib.sha256(f"{av.__version__} {np.__version__}".encode())
    for path in sorted(paths):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
