"""The opt-in suite `./run test --real [--schemas DIR]`: without it nothing here is collected."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.crawling import crawl
from app.home import Home, open_home
from core.coverage import Crawl
from core.records import Watch
from tests.builders import brand
from tests.real.servers import Network, bluesky, postgres

SERVERS = os.environ.get("CLIPWARDEN_REAL", "")  # where ./run installs the servers
collect_ignore_glob = [] if SERVERS else ["test_*.py"]

PURSE_USD = 2.0  # less than the searches here would cost

Crawled = Callable[..., list[Crawl]]


@pytest.fixture(scope="session")
def servers() -> Path:
    """The folder that the servers are installed in."""
    return Path(SERVERS)


@pytest.fixture(scope="session")
def network(servers: Path) -> Iterator[Network]:
    """The Bluesky network in a box."""
    # Not pytest's own folder: PostgreSQL does not run as root, and must get in.
    with tempfile.TemporaryDirectory(prefix="clipwarden-real-") as made:
        folder = Path(made)
        folder.chmod(0o711)
        with postgres(folder / "postgres") as database, bluesky(servers, folder, database) as running:
            yield running


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home that may ask this machine, does not wait between two requests, and does not read on for ever."""
    limits = f'delay_s = 0\npages = 5\ntime_limit_s = 60\ncaps = {{"x:dollars" = {PURSE_USD}}}\n'
    text = f'allowed_hosts = ["localhost", "127.0.0.1"]\n[crawl]\n{limits}'
    (tmp_path / "clipwarden.toml").write_text(text, encoding="utf-8")
    with open_home(tmp_path, alone=True) as opened:
        yield opened


@pytest.fixture
def crawled(home: Home) -> Crawled:
    """Crawl these watches as `clipwarden crawl` does, and say how each ended."""

    def run(*watches: Watch) -> list[Crawl]:
        home.ledger.sync(brand(*watches))
        ended = {one.watch: one for one in crawl(home, watches)}
        return [ended[watch.id] for watch in watches]

    return run
