"""What is missing, and how to get it. Changes nothing."""

import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.brands import load_all
from app.browser import find_browser
from app.home import Home
from core.errors import ClipwardenError, SettingsWrong
from crawler.crawl import platforms
from crawler.egress import proxy_address
from store import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at. `needed` is False where the rest works without it."""

    name: str
    ok: bool
    says: str
    needed: bool = True


def examine(home: Home) -> Iterator[Check]:
    """Look at everything a run needs, in the order in which one sets it up."""
    yield Check(name="python", ok=sys.version_info >= (3, 11), says=sys.version.split()[0])
    yield Check(name="sqlite", ok=sqlite3.sqlite_version_info >= (3, 38), says=sqlite3.sqlite_version)
    yield _ffmpeg()
    yield _browser()
    yield from _methods()
    yield _pictures()
    yield _sentences(home)
    yield _network(home)
    yield _disk(home)
    yield _brands(home)
    yield _references(home)
    yield _reporter(home)
    yield _sources(home)


def _ffmpeg() -> Check:
    import imageio_ffmpeg  # noqa: PLC0415 - 50 ms that no other command should pay

    try:
        return Check(name="ffmpeg", ok=True, says=Path(imageio_ffmpeg.get_ffmpeg_exe()).name, needed=False)
    except RuntimeError:
        says = "not in its wheel; run `./run demo` again to reinstall"
        return Check(name="ffmpeg", ok=False, says=says, needed=False)


def _methods() -> Iterator[Check]:
    from matchers.method import all_methods  # noqa: PLC0415 - half a second that no other command should pay

    for name, method in all_methods().items():
        why = method.missing()
        yield Check(name=f"method {name}", ok=why is None, says=why or f"version {method.version}", needed=False)


def _pictures() -> Check:
    from matchers.ocr import available  # noqa: PLC0415 - as above

    how = "pip install 'clipwarden[ocr]' reads titles drawn into clips; until then that work waits"
    return Check(name="on-screen text", ok=available(), says="read" if available() else how, needed=False)


def _sentences(home: Home) -> Check:
    folder = home.settings.match.sentences
    if not folder:
        return Check(name="sentences", ok=True, says="no model named; descriptions are compared by their words alone")
    from matchers.sentences import Sentences  # noqa: PLC0415 - as above

    try:
        return Check(name="sentences", ok=True, says=Sentences.open(Path(folder)).about.name)
    except ClipwardenError as error:
        return Check(name="sentences", ok=False, says=str(error), needed=False)


def _browser() -> Check:
    path = find_browser()
    says = (
        path or "none; `playwright install chromium`, or as root `apt-get install chromium`. Browser watches are blind"
    )
    return Check(name="chromium", ok=path is not None, says=says, needed=False)


def _network(home: Home) -> Check:
    asked = home.settings.network
    trusts = f", trusting {asked.ca_file}" if asked.ca_file else ""
    if not asked.proxy:
        named = sorted(name for name in os.environ if name.lower() in {"http_proxy", "https_proxy", "all_proxy"})
        unused = f"; {' and '.join(named)} of the environment is not used, name it in network.proxy" if named else ""
        return Check(name="network", ok=not named, says=f"straight out{trusts}{unused}", needed=False)
    try:
        socket.create_connection(proxy_address(asked.proxy)[:2], timeout=3).close()
    except OSError as error:
        says = f"{asked.proxy} does not answer ({error}); mend network.proxy, nothing goes out without it"
        return Check(name="network", ok=False, says=says)
    return Check(name="network", ok=True, says=f"by {asked.proxy}{trusts}")


def _disk(home: Home) -> Check:
    free, needed = shutil.disk_usage(home.folder).free >> 20, home.settings.fetch.min_free_mib
    return Check(
        name="disk", ok=free > needed, says=f"{free} MiB free; downloads stop below {needed} (fetch.min_free_mib)"
    )


def _brands(home: Home) -> Check:
    try:
        brands = load_all(home.brands, {name: spider.kinds for name, spider in platforms().items()})
    except SettingsWrong as error:
        return Check(name="brands", ok=False, says=str(error))
    if not brands:
        return Check(name="brands", ok=False, says=f"no file in {home.brands}; `clipwarden init` writes an example")
    watches = sum(len(brand.watches) for brand in brands)
    return Check(name="brands", ok=True, says=f"{', '.join(brand.name for brand in brands)}: {watches} watches")


def _references(home: Home) -> Check:
    count = home.ledger.count("refs")
    says = f"{count}" if count else "none; add official stills and trailers with `clipwarden refs add`"
    return Check(name="references", ok=count > 0, says=says)


def _reporter(home: Home) -> Check:
    empty = [name for name, value in home.settings.reporter.model_dump().items() if not value and name != "title"]
    says = (
        f"clipwarden.toml [reporter] lacks {', '.join(empty)}; drafts are refused until then" if empty else "complete"
    )
    return Check(name="reporter", ok=not empty, says=says, needed=False)


def _sources(home: Home) -> Check:
    rows = queries.sources(home.ledger, datetime.now(UTC).date())
    blind = [f"{row.platform} {row.site}: {row.why or 'never crawled'}" for row in rows if row.blind or row.never]
    return Check(name="sources", ok=not blind, says="; ".join(blind) or f"{len(rows)} seen", needed=False)
