"""`clipwarden import` on real files: posts in the ledger, the file kept, bad lines told, nothing doubled."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import importing
from app.home import Home, open_home
from core.errors import ClipwardenError, NotFound
from store import queries
from tests.builders import brand

ROOT = Path(__file__).parents[2]
FROZEN = ROOT / "tests" / "fixtures" / "captures"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home with one brand."""
    with open_home(tmp_path / "home", alone=True) as opened:
        opened.ledger.sync(brand())
        yield opened


def ids(home: Home) -> list[str]:
    """The posts in the ledger."""
    return [row["id"] for row in home.ledger.rows("SELECT id FROM posts ORDER BY id")]


def aged(path: Path) -> Path:
    """A file that has lain for a minute."""
    os.utime(path, (time.time() - 60, time.time() - 60))
    return path


def test_captured_posts_join_the_ledger_and_their_file_is_kept(home: Home) -> None:
    """Posts are due for download, and each names the file it was read from."""
    [done] = importing.import_files(home, [FROZEN / "tiktok.ndjson"], brand=brand().id)
    rows = home.ledger.rows("SELECT id, raw_sha256, watch FROM posts")
    due = home.ledger.rows("SELECT subject FROM work WHERE stage = 'download'")

    assert (done.posts, done.new, done.without_video, [bad.line for bad in done.bad]) == (2, 2, 1, [4, 5, 6])
    assert {row["subject"] for row in due} == set(ids(home))
    assert {home.blobs.get(row["raw_sha256"]).read_bytes() for row in rows} == {(FROZEN / "tiktok.ndjson").read_bytes()}


def test_second_import_changes_nothing(home: Home) -> None:
    """The same file again, or its addresses as a list, adds no post."""
    importing.import_files(home, [FROZEN / "x.ndjson"], brand=brand().id)
    before = ids(home)
    listed = home.folder / "list.txt"
    listed.write_text(
        "\n".join(row["url"] for row in home.ledger.rows("SELECT url FROM posts WHERE url NOT LIKE '%/i/%'"))
    )
    again = importing.import_files(home, [FROZEN / "x.ndjson", listed], brand=brand().id)

    assert ids(home) == before
    assert [one.new for one in again] == [0, 0]


def test_captures_are_no_watch_that_a_crawl_asks(home: Home) -> None:
    """The watch of captures is there for its posts, and is never due."""
    importing.import_files(home, [FROZEN / "x.ndjson"], brand=brand().id)

    assert [
        watch.id for watch in queries.watches_due(home.ledger, now=datetime.now(UTC)) if "capture" in watch.id
    ] == []


def test_inbox_takes_settled_files_and_leaves_the_rest(home: Home) -> None:
    """A settled file is imported and put away with its bad lines named; links and unfinished files stay."""
    folder = home.folder / "inbox" / brand().id
    folder.mkdir(parents=True)
    (folder / "fresh.txt").write_text("https://youtu.be/abcdefghij-\n")
    (folder / "link.txt").symlink_to("/etc/passwd")
    (folder / "a.ndjson").write_bytes((FROZEN / "tiktok.ndjson").read_bytes())
    aged(folder / "a.ndjson")
    done = list(importing.inbox(home))

    assert [one.posts for one in done] == [2]
    assert {path.name for path in folder.iterdir()} == {"fresh.txt", "link.txt", "done"}
    assert "line 4: 'desc'" in (folder / "done" / "a.ndjson.left-out.txt").read_text()
    assert list(importing.inbox(home)) == []


def test_inbox_of_no_brand_is_told(home: Home) -> None:
    """A folder that no brand file names is an error that says what to do."""
    folder = home.folder / "inbox" / "nobody"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("https://youtu.be/abcdefghij-\n")
    aged(folder / "a.txt")

    with pytest.raises(NotFound, match="rename the folder"):
        list(importing.inbox(home))


@pytest.mark.parametrize("name", ["missing.txt", "."])
def test_what_is_no_file_is_refused_before_anything_is_read(home: Home, name: str) -> None:
    """A wrong path stops the command while nothing is half done."""
    with pytest.raises(NotFound, match="name"):
        importing.import_files(home, [FROZEN / "x.ndjson", home.folder / name], brand=brand().id)
    assert ids(home) == []


def test_brand_must_be_told_where_there_are_several(home: Home) -> None:
    """One brand needs no name; an unknown one names those there are."""
    assert importing.brand_of(home.ledger, None) == brand().id
    with pytest.raises(ClipwardenError, match="there are"):
        importing.brand_of(home.ledger, "nobody")


def test_killed_import_is_finished_by_the_next(tmp_path: Path) -> None:
    """SIGKILL in the middle: the second run ends with every post, each once."""
    folder, many = tmp_path / "home", tmp_path / "many.txt"
    many.write_text("".join(f"https://www.tiktok.com/@a/video/{(1_790_000_000 + n) << 32}\n" for n in range(20_000)))
    with open_home(folder, alone=True) as opened:
        opened.ledger.sync(brand())
        code = (
            "import sys; from pathlib import Path; from app import importing; from app.home import open_home\n"
            "with open_home(Path(sys.argv[1]), alone=True) as home:\n"
            "    importing.import_files(home, [Path(sys.argv[2])], brand=sys.argv[3])\n"
        )
    process = subprocess.Popen([sys.executable, "-c", code, str(folder), str(many), brand().id], cwd=ROOT)
    database = folder / "ledger.db"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            if connection.execute("SELECT count(*) FROM posts").fetchone()[0] >= 400:
                break
    process.kill()
    process.wait()
    with open_home(folder, alone=True) as opened:
        partly = len(ids(opened))
        [done] = importing.import_files(opened, [many], brand=brand().id)

        assert 400 <= partly < 20_000
        assert (len(ids(opened)), done.new) == (20_000, 20_000 - partly)


def test_command_tells_bad_lines_and_exits_with_4(tmp_path: Path) -> None:
    """The command by hand: a line for the file, one for each bad line, and the exit code for lists."""
    folder = tmp_path / "home"
    with open_home(folder, alone=True):
        (folder / "brands").mkdir(exist_ok=True)
    example = next((ROOT / "data" / "brands").glob("*.yml"))
    (folder / "brands" / "b.yml").write_bytes(example.read_bytes())
    command = [sys.executable, "-m", "app.cli", "--home", str(folder), "import", str(FROZEN / "tiktok.ndjson")]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    machine = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert shown.returncode == machine.returncode == 4
    assert "2 posts, 2 of them new; 1 without a video, 3 bad lines" in shown.stdout
    assert "line 4: 'desc'" in shown.stdout
    assert json.loads(machine.stdout)[0]["new"] == 0
