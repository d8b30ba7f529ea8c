"""Work on hostile files in processes that can be killed, with a memory limit, results as they come.

What a worker returns is small and plain; it never opens the ledger.
"""

import multiprocessing
import os
import resource
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

from core.errors import ClipwardenError, MediaUnreadable

# One thread each, before any worker loads a numeric library: OpenBLAS starts its threads at the first product
# of matrices, and where the memory limit forbids it that, it waits for them for ever.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

A = TypeVar("A")
R = TypeVar("R")
WAITING_A_WORKER = 2  # one at work, one in hand; a long list is never read ahead
MOST_TASKS = 500  # then a fresh process: decoders leak


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What one piece of work may take, and how many go on at once."""

    workers: int
    max_seconds: float
    memory_bytes: int


def each(work: Callable[[A], R], items: Iterable[A], guard: Guard) -> Iterator[tuple[A, R | ClipwardenError]]:
    """Run `work` on every item; yield (item, result or why there is none) in any order.

    Closing the iterator, or Ctrl-C, kills what is running.
    """
    pool = _pool(guard)
    queue, running = iter(items), dict[Future[Any], A]()
    try:
        while True:
            for item in islice(queue, guard.workers * WAITING_A_WORKER - len(running)):
                running[pool.schedule(work, args=(item,), timeout=guard.max_seconds)] = item
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), _result(future, guard)
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


class Workers:
    """Workers that stay, for work that comes one piece at a time: a fresh one takes seconds to load its libraries.

    May be asked by many threads; what finds all workers busy waits for one.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard, self._workers = guard, _pool(guard)

    def do(self, work: Callable[[A], R], item: A) -> R | ClipwardenError:
        """Run `work` on an item; its result, or why there is none."""
        found: R | ClipwardenError = _result(
            self._workers.schedule(work, args=(item,), timeout=self._guard.max_seconds), self._guard
        )
        return found

    def close(self) -> None:
        """Kill what is running, and all workers."""
        self._workers.stop()  # type: ignore[no-untyped-call]  # pebble has no types
        self._workers.join()


def _pool(guard: Guard) -> ProcessPool:
    return ProcessPool(
        max_workers=guard.workers,
        max_tasks=MOST_TASKS,
        initializer=_confine,
        initargs=(guard.memory_bytes,),
        context=multiprocessing.get_context("forkserver"),
    )


def _result(future: Future[Any], guard: Guard) -> Any:  # noqa: ANN401 - whatever the work returns
    try:
        return future.result()
    except TimeoutError:
        return MediaUnreadable(
            f"not done after {guard.max_seconds:g} s; the worker was killed. Raise match.max_seconds"
        )
    except ProcessExpired as death:
        return MediaUnreadable(f"the decoder crashed (exit code {death.exitcode}); the file is damaged or hostile")
    except MemoryError:
        return MediaUnreadable(f"needs more than {guard.memory_bytes >> 20} MiB to decode. Raise match.memory_mib")
    except ClipwardenError as error:
        return error
    except Exception as error:  # noqa: BLE001 - hostile files find what nobody thought of; the other files go on
        return MediaUnreadable(f"the decoder raised {type(error).__name__}: {error}; keep the file and report it")


def _confine(memory_bytes: int) -> None:
    """Limit this process: memory, no new files of any size, less of the processor than the desk."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        os.nice(5)
