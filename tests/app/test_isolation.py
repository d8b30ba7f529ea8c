"""Hostile work ends as one failure, and the rest goes on."""

import os
import time
from pathlib import Path

from app.isolation import Guard, each
from core.errors import ClipwardenError, MediaUnreadable

GUARD = Guard(workers=2, max_seconds=3, memory_bytes=2 << 30)


def work(kind: str) -> str:
    """What a hostile file might make a decoder do."""
    if kind == "hang":
        time.sleep(60)
    if kind == "crash":
        os.abort()
    if kind == "eat":
        return str(len(bytearray(8 << 30)))
    if kind == "write":
        Path("/tmp/clipwarden-should-not-be").write_bytes(b"x" * 10)  # noqa: S108
    if kind == "refuse":
        raise MediaUnreadable("not media")
    return kind


def test_each_survives_what_files_do() -> None:
    """A hang, a crash and a memory hog cost one failure each; what is sound comes through."""
    items = ["a", "hang", "crash", "eat", "refuse", "b", "c"]
    results = dict(each(work, items, GUARD))
    failed = {item for item, result in results.items() if isinstance(result, ClipwardenError)}

    assert failed == {"hang", "crash", "eat", "refuse"}
    assert {results[item] for item in "abc"} == {"a", "b", "c"}


def test_worker_cannot_write_a_file() -> None:
    """A decoder that was taken over leaves nothing on the disk."""
    ((_, result),) = each(work, ["write"], GUARD)

    assert isinstance(result, MediaUnreadable)
    assert "File too large" in str(result)
