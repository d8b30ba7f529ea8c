"""`clipwarden reparse`: exit codes, JSON, files of captures, and what is missing."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import main
from app.console import app
from app.home import Home, open_home
from app.importing import import_files
from store.answers import Answer, save_answers
from tests.builders import NOW, brand

CAPTURES = Path(__file__).parents[1] / "fixtures" / "captures"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home with captures in it, and a mark on one of its posts."""
    with open_home(tmp_path, alone=True) as opened:
        opened.ledger.sync(brand())
        import_files(opened, [CAPTURES / "tiktok.ndjson"], brand="brand")
        yield opened


def test_captures_are_read_again(home: Home, tmp_path: Path) -> None:
    """A post whose words a reader had got wrong has them right again; JSON says how many."""
    right = home.ledger.rows("SELECT * FROM posts ORDER BY id")
    home.ledger.db.execute("UPDATE posts SET text = 'wrong' WHERE id = ?", [right[0]["id"]])
    home.ledger.db.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.home.FileLock.acquire", lambda *_, **__: None)  # our own fixture holds it
        done = CliRunner().invoke(app, ["--home", str(tmp_path), "reparse", "--json"])
    told = json.loads(done.stdout[done.stdout.index("{") :])
    with open_home(tmp_path) as again:
        now = again.ledger.rows("SELECT * FROM posts ORDER BY id")

    assert (told["answers"], told["changed"], told["new"]) == (1, 1, 0)
    assert now == right


def test_missing_answer_is_told_and_the_rest_read(tmp_path: Path) -> None:
    """Exit code 4 names what could not be read, 1 a platform that is not there."""
    with open_home(tmp_path, alone=True) as opened:
        opened.ledger.sync(brand())
        gone = Answer(
            sha256="0" * 64, watch=brand().watches[0].id, platform="mastodon", route="api", role="page",
            expects="json", url="https://site.example/api/v1/timelines/tag/lanterns", status=200,
        )  # fmt: skip
        save_answers(opened.ledger, [gone], at=NOW)
    with pytest.raises(SystemExit) as left_out:
        main(["--home", str(tmp_path), "reparse", "--since", "2026-01-01"])
    with pytest.raises(SystemExit) as nowhere:
        main(["--home", str(tmp_path), "reparse", "--platform", "nowhere"])

    assert (left_out.value.code, nowhere.value.code) == (4, 1)
