"""The case stage on a real ledger: re-uploads join, others do not, and what a person moved stays."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from app.casing import group_hits
from app.home import Home, open_home
from app.stages import register
from core.records import AuthorClass, Basis, Finding, Fingerprint
from matchers.examples import bordered, darker
from matchers.method import method
from store import acts
from tests.builders import FRANCHISE, NOW, brand, media, post, watch
from tests.matchers.takes import changes, take
from tests.matchers.takes import prints as walked

HASHES, CHANGE = method("phash"), method("change")


def finding(number: int) -> Finding:
    """A hit on a post."""
    return Finding(
        id=f"F-{number}", post=post(number).id, franchise=FRANCHISE, element=None, basis=Basis.COPY, score=0.9,
        reasons=(), ai_evidence=(), author_class=AuthorClass.UNKNOWN,
    )  # fmt: skip


def prints(seed: int, *, start_s: float = 0.0, frames: int = 8) -> list[Fingerprint]:
    """Frames of a clip as its seed draws them, a second apart."""
    draw = Random(seed)  # noqa: S311 - a clip
    values = [draw.randbytes(32) for _ in range(frames)]
    return [
        Fingerprint(offset_s=start_s + at, region="whole", value=value, quality=90) for at, value in enumerate(values)
    ]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home with a brand."""
    with open_home(tmp_path, alone=True) as opened:
        opened.ledger.sync(brand())
        register(opened.ledger)
        yield opened


def hit(home: Home, number: int, sha256: str | None, found: list[Fingerprint], *, duration_s: float = 8.0) -> None:
    """A post with a file, its hashes, and a finding."""
    ledger = home.ledger
    ledger.save_posts(watch().id, [(post(number), "0" * 64)], seen_at=NOW)
    if sha256:
        ledger.save_media([media(post(number).id, sha256, duration_s=duration_s)])
        ledger.save_fingerprints(sha256, HASHES.name, HASHES.version, found, at=NOW)
    ledger.save_findings(post(number).id, [finding(number)], 1, at=NOW + timedelta(minutes=number))


def cases(home: Home) -> dict[str, tuple[str, bool]]:
    """Finding -> its case, and whether it differs."""
    rows = home.ledger.rows("SELECT finding, case_id, differs FROM members")
    return {row["finding"]: (row["case_id"], bool(row["differs"])) for row in rows}


def test_reupload_joins_and_another_clip_does_not(home: Home) -> None:
    """In one run or in two, whichever comes first; the queue shows a row a case."""
    hit(home, 1, "a1" * 32, prints(1))
    hit(home, 2, "b2" * 32, prints(2))
    group_hits(home)
    hit(home, 3, "c3" * 32, prints(1))
    hit(home, 4, "b2" * 32, prints(2))
    group_hits(home)
    found = cases(home)

    assert found["F-1"] == found["F-3"]
    assert found["F-2"] == found["F-4"]
    assert found["F-1"] != found["F-2"]
    assert [row["members"] for row in home.ledger.rows("SELECT members FROM queue")] == [2, 2]


def test_takes_of_one_room_stay_two_cases_and_their_copies_join(home: Home) -> None:
    """The room is the same and hashes match; who walks in it, and when, is not."""
    first, second = take(2), take(3)
    hit(home, 1, "a1" * 32, walked(first), duration_s=6.0)
    hit(home, 2, "b2" * 32, walked(second), duration_s=6.0)
    group_hits(home)
    hit(home, 3, "c3" * 32, walked(second, darker), duration_s=6.0)
    hit(home, 4, "d4" * 32, walked(first, bordered), duration_s=6.0)
    group_hits(home)
    found = cases(home)

    assert found["F-1"] == found["F-4"]
    assert found["F-2"] == found["F-3"]
    assert found["F-1"] != found["F-2"]
    assert HASHES.bank(HASHES, [("first", walked(first))]).compare("second", walked(second))


def test_takes_that_differ_in_little_are_told_by_what_changes(home: Home) -> None:
    """Hands before a still wall: their frames' hashes alone would make one case of all."""
    takes = [take(seed, side_px=6) for seed in (3, 5)]
    for number, (frames, edit) in enumerate([(takes[0], None), (takes[1], None), (takes[1], darker)]):
        given = (frames, edit) if edit else (frames,)
        hit(home, number, f"{number}a" * 32, walked(*given), duration_s=6.0)
        home.ledger.save_fingerprints(f"{number}a" * 32, CHANGE.name, CHANGE.version, changes(*given), at=NOW)
    group_hits(home)
    found = cases(home)

    assert found["F-1"] == found["F-2"]
    assert found["F-0"] != found["F-1"]


def test_compilation_is_beside_its_clips_and_unites_none(home: Home) -> None:
    """It shows two clips wholly: it differs from one of them, and the two stay two."""
    hit(home, 1, "a1" * 32, prints(1))
    hit(home, 2, "b2" * 32, prints(2))
    hit(home, 3, "c3" * 32, [*prints(1), *prints(2, start_s=8.0), *prints(9, start_s=16.0)], duration_s=24.0)
    group_hits(home)
    found = cases(home)

    assert found["F-1"][0] != found["F-2"][0]
    assert found["F-3"][0] in {found["F-1"][0], found["F-2"][0]}
    assert [found[name][1] for name in ("F-1", "F-2", "F-3")] == [False, False, True]


def test_hit_without_a_file_finds_its_case_when_the_file_comes(home: Home) -> None:
    """Words alone open a case at once; the file shows that it is a re-upload."""
    hit(home, 1, "a1" * 32, prints(1))
    hit(home, 2, None, [])
    group_hits(home)
    before = cases(home)
    home.ledger.save_media([media(post(2).id, "d4" * 32, duration_s=8.0)])
    home.ledger.save_fingerprints("d4" * 32, HASHES.name, HASHES.version, prints(1), at=NOW)
    group_hits(home)

    assert before["F-1"] != before["F-2"]
    assert cases(home)["F-1"] == cases(home)["F-2"]
    assert home.ledger.count("queue") == 1


def test_what_a_person_moved_stays(home: Home) -> None:
    """The stage puts a hit into a case once; afterwards people do."""
    for number in (1, 2):
        hit(home, number, f"{number}a" * 32, prints(1))
    group_hits(home)
    case = cases(home)["F-1"][0]
    acts.split(home.ledger, case, ["F-2"], "ada", at=NOW)
    home.ledger.save_findings(post(2).id, [replace(finding(2), score=0.95)], 1, at=NOW)
    group_hits(home)

    assert cases(home)["F-2"][0] != case


def test_stage_run_twice_changes_nothing(home: Home) -> None:
    """And a hit whose score falls leaves the queue, not the case."""
    hit(home, 1, "a1" * 32, prints(1))
    group_hits(home)
    moves = home.ledger.count("moves")
    home.ledger.enqueue_find()
    home.ledger.save_findings(post(1).id, [replace(finding(1), score=0.2)], 1, at=NOW)
    group_hits(home)

    assert home.ledger.count("moves") == moves
    assert (home.ledger.count("members"), home.ledger.count("queue")) == (1, 0)
