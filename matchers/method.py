"""The Method contract, and the walk that finds the methods.

A method is one file in this folder that ends in `METHOD = Method(...)`; no list is edited.
Never knows what a method looks at: bits and thresholds are all it promises.
"""

import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TypeAlias

import matchers
from core.errors import NotFound
from core.records import Fingerprint
from matchers.frames import Frame
from matchers.index import Distances, Words

Sample: TypeAlias = tuple[Frame, ...]  # a tiny clip; one frame at 0 s is a still
Examples: TypeAlias = Callable[[], Iterable[tuple[Sample, Sample]]]  # drawn when asked for, not on import


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way to recognise a copy. tests/test_methods.py holds every one to its own examples.

    version         part of a fingerprint's key: a change of any bit needs a new one
    unit            of a distance: bits
    size            bits of a value
    threshold       the largest distance of a frame pair that counts
    lone_threshold  the largest distance of a pair that nothing else in the clip supports
    least_quality   0..100; fingerprints below it are kept, and never compared
    fingerprint     frames in time order, walked once; blank ones give nothing
    distances       every query against every reference: 0 to itself, and symmetric
    alike           pairs that a person calls copies: nearest frames within lone_threshold
    unlike          pairs that are not: no frames within threshold
    """

    name: str
    version: int
    unit: str
    size: int
    threshold: int
    lone_threshold: int
    least_quality: int
    fingerprint: Callable[[Iterable[Frame]], list[Fingerprint]]
    distances: Callable[[Words, Words], Distances]
    alike: Examples
    unlike: Examples


def methods() -> dict[str, Method]:
    """Return every method by its name, in the order of their file names.

    raises  ValueError when two files claim one name
    """
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
    known = methods()
    if name not in known:
        raise NotFound(f"method {name}: not in matchers/; there are {', '.join(known)}")
    return known[name]
