"""Compile once for each user, not once for each process: where machine code is kept.

Never writes into the checkout, which may be read-only, and never reads code that another user could
have put there: the cache holds pickles.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config as numba_config

config: Any = numba_config  # its settings are attributes made at run time, which a type checker cannot see
Function = TypeVar("Function", bound=Callable[..., Any])


def cache_folder() -> Path | None:
    """Return a folder that only this user writes: $XDG_CACHE_HOME or ~/.cache, then clipwarden/numba; made if need be.

    returns  None when there is none, as for a user without a home
    """
    try:
        base = os.environ.get("XDG_CACHE_HOME")
        folder = (Path(base) if base else Path.home() / ".cache") / "clipwarden" / "numba"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except (OSError, RuntimeError):
        return None
    private = found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return folder if private and os.access(folder, os.W_OK | os.X_OK) else None


def compiled(signature: str | list[Any]) -> Callable[[Function], Function]:
    """Compile for these types now, or load what an earlier process compiled; runs without the interpreter's lock.

    The file of the function must hold everything it calls: the cache notices changes of that file only.
    A cache that is full, torn or of another kind costs the time to compile, never the result.
    """

    def compile_it(function: Function) -> Function:
        folder = config.CACHE_DIR or cache_folder()
        if folder is None:
            return cast("Function", numba.njit(signature, nogil=True)(function))
        before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
        try:
            return cast("Function", numba.njit(signature, nogil=True, cache=True)(function))
        except Exception:  # noqa: BLE001  whatever is wrong with a cache, the code can be compiled without it
            return cast("Function", numba.njit(signature, nogil=True)(function))
        finally:
            config.CACHE_DIR = before

    return compile_it


def part(function: Function) -> Function:
    """Mark a function as one that compiled functions of the same file call."""
    return cast("Function", numba.njit(nogil=True)(function))
