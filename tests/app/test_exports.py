"""What takes data out at the terminal is an act: who, what, how many rows, in the chain that `audit verify` walks."""

import getpass
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import VERBS
from app.console import app
from app.home import Home, open_home
from core.records import Fingerprint
from matchers import phash
from store import audit
from store.ledger import Ledger
from tests.app.digest_home import ENVIRONMENT, filled, sent, write_settings
from tests.app.hits_ledger import DAY, NOW, reference
from tests.app.test_digest_webhook import Hook, hook

__all__ = ["Hook", "hook"]  # the webhook, which is a fixture here too


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home with a day of two hits."""
    write_settings(tmp_path / "home")
    with open_home(tmp_path / "home", new=True) as opened:
        filled(opened)
        yield opened


def exports(ledger: Ledger) -> list[dict[str, Any]]:
    """What the log says of exports, the newest first; all by who sits here, in a whole chain."""
    rows = audit.listed(ledger, act="export")
    assert {row["person"] for row in rows} <= {f"terminal:{getpass.getuser()}"}
    assert audit.verify(ledger).broken == ""
    return [row["detail"] for row in rows]


@pytest.mark.parametrize(
    ("asked", "form"), [(["--csv", "--html"], "csv html"), (["--html"], "html"), (["--json"], "json"), ([], None)]
)
def test_hit_list_that_is_written_is_noted(home: Home, tmp_path: Path, asked: list[str], form: str | None) -> None:
    """Each form that leaves, in one row; a look at the terminal leaves none."""
    assert VERBS  # they register the commands
    words = [part for one in asked for part in ([one] if one == "--json" else [one, str(tmp_path / f"out{one}")])]
    told = CliRunner().invoke(app, ["--home", str(home.folder), "hits", "--day", f"{DAY}", *words])
    row = {"what": "hits", "rows": 2, "day": f"{DAY}", "form": form}

    assert (told.exit_code, exports(home.ledger)) == (0, [row] if form else [])


def test_hash_list_that_leaves_is_noted(home: Home, tmp_path: Path) -> None:
    """With its method, bank and number; what is refused, or empty, takes nothing out and notes nothing."""
    method = phash.METHOD
    prints = [Fingerprint(offset_s=float(n), region="whole", value=bytes([n]) * 32, quality=100) for n in (15, 240)]
    home.ledger.save_references([reference("still", sha256="e" * 64)])
    home.ledger.save_fingerprints("e" * 64, method.name, method.version, prints, at=NOW)
    steps = [["export", "--method", "phash"], ["export", "--method", "phash", "--bank", "negative"]]
    steps.append(["export", "--method", "phash", "--format", "signals"])
    codes = [CliRunner().invoke(app, ["--home", str(home.folder), "refs", *step]).exit_code for step in steps]

    assert codes == [0, 1, 1]
    assert exports(home.ledger) == [
        {"what": "hashes", "rows": 2, "method": "phash", "bank": "positive", "form": "lines"}
    ]


@pytest.fixture
def with_hook(tmp_path: Path, hook: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home whose digest goes to a webhook."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    place = f"127.0.0.1:{hook.server_port}"
    write_settings(tmp_path / "home", f'webhook_url = "http://{place}/a-secret"', top=f'allowed_hosts = ["{place}"]')
    with open_home(tmp_path / "home", new=True) as opened:
        filled(opened)
        yield opened


def test_digest_that_leaves_is_noted(with_hook: Home, tmp_path: Path) -> None:
    """To whom, each time it really leaves; of a webhook's address only the host, since the rest may open it."""
    sent(with_hook)
    sent(with_hook)
    words = ["digest", "--day", f"{DAY}", "--out", str(tmp_path / "mail.eml")]
    CliRunner().invoke(app, ["--home", str(with_hook.folder), *words])
    row = {"what": "digest", "rows": 2, "day": f"{DAY}"}

    assert exports(with_hook.ledger) == [row | {"to": "a file"}, row | {"to": "127.0.0.1"}]
