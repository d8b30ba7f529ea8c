"""Progress on long work: a bar on a terminal, a plain line now and then elsewhere.

Goes to standard error, so that standard output stays what was asked for.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

ERR = Console(stderr=True, highlight=False)
PLAIN_EVERY_S = 10.0


class Track:
    """One piece of long work. `total` may grow while it goes on."""

    def __init__(self, name: str, total: int | None) -> None:
        self.name, self.total, self.done, self.note = name, total, 0, ""

    def to(self, done: int, *, total: int | None = None, note: str = "") -> None:
        """Say how far it is."""
        self.done, self.note = done, note or self.note
        self.total = total if total is not None else self.total
        self.show()

    def step(self, note: str = "") -> None:
        """One more is done."""
        self.to(self.done + 1, note=note)

    def show(self) -> None:
        """Draw it; the forms below know how."""


class _Bar(Track):
    """A bar that redraws itself."""

    def __init__(self, name: str, total: int | None, progress: Progress) -> None:
        super().__init__(name, total)
        self.progress, self.task = progress, progress.add_task(name, total=total, note="")

    def show(self) -> None:
        """Redraw."""
        self.progress.update(self.task, completed=self.done, total=self.total, note=self.note)


class _Lines(Track):
    """A plain line every ten seconds, and one at the end."""

    def __init__(self, name: str, total: int | None) -> None:
        super().__init__(name, total)
        self.said_at = time.monotonic()

    def show(self) -> None:
        """Say it, unless it was said a moment ago."""
        if time.monotonic() - self.said_at >= PLAIN_EVERY_S:
            self.said_at = time.monotonic()
            self.say()

    def say(self) -> None:
        """Write one line of how far it is."""
        total = f" of {self.total}" if self.total is not None else ""
        sys.stderr.write(f"{self.name}: {self.done}{total}{', ' + self.note if self.note else ''}\n")
        sys.stderr.flush()


@contextmanager
def track(name: str, total: int | None = None) -> Iterator[Track]:
    """Follow a piece of work; at its end one line stays: what was done, and how much."""
    if not ERR.is_terminal:
        lines = _Lines(name, total)
        yield lines
        lines.say()
        return
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=ERR) as progress:
        yield _Bar(name, total, progress)
