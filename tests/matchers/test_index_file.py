"""The file holds what was appended, whoever was killed, and says so when it does not."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from core.errors import Busy, MediaUnreadable, ShapeError
from matchers import index
from matchers.index import BLOCK, Index, Words
from matchers.index_file import DATA, SLOTS, IndexFile

RANDOM = np.random.default_rng(23)


def words(count: int, width: int = 4) -> Words:
    return RANDOM.integers(0, (1 << 64) - 1, (count, width), dtype=np.uint64, endpoint=True)


@pytest.fixture
def file(tmp_path: Path) -> IndexFile:
    return IndexFile.create(tmp_path / "phash.index", method="phash", version=3, words=4)


def listed(found: tuple[np.ndarray, ...]) -> list[list[int]]:
    return [part.tolist() for part in found]


@pytest.mark.parametrize("way", [-1, 1 << 60], ids=["compiled", "numpy"])
@pytest.mark.parametrize("width", [1, 4])
def test_file_answers_as_memory_does(tmp_path: Path, way: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pairs, appended in runs that end anywhere in a block."""
    monkeypatch.setattr(index, "NUMPY_PAIRS", way)
    values = words(3 * BLOCK + 11, width)
    made = IndexFile.create(tmp_path / "x", method="m", version=1, words=width)
    for number, some in enumerate(np.split(values, [1, 7, BLOCK, BLOCK + 9, 3 * BLOCK])):
        made.append(number, np.arange(len(some)) / 3, some)
    queries = values[::50] ^ np.uint64(5)
    opened = IndexFile.open(tmp_path / "x")

    assert listed(opened.within(queries, 20)) == listed(Index(values).within(queries, 20))
    assert listed(made.within(queries, 20, threads=2)) == listed(opened.within(queries, 20))


def test_row_keeps_its_owner_and_time(file: IndexFile) -> None:
    """Where a hit was seen is known to the millisecond, after any number of runs."""
    file.append(7, np.array([0, 1 / 3]), words(2))
    file.append(np.array([1, 2], np.int32), np.array([7200.0416, 0.5]), words(2))
    opened, rows = IndexFile.open(file.path), np.arange(4)

    assert opened.owners(rows).tolist() == [7, 7, 1, 2]
    assert opened.offsets_s(rows).tolist() == [0, 0.333, 7200.042, 0.5]
    assert (opened.method, opened.version, len(opened)) == ("phash", 3, 4)


def test_reference_costs_forty_bytes(file: IndexFile) -> None:
    """256 bits, its owner and its time, and a page for the whole file."""
    file.append(0, np.zeros(8 * BLOCK), words(8 * BLOCK))

    assert file.path.stat().st_size == 4096 + 40 * 8 * BLOCK


def test_reader_keeps_what_it_opened(file: IndexFile) -> None:
    """A search that runs while another process appends sees one state, to its end."""
    values = words(BLOCK + 5)
    file.append(0, np.zeros(100), values[:100])
    reader = IndexFile.open(file.path)
    file.append(1, np.zeros(len(values) - 100), values[100:])
    file.remove(0)

    assert listed(reader.within(values, 0)) == [list(range(100)), list(range(100)), [0] * 100]
    assert IndexFile.open(file.path).within(values, 0)[1].tolist() == list(range(100, len(values)))


def test_removed_reference_is_not_found_until_it_comes_back(file: IndexFile) -> None:
    """A licence ends a match at once; the note of it is never found itself."""
    values, seen = words(6), []
    file.append(4, np.arange(3), values[:3])
    file.append(5, np.arange(3), values[3:])
    queries = np.concatenate([values, np.zeros((1, 4), np.uint64)])
    for step in (lambda: file.remove(4), lambda: file.remove(5), lambda: file.append(4, np.zeros(1), values[:1])):
        step()
        seen.append(IndexFile.open(file.path).within(queries, 31)[1].tolist())

    assert seen == [[3, 4, 5], [], [8]]
    assert file.rows().tolist() == [8]


