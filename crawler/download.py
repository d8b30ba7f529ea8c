"""Download what posts carry: yt-dlp in processes that can be killed, outcomes as they come.

Never writes the ledger or the blobs: the caller, the one writer, moves each file before it asks for the next outcome.
"""

import multiprocessing
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing.context import BaseContext
from pathlib import Path

from pebble import ProcessExpired, ProcessPool

from crawler.download_worker import Limits, fetch, prepare
from crawler.egress import Allowed
from crawler.outcomes import ErrorClass, Got, Job, Outcome, Refused, best_already, refused

__all__ = [
    "DownloadSettings",
    "ErrorClass",
    "Got",
    "Job",
    "Outcome",
    "Refused",
    "best_already",
    "download",
    "sweep",
]

PREFIX = "attempt-"
TASKS_A_WORKER = 500  # then a fresh one, so that what leaks in a month of yt-dlp leaks for minutes
WAITING_A_WORKER = 2  # one runs, one waits: a worker is never idle and an endless iterator is never read ahead
MOST_BROKEN_POOLS = 3  # in a row without one outcome: then it is us, not the clips


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadSettings:
    """How to download.

    attempts        folder for unfinished files, on the same file system as the blobs; it may vanish at any time
    allowed_hosts   see egress.Allowed.of: they alone may stand at a private address
    max_seconds     for one attachment, all its renditions together
    memory_bytes    address space of one worker; it starts with 0.2 GB
    user_agent      None: yt-dlp's own
    proxy, ca_file  see egress_proxy.guard_process
    """

    attempts: Path
    workers: int = 2
    allowed_hosts: frozenset[str] = field(default_factory=frozenset)
    max_file_bytes: int = 512 * 1024**2
    max_seconds: float = 180.0
    min_free_bytes: int = 2 * 1024**3
    memory_bytes: int = 2 * 1024**3
    socket_timeout_s: float = 20.0
    least_height_px: int = 240
    user_agent: str | None = None
    proxy: str = ""
    ca_file: str = ""


def download(jobs: Iterable[Job], *, settings: DownloadSettings) -> Iterator[Outcome]:
    """Run the jobs and yield each outcome as it comes, in any order, one for each job.

    A Got's file is the caller's until it asks for the next outcome; then its folder is deleted. Closing the iterator
    (or Ctrl-C) kills what runs and deletes its folders; those jobs have no outcome.

    raises  ValueError when an allowed host cannot be read, RuntimeError when workers cannot be started at all
    """
    Allowed.of(settings.allowed_hosts)
    settings.attempts.mkdir(parents=True, exist_ok=True)
    crew = _Crew(settings)
    queue = iter(jobs)
    try:
        while crew.fill(queue):
            yield from crew.finished()
    finally:
        crew.dismiss()


def sweep(attempts: Path) -> int:
    """Delete what attempts of a dead process left behind; links are removed, not followed. Returns how many."""
    if not attempts.is_dir():
        return 0
    dead = [entry for entry in attempts.iterdir() if entry.name.startswith(PREFIX)]
    for entry in dead:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return len(dead)


class _Crew:
    """The pool and what it has in hand."""

    def __init__(self, settings: DownloadSettings) -> None:
        self.settings = settings
        self.limits = Limits(
            max_file_bytes=settings.max_file_bytes,
            max_seconds=settings.max_seconds,
            min_free_bytes=settings.min_free_bytes,
            memory_bytes=settings.memory_bytes,
            socket_timeout_s=settings.socket_timeout_s,
            least_height_px=settings.least_height_px,
            user_agent=settings.user_agent,
            proxy=settings.proxy,
            ca_file=settings.ca_file,
        )
        self.running: dict[Future[Outcome], tuple[Job, Path]] = {}
        self.broken = 0
        self.pool = self._pool()

    def _pool(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self.settings.workers,
            max_tasks=TASKS_A_WORKER,
            initializer=prepare,
            initargs=(self.settings.allowed_hosts, self.limits),
            context=_forkserver(),
        )

    def fill(self, queue: Iterator[Job]) -> bool:
        """Put work in every free hand; False when none is left."""
        room = self.settings.workers * WAITING_A_WORKER - len(self.running)
        for job in islice(queue, room):
            self.start(job)
        return bool(self.running)

    def start(self, job: Job) -> None:
        """Give one job to the pool, with a folder of its own."""
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self.settings.attempts)).absolute()
        future: Future[Outcome]
        try:
            future = self.pool.schedule(fetch, args=(job, str(folder), self.limits), timeout=self.settings.max_seconds)
        except RuntimeError:  # the pool broke since the last outcome; `finished` sees it as one more broken future
            future = Future()
            future.set_exception(BrokenProcessPool())
        self.running[future] = (job, folder)

    def finished(self) -> Iterator[Outcome]:
        """Wait for the next outcomes and yield them, each with its folder still there."""
        done, _ = wait(self.running, return_when=FIRST_COMPLETED)
        if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
            self.start_again()
            return
        self.broken = 0
        for future in done:
            job, folder = self.running[future]
            yield _outcome(future, job, self.settings)
            del self.running[future]
            shutil.rmtree(folder, ignore_errors=True)

    def start_again(self) -> None:
        """Make a new pool and give it what the old one dropped; pebble breaks when an idle worker is killed.

        raises  RuntimeError when that happens again and again
        """
        self.broken += 1
        if self.broken > MOST_BROKEN_POOLS:
            raise RuntimeError(f"{self.broken} pools of download workers died without one outcome; see stderr for why")
        dropped = [job for job, _ in self.running.values()]
        self.dismiss()
        self.pool = self._pool()
        for job in dropped:
            self.start(job)

    def dismiss(self) -> None:
        """Kill the workers and delete their folders."""
        self.pool.stop()  # type: ignore[no-untyped-call]
        self.pool.join()
        for _, folder in self.running.values():
            shutil.rmtree(folder, ignore_errors=True)
        self.running.clear()


def _outcome(future: "Future[Outcome]", job: Job, settings: DownloadSettings) -> Outcome:
    """Read one future; a worker that was killed or died is an outcome too."""
    try:
        return future.result()
    except TimeoutError:
        return refused(
            job, ErrorClass.TOO_SLOW, f"not finished after {settings.max_seconds:g} s; the worker was killed"
        )
    except ProcessExpired as death:
        return refused(job, ErrorClass.TEMPORARY, f"the worker died (exit code {death.exitcode}) during the download")


def _forkserver() -> BaseContext:
    """The context whose server has yt-dlp and PyAV imported once; each worker is a fork of that, not of us."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["crawler.download_worker"])
    return context
