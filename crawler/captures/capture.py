"""The contract of a capture reader, and the walk that finds the readers.

A capture is what a browser add-on (Zeeschuimer) wrote down while a person looked at a platform: the
platform's own objects, one a line. It is the honest way where no API may be asked.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TypeAlias

from core.records import Post
from crawler.fields import Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """One captured object: what the platform sent, and when it was captured (aware UTC)."""

    data: Fields
    collected_at: datetime


Read: TypeAlias = Callable[[Captured], Iterator[Post]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How one platform's objects are read.

    platform   as its spider is called, or would be: posts of both have the same ids
    sources    names the add-on gives the platform in `source_platform`
    read       the posts of an object: none when it carries no video; PageChanged names a missing field
    """

    platform: str
    sources: frozenset[str]
    read: Read


@cache
def readers() -> dict[str, Reader]:
    """Source name -> reader, from every module here that ends in READER."""
    found: dict[str, Reader] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        reader = getattr(importlib.import_module(f"{__package__}.{module.name}"), "READER", None)
        if isinstance(reader, Reader):
            found |= dict.fromkeys(sorted(reader.sources), reader)
    return found


def instant(seconds: float) -> datetime:
    """Seconds since 1970 as aware UTC.

    raises  ValueError when that is no time people posted at
    """
    if not 1e9 < seconds < 4e9:
        raise ValueError(f"{seconds} is no time of a post")
    return datetime.fromtimestamp(seconds, UTC)
