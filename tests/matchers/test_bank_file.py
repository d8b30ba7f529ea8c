"""A bank in a file answers as one in memory, whatever was added, removed or interrupted."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.records import Fingerprint, Match
from matchers.bank_file import file_bank
from matchers.compare import HashBank, hash_bank
from matchers.method import methods

METHOD = methods()["pdq"]
RANDOM = np.random.default_rng(3)
Prints = dict[str, list[Fingerprint]]


def prints(frames: int = 12, region: str = "whole") -> list[Fingerprint]:
    """Hashes of a clip, a frame a second, at moments that no millisecond is."""
    values = RANDOM.integers(0, 256, (frames, 32), np.uint8)
    return [
        Fingerprint(offset_s=second + 1 / 3, region=region, value=value.tobytes(), quality=100)
        for second, value in enumerate(values)
    ]


def opened(path: Path, references: Mapping[str, list[Fingerprint]]) -> HashBank:
    """The bank of a file that holds these references."""
    empty = METHOD.bank(METHOD, ())
    assert isinstance(empty, HashBank)
    return file_bank(empty, path, list(references), references.__getitem__)


def answers(bank: HashBank, queries: Prints) -> list[list[Match]]:
    """What a bank says of each query."""
    return [bank.compare(name, query) for name, query in queries.items()]


@pytest.fixture
def references() -> Prints:
    """Forty references, two of which share a frame; every third with parts of frames."""
    made = {f"R-{number:02d}": prints() + prints(3, "left") * (number % 3 == 0) for number in range(40)}
    made["R-01"][4] = made["R-00"][4]
    return made


@pytest.fixture
def queries(references: Prints) -> Prints:
    """Copies of some references, and a stranger."""
    return {"a" * 64: references["R-00"], "b" * 64: references["R-07"][3:9], "c" * 64: prints()}


def test_answers_are_those_of_a_bank_in_memory(tmp_path: Path, references: Prints, queries: Prints) -> None:
    """Made, opened again, with references added and removed: the same matches, field by field."""
    path = tmp_path / "pdq-1.idx"
    some = {name: references[name] for name in list(references)[:25]}
    fewer = {name: own for name, own in references.items() if name not in {"R-01", "R-30"}}
    for wanted in (some, some, references, fewer, references):
        bank = opened(path, wanted)

        assert answers(bank, queries) == answers(hash_bank(METHOD, wanted.items(), turns=bank.turns), queries)


def test_only_what_is_new_is_asked_for(tmp_path: Path, references: Prints) -> None:
    """A second opening reads no fingerprints; a third only those of the new reference."""
    path, asked = tmp_path / "pdq-1.idx", list[str]()
    empty = METHOD.bank(METHOD, ())
    assert isinstance(empty, HashBank)

    def ask(name: str) -> list[Fingerprint]:
        asked.append(name)
        return references.get(name) or prints()

    for wanted, expected in (
        (list(references), list(references)),
        (list(references), []),
        ([*references, "new"], ["new"]),
    ):
        file_bank(empty, path, wanted, ask)
        assert asked == expected
        asked.clear()


@pytest.mark.parametrize("damage", ["cut", "no names", "other version", "rows without names"])
def test_file_that_is_not_whole_is_made_again(tmp_path: Path, references: Prints, queries: Prints, damage: str) -> None:
    """Cut short, without its names, of another version, or interrupted: made anew, and right."""
    path = tmp_path / "pdq-1.idx"
    opened(path, references)
    if damage == "cut":
        os.truncate(path, path.stat().st_size // 2)
    elif damage == "no names":
        path.with_suffix(".names").unlink()
    elif damage == "other version":
        empty = METHOD.bank(METHOD, ())
        assert isinstance(empty, HashBank)
        older = replace(empty, method=replace(METHOD, version=METHOD.version + 1))
        path.unlink()
        file_bank(older, path, ["R-00"], references.__getitem__)
    else:
        lines = path.with_suffix(".names").read_text().splitlines(keepends=True)
        path.with_suffix(".names").write_text("".join(lines[:-5]))
    bank = opened(path, references)

    assert answers(bank, queries) == answers(hash_bank(METHOD, references.items(), turns=bank.turns), queries)


def test_kill_while_adding_leaves_a_right_bank(tmp_path: Path, references: Prints, queries: Prints) -> None:
    """SIGKILL while references are added: the next opening answers as if nothing had happened."""
    path = tmp_path / "pdq-1.idx"
    code = (
        "import sys; from pathlib import Path; import matchers.bank_file as f; f.TOGETHER = 1\n"
        "from tests.matchers import test_bank_file as t\n"
        "print('go', flush=True)\n"
        "t.opened(Path(sys.argv[1]), {f'X-{n:04d}': t.prints() for n in range(3000)})\n"
    )  # fmt: skip
    for pause_s in (0.05, 0.2):
        child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        assert child.stdout
        child.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(pause_s)
        child.send_signal(signal.SIGKILL)
        child.wait()
        bank = opened(path, references)

        assert answers(bank, queries) == answers(hash_bank(METHOD, references.items(), turns=bank.turns), queries)


def test_frames_like_too_many_references_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame that equals more reference frames than may count is left out, and the file is named."""
    monkeypatch.setattr("matchers.compare.MOST_ROWS", 10)
    card = prints(1)[0]
    bank = opened(tmp_path / "pdq-1.idx", {f"R-{number:02d}": [*prints(3), card] for number in range(12)})
    bank.compare("q" * 64, [card, *prints(2)])

    assert bank.flooded == {"q" * 64: 1}