def test_removed_reference_is_not_counted_among_owners(file: IndexFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard against floods counts references that are there."""
    card = words(1)
    for owner in (3, 900, 40):
        file.append(owner, np.zeros(2), np.repeat(card, 2, axis=0))
    file.remove(900)

    assert file.crowd(card, 31, most=10).tolist() == [2]
    monkeypatch.setattr(index, "NUMPY_PAIRS", -1)
    assert file.within(card, 31)[1].tolist() == [0, 1, 4, 5]


WRITER = """
import sys, numpy as np
from pathlib import Path
from matchers.index_file import IndexFile
file = IndexFile.open(Path(sys.argv[1]))
number = 0
while True:
    file.append(number, np.zeros(700), np.full((700, 4), number, np.uint64))
    number += 1
    print(number, flush=True)
"""


@pytest.mark.parametrize("after", [1, 3, 8])
def test_kill_in_the_middle_of_appending_loses_nothing_committed(file: IndexFile, after: int) -> None:
    """kill -9 at any moment: whole runs are there, every bit of them, and the next append goes on."""
    root = str(Path(index.__file__).parent.parent)
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file.path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
        text=True,
    )
    assert child.stdout is not None
    told = [child.stdout.readline() for _ in range(after)]
    time.sleep(0.0007 * after)
    child.send_signal(signal.SIGKILL)
    child.wait()
    told += child.stdout.read().splitlines()
    child.stdout.close()
    found = IndexFile.open(file.path)
    found.verify()
    runs = len(found) // 700

    assert len(found) % 700 == 0
    assert runs >= len(told)
    assert found.owners(np.arange(len(found))).tolist() == np.repeat(np.arange(runs), 700).tolist()
    found.append(9999, np.zeros(5), words(5))
    IndexFile.open(file.path).verify()


def test_torn_tail_is_ignored_and_overwritten(file: IndexFile) -> None:
    """Rows of an append that never committed, and half a note of it, are as if they were not there."""
    values = words(50)
    file.append(1, np.zeros(30), values[:30])
    before = file.path.read_bytes()
    file.append(2, np.zeros(20), words(20))
    after = bytearray(file.path.read_bytes())
    newer = next(at for at in SLOTS if before[at : at + 64] != bytes(after[at : at + 64]))
    after[newer + 8 : newer + 24] = bytes(16)
    file.path.write_bytes(after)
    opened = IndexFile.open(file.path)

    assert len(opened) == 30
    opened.append(3, np.zeros(20), values[30:])
    assert IndexFile.open(file.path).within(values, 0)[1].tolist() == list(range(50))
    IndexFile.open(file.path).verify()


def test_second_writer_is_told(file: IndexFile) -> None:
    """Two processes never write one file at a time."""
    with file.path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)

        with pytest.raises(Busy, match="another process"):
            file.append(1, np.zeros(1), words(1))


def test_disk_that_is_full_adds_nothing(file: IndexFile) -> None:
    """An append that fails half-way leaves what was there, and the next one succeeds."""
    values = words(40)
    file.append(1, np.zeros(10), values[:10])
    # A limit of the process stands for a full disk: the same call fails, with another number.
    code = (
        "import resource, signal, sys, numpy as np; from pathlib import Path\n"
        "from matchers.index_file import IndexFile\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); size = Path(sys.argv[1]).stat().st_size\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5000, size + 5000))\n"
        "try: IndexFile.open(Path(sys.argv[1])).append(2, np.zeros(3000), np.ones((3000, 4), np.uint64))\n"
        "except OSError: print('told')\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code, str(file.path)], capture_output=True, text=True, check=True
    ).stdout

    assert shown.strip() == "told"
    assert len(IndexFile.open(file.path)) == 10
    file.append(1, np.zeros(30), values[10:])
    IndexFile.open(file.path).verify()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not an index"),
        (b"SQLite format 3\0" + bytes(5000), "not an index"),
        (b"clipwidx", "damaged"),
        (b"clipwidx" + bytes(4088), "format 0"),
        (b"clipwidx\1\0\0\0" + b"\xff" * 5000, "damaged"),
    ],
)
def test_foreign_file_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    """Whatever stands under that name is never searched as hashes."""
    (tmp_path / "x").write_bytes(content)

    with pytest.raises(MediaUnreadable, match=said):
        IndexFile.open(tmp_path / "x")


@pytest.mark.parametrize("at", [9, 13, 17, 21, 25, 30, SLOTS[0] + 3, SLOTS[1] + 20])
def test_damaged_head_is_refused_or_the_state_before(file: IndexFile, at: int) -> None:
    """A changed byte of the header is an error; of a slot, at worst the append before the last one."""
    file.append(1, np.zeros(2), words(2))
    changed = bytearray(file.path.read_bytes())
    changed[at] ^= 0x40
    file.path.write_bytes(changed)
    if at < SLOTS[0]:
        with pytest.raises(MediaUnreadable):
            IndexFile.open(file.path)
    else:
        assert len(IndexFile.open(file.path)) in {0, 2}


def test_both_slots_gone_is_refused(file: IndexFile) -> None:
    """Without a note of what is committed nothing is."""
    changed = bytearray(file.path.read_bytes())
    changed[SLOTS[0] : DATA] = bytes(DATA - SLOTS[0])
    file.path.write_bytes(changed)

    with pytest.raises(MediaUnreadable, match="both notes"):
        IndexFile.open(file.path)


def test_file_cut_short_is_refused(file: IndexFile) -> None:
    """A copy that was not finished is no smaller index: mapping it would kill the process."""
    file.append(1, np.zeros(BLOCK + 1), words(BLOCK + 1))
    with file.path.open("r+b") as open_file:
        open_file.truncate(DATA + 40 * BLOCK)

    with pytest.raises(MediaUnreadable, match="damaged"):
        IndexFile.open(file.path)


def test_changed_row_is_found_by_verify(file: IndexFile) -> None:
    """A bit that flipped on the disk is not proof of a copy."""
    file.append(1, np.zeros(2000), words(2000))
    changed = bytearray(file.path.read_bytes())
    changed[DATA + 8 * 700] ^= 1
    file.path.write_bytes(changed)

    with pytest.raises(MediaUnreadable, match="changed"):
        IndexFile.open(file.path).verify()


def test_existing_file_is_not_overwritten(file: IndexFile) -> None:
    """Making an index never costs one."""
    file.append(1, np.zeros(1), words(1))
    with pytest.raises(FileExistsError):
        IndexFile.create(file.path, method="phash", version=3, words=4)

    assert len(IndexFile.open(file.path)) == 1
    assert [path.name for path in file.path.parent.iterdir()] == ["phash.index"]


@pytest.mark.parametrize(
    ("owner", "offset_s", "width"), [(-1, 0.0, 4), (1 << 31, 0.0, 4), (0, 1e9, 4), (0, np.nan, 4), (0, 0.0, 1)]
)
def test_row_that_does_not_fit_is_refused(file: IndexFile, owner: int, offset_s: float, width: int) -> None:
    """Nothing is cut to fit."""
    with pytest.raises(ShapeError):
        file.append(owner, np.array([offset_s]), words(1, width))


def test_removals_that_run_in_a_circle_are_refused(file: IndexFile) -> None:
    """A made-up file cannot hold a reader for ever."""
    file.remove(1)
    file.remove(2)
    changed = bytearray(file.path.read_bytes())
    changed[DATA : DATA + 8] = (2).to_bytes(8, "little")
    file.path.write_bytes(changed)

    with pytest.raises(MediaUnreadable, match="removal"):
        IndexFile.open(file.path)
