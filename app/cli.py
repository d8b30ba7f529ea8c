"""The command line: thin verbs, one a stage, and what stands around them.

Exit codes: 0 done, 1 an error told in one line, 2 wrong usage, 3 done but a source was blind,
4 done but lines of a list were left out, 130 stopped by Ctrl-C. Never sends anything to anyone.
"""

import importlib
import os
import pkgutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from app.console import app
from core.errors import ClipwardenError

STOPPED = 130
# Each registers its commands when it is imported; the folder is the registry.
VERBS = tuple(
    importlib.import_module(f"app.verbs.{module.name}")
    for module in pkgutil.iter_modules([str(Path(__file__).with_name("verbs"))])
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; errors become one line and an exit code."""
    # A scheduler or a system that stops us asks with SIGTERM: end like Ctrl-C, and end our children too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app(_home_first(given), prog_name="clipwarden")
    except ClipwardenError as error:
        sys.stderr.write(f"clipwarden: {error}\n")
        sys.exit(1)
    except SystemExit as end:
        if end.code == STOPPED:  # Typer's word for Ctrl-C
            sys.stderr.write("clipwarden: stopped; nothing is lost, the same command goes on from here\n")
        raise
    except BrokenPipeError:  # the reader, `head` say, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _home_first(given: list[str]) -> list[str]:
    """Let --home stand anywhere: people write it last."""
    for index, word in enumerate(given):
        if word == "--":
            break
        if word == "--home" and index + 1 < len(given):
            return ["--home", given[index + 1], *given[:index], *given[index + 2 :]]
        if word.startswith("--home="):
            return [word, *given[:index], *given[index + 1 :]]
    return given


if __name__ == "__main__":
    main()
