"""The Method contract, and the walk that finds the methods.

A method is one file in this folder that ends in `METHOD = Method(...)`; no list is edited.
Never knows what a method looks at: fingerprints in, matches out, and how sure they are.
"""

import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Any, Protocol, TypeAlias

import matchers
from core.errors import NotFound
from core.records import Basis, Fingerprint, Match
from matchers.frames import Frame
from matchers.sounds import Sound

RUN_FRAMES = 64  # frames given to a method at once: what a worker holds in memory

Sample: TypeAlias = Sequence[Frame] | Sound
Examples: TypeAlias = Callable[[], Iterable[tuple[Sample, Sample]]]  # drawn when asked for, not on import
References: TypeAlias = Iterable[tuple[str, Iterable[Fingerprint]]]  # (reference id, its fingerprints)


class Sense(StrEnum):
    """What a method is given: frames in runs of at most RUN_FRAMES, or the whole sound track."""

    FRAMES = "frames"
    SOUND = "sound"


class Bank(Protocol):
    """The references of one method, ready to search."""

    @property
    def references(self) -> tuple[str, ...]:
        """Their ids."""

    def __len__(self) -> int:
        """How many fingerprints are searched."""

    def compare(self, sha256: str, fingerprints: Iterable[Fingerprint]) -> list[Match]:
        """Match one file against every reference, the surest first: at most one Match a reference.

        sha256          of the query file, for the record
        fingerprints    all of the file, of the bank's method and version
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way to recognise something. tests/test_methods.py holds every one to its own examples.

    version         part of a fingerprint's key: a change of any bit needs a new one
    unit            of a distance: bits, points ...
    threshold       what a pair must reach to count: the largest distance, or the fewest points
    lone_threshold  the same for a pair that nothing else in the clip supports
    least_quality   0..100; fingerprints below it are kept, and never compared
    sense           what `fingerprint` is given
    basis           copy: a match proves it; suggestion: a person decides
    fingerprint     a Sample -> its fingerprints; blank ones give nothing
    bank            this method and references -> what is searched
    alike           pairs that must match, and each itself
    unlike          pairs that must not
    movement        whether it compares neighbouring frames: of stills it says nothing, which is no fault of theirs
    missing         why it cannot run here (an extra, a model's folder), and what to do; None when it can
    """

    name: str
    version: int
    unit: str
    threshold: int
    lone_threshold: int
    least_quality: int
    fingerprint: Callable[[Any], list[Fingerprint]]
    bank: Callable[["Method", References], Bank]
    alike: Examples
    unlike: Examples
    sense: Sense = Sense.FRAMES
    basis: Basis = Basis.COPY
    movement: bool = False
    missing: Callable[[], str | None] = lambda: None


def methods() -> dict[str, Method]:
    """Return every method that can run here by its name, in the order of their file names.

    raises  ValueError when two files claim one name
    """
    return {name: method for name, method in all_methods().items() if method.missing() is None}


def all_methods() -> dict[str, Method]:
    """Return every method by its name, those too that lack something to run here."""
    found: dict[str, Method] = {}
    for module in pkgutil.iter_modules(matchers.__path__, "matchers."):
        method = getattr(import_module(module.name), "METHOD", None)
        if not isinstance(method, Method):
            continue
        if method.name in found:
            raise ValueError(f"{module.name}: another file already names its method {method.name}; rename one")
        found[method.name] = method
    return found


def method(name: str) -> Method:
    """Return one method; raises NotFound with the names there are."""
    known = all_methods()
    if name not in known:
        raise NotFound(f"method {name}: not in matchers/; there are {', '.join(known)}")
    return known[name]
