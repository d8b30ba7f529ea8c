"""The cascade: little is spent on every post, more where it pays, and a kill between two steps changes nothing."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import imageio_ffmpeg
import pytest

from app import cascade, finding, matching, reading, refs, stages
from app.demo.platform import LoopbackPlatform, serve
from app.demo.posts import plant
from app.fingerprinting import FileJob, fingerprint
from app.home import Home, open_home
from app.progress import track
from app.scan import scan
from core.findings import HIT_SCORE, NEVER_HITS
from core.records import AiLabel, AuthorClass, Bank, Basis, Finding, Post, Rendition
from matchers.examples import scene
from matchers.features import ROW_BYTES
from matchers.frames import WHOLE, Frame
from matchers.method import methods
from matchers.near import near
from store import passes
from tests.app.test_kill import ROOT, rows
from tests.app.test_stages import carrying, made, reference, seen
from tests.builders import FRANCHISE, NOW, media, post, watch

KILLED = """
import os, signal, sys
from pathlib import Path
from app import cascade, reading, stages
from app.home import open_home
from store.ledger import Ledger

reading.available = lambda: False

def die_at(owner, name, call):
    real, calls = getattr(owner, name), []
    def dying(*given, **named):
        if name != "save_fingerprints" or (given[2] == "local" and not named["sparse"]):
            calls.append(name)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)
    setattr(owner, name, dying)

if __name__ == "__main__":
    owner = {"Ledger": Ledger, "stages": stages, "cascade": cascade}[sys.argv[2]]
    die_at(owner, sys.argv[3], int(sys.argv[4]))
    with open_home(Path(sys.argv[1]), alone=True) as home:
        cascade.look_and_find(home)
"""


@pytest.fixture(scope="module", autouse=True)
def _without_ocr() -> Iterator[None]:
    """As where the extra `ocr` is not installed: reading pictures is slow, and not the subject here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "available", lambda: False)
        yield


@pytest.fixture(scope="module")
def site(demo_folder: Path) -> Iterator[LoopbackPlatform]:
    """The demo's platform, with its real media."""
    with serve(plant(NOW), demo_folder / "media") as running:
        yield running


@pytest.fixture(scope="module")
def fetched(site: LoopbackPlatform, demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that knows a trailer, and has fetched all but the originals.

    1 and 2 are strangers; 3 to 5 are copies: one has a better rendition, one has none, one had one; 9 hides three
    seconds of the trailer after five of a stranger, and before ten more.
    """
    folder = tmp_path_factory.mktemp("cascade") / "fetched"
    folder.mkdir()
    parts = [("reef", 0, 5), ("choir-exact", 4, 7), ("birches", 0, 5), ("skyline", 0, 5)]
    clip = spliced([(demo_folder / "media" / f"{name}.mp4", start, end) for name, start, end in parts], folder)
    with made(folder, site) as home:
        reference(home, demo_folder / "references")
        seen(home, site, "dunes.mp4", "nebula.mp4")
        see(home, in_two_sizes(site, 3), carrying(4, f"{site.base_url}/media/choir-mirrored.mp4"))
        see(home, in_two_sizes(site, 5, best="never-was.mp4"))
        stages.fetch(home)
        see(home, post(9))
        home.ledger.save_media([media(post(9).id, home.blobs.copy(clip))])
    return folder


@pytest.fixture(scope="module")
def calm(fetched: Path, site: LoopbackPlatform, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The same home after an undisturbed run, and what that run asked the platform for."""
    folder = tmp_path_factory.mktemp("cascade") / "calm"
    shutil.copytree(fetched, folder)
    site.requests.clear()
    with open_home(folder, alone=True) as opened:
        cascade.look_and_find(opened)
    return folder, list(site.requests)


@pytest.fixture
def home(calm: tuple[Path, list[str]], tmp_path: Path) -> Iterator[Home]:
    """A home of one's own after that run."""
    shutil.copytree(calm[0], tmp_path / "home")
    with open_home(tmp_path / "home", alone=True) as opened:
        yield opened


def in_two_sizes(site: LoopbackPlatform, number: int, *, best: str = "choir-caption.mp4") -> Post:
    """A post whose clip is offered small, and as another file at full size."""
    small, large = (f"{site.base_url}/media/{name}" for name in ("choir-border.mp4", best))
    one = carrying(number, small)
    offered = (Rendition(url=small, height_px=270), Rendition(url=large, height_px=1080))
    return replace(one, attachments=(replace(one.attachments[0], renditions=offered),))


def see(home: Home, *posts: Post) -> None:
    """Save posts as a crawl would."""
    home.ledger.save_posts(watch().id, [(one, "f" * 64) for one in posts], seen_at=NOW)


def triage(home: Home, number: int) -> str:
    """The sha256 of the file that a post was first fetched as."""
    (row,) = home.ledger.rows("SELECT sha256 FROM media WHERE post LIKE ? AND rendition = 'triage'", [f"%/{number}"])
    return str(row["sha256"])


def sparse(home: Home) -> dict[str, set[int]]:
    """Post -> whether its triage file's features are of the first look."""
    sql = (
        "SELECT post, sparse FROM media JOIN receipts r ON r.subject = sha256 AND r.stage = 'fingerprint'"
        " WHERE method = 'local' AND rendition = 'triage'"
    )
    found: dict[str, set[int]] = {}
    for row in home.ledger.rows(sql):
        found.setdefault(row["post"].rsplit("/", 1)[-1], set()).add(row["sparse"])
    return found


def everything(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows that two runs must agree in."""
    with sqlite3.connect(folder / "ledger.db") as connection:
        asked = sorted(connection.execute("SELECT * FROM closer_looks"))
    return rows(folder) | {"closer_looks": asked}


def test_stranger_is_looked_at_once_and_a_copy_closely(home: Home) -> None:
    """What nothing speaks for stays with the first look; what matches gets all its frames."""
    left = [home.ledger.count_pending(stage, now=stages.now()) for stage in cascade.STAGES]

    assert sparse(home) == {"1": {1}, "2": {1}, "3": {0}, "4": {0}, "5": {0}, "9": {0}}
    assert left == [0, 0, 0, 0]


def test_closer_look_leaves_what_one_whole_look_would(home: Home) -> None:
    """The second look's fingerprints stand in place of the first's, neither more nor fewer."""
    sha256 = triage(home, 3)
    whole = fingerprint(FileJob(sha256="x", path=home.blobs.get(sha256), methods=tuple(methods()), plan=WHOLE))
    kept = {name: matching.fingerprints(home.ledger, method, sha256) for name, method in methods().items()}

    assert kept == {name: sorted(found, key=lambda one: (one.offset_s, one.region)) for name, found in whole.items()}


def test_kill_between_passes_changes_nothing(fetched: Path, tmp_path: Path, calm: tuple[Path, list[str]]) -> None:
    """kill -9 between the looks, and within the second: as if nothing had been."""
    folder, script = tmp_path / "home", tmp_path / "killed.py"
    shutil.copytree(fetched, folder)
    script.write_text(KILLED, encoding="utf-8")
    places = ["stages fingerprint_files 2", "Ledger save_fingerprints 2"]
    died = [
        subprocess.run([sys.executable, str(script), str(folder), *place.split()], cwd=ROOT, check=False).returncode
        for place in places
    ]
    with open_home(folder, alone=True) as opened:
        cascade.look_and_find(opened)

    assert died == [-signal.SIGKILL] * 2
    assert everything(folder) == everything(calm[0])


def test_copy_spliced_into_the_middle_is_found(home: Home) -> None:
    """Three seconds of the trailer in eighteen: found by the first look, timed by the second."""
    (best,) = home.ledger.rows("SELECT segments FROM matches WHERE sha256 = ? AND method = 'phash'", [triage(home, 9)])
    (found,) = home.ledger.rows("SELECT score FROM findings WHERE post LIKE '%/9'")
    starts = [part["query_start_s"] for part in json.loads(best["segments"])]

    assert found["score"] > HIT_SCORE
    assert min(starts) == pytest.approx(5, abs=0.5)


def spliced(parts: list[tuple[Path, int, int]], into: Path) -> Path:
    """One clip of stretches of others."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
    for path, start, end in parts:
        command += ["-ss", str(start), "-t", str(end - start), "-i", str(path)]
    chain = "".join(f"[{number}:v]" for number in range(len(parts))) + f"concat=n={len(parts)}:v=1:a=0[out]"
    target = into / "spliced.mp4"
    subprocess.run([*command, "-filter_complex", chain, "-map", "[out]", "-crf", "26", str(target)], check=True)
    return target


def test_original_is_fetched_of_proved_copies_only(home: Home, calm: tuple[Path, list[str]], demo_folder: Path) -> None:
    """The full-size file of a copy is kept beside the triage file, and its marks are read; no stranger's is."""
    (kept,) = home.ledger.rows("SELECT sha256 FROM media WHERE rendition = 'original' AND post LIKE '%/3'")
    looked = home.ledger.rows("SELECT method FROM receipts WHERE subject = ?", [kept["sha256"]])

    assert home.blobs.get(kept["sha256"]).read_bytes() == (demo_folder / "media/choir-caption.mp4").read_bytes()
    assert [row["method"] for row in looked] == ["marks"]
    assert {"GET /media/choir-caption.mp4", "GET /media/never-was.mp4"} <= set(calm[1])
    assert not [one for one in calm[1] if "dunes" in one or "nebula" in one or "mirrored" in one]


def test_only_size_there_is_counts_as_the_original(home: Home) -> None:
    """A platform with one file a clip is not asked for it again."""
    sizes = home.ledger.rows("SELECT rendition, sha256 FROM media WHERE post LIKE '%/4' ORDER BY rendition")

    assert ([row["rendition"] for row in sizes], len({row["sha256"] for row in sizes})) == (["original", "triage"], 1)


def test_best_that_is_still_there_is_kept(home: Home) -> None:
    """The large file went while we looked: the small one is the best there is."""
    (kept,) = home.ledger.rows("SELECT sha256 FROM media WHERE rendition = 'original' AND post LIKE '%/5'")

    assert kept["sha256"] == triage(home, 5)


def test_original_that_does_not_come_is_waited_for(home: Home, site: LoopbackPlatform) -> None:
    """A failure of its own, with its time; what was found stands."""
    (row,) = home.ledger.rows("SELECT id, post FROM findings WHERE post LIKE '%/3'")
    with home.ledger.write():
        home.ledger.db.execute("DELETE FROM media WHERE rendition = 'original' AND post = ?", [row["post"]])
        home.ledger.db.execute("UPDATE findings SET score = score WHERE id = ?", [row["id"]])
    site.fault("/media/choir-caption.mp4", status=503, times=9)
    stages.fetch_originals(home)
    site.clear_faults()
    failed = home.ledger.rows("SELECT error FROM failures WHERE stage = 'original' AND subject = ?", [row["post"]])

    assert failed == [{"error": "temporary"}]
    assert home.ledger.pending("original", now=stages.now() + timedelta(hours=1)) == [(row["post"], "")]


def test_reference_added_late_asks_for_a_closer_look(home: Home, demo_folder: Path, tmp_path: Path) -> None:
    """Strangers' files: one that is itself taken into the bank, and one that a new reference is like."""
    own = Path(shutil.copy(home.blobs.get(triage(home, 1)), tmp_path / "dunes.mp4"))
    like = spliced([(demo_folder / "media" / "nebula.mp4", 0, 4)], tmp_path)
    with track("references") as progress:
        place = {"brand": "brand", "franchise": "Lanterns of Avelore", "element": None}
        refs.add(home, **place, bank=Bank.POSITIVE, paths=[own, like], progress=progress)
    cascade.look(home)

    assert (sparse(home)["1"], sparse(home)["2"]) == ({0}, {0})


def test_words_and_labels_come_first(home: Home, site: LoopbackPlatform) -> None:
    """A post that names the title and is labelled as generated is fetched before another, and looked at whole."""
    label = AiLabel(field="ai", value="generated")
    plain = [carrying(number, f"{site.base_url}/media/{name}.mp4") for number, name in ((6, "reef"), (7, "corridor"))]
    see(home, plain[0], replace(plain[1], text="Lanterns of Avelore, the Moonlit Gown", ai_label=label))
    finding.find(home)
    site.requests.clear()
    one_at_a_time = home.settings.model_copy(update={"fetch": home.settings.fetch.model_copy(update={"workers": 1})})
    stages.fetch(replace(home, settings=one_at_a_time))
    asked = site.requests[0]
    stages.fingerprint_files(home)

    assert asked == "GET /media/corridor.mp4"
    assert (sparse(home)["6"], sparse(home)["7"]) == ({1}, {0})


def test_originals_are_due_of_hits_that_are_proved(home: Home) -> None:
    """The ledger's triggers and core.findings agree on what a hit is, and whose account is never one."""
    asked, expected = [], []
    for basis, score, author in product(Basis, (HIT_SCORE, HIT_SCORE - 0.01), AuthorClass):
        (row,) = home.ledger.rows("SELECT post FROM media WHERE post LIKE '%/1'")
        hit = Finding(
            id="F-1", post=row["post"], franchise=FRANCHISE, element=None, basis=basis, score=score, reasons=(),
            ai_evidence=(), author_class=author,
        )  # fmt: skip
        home.ledger.save_findings(row["post"], [hit], 1, at=NOW)
        asked.append(bool(home.ledger.pending("original", now=NOW)))
        home.ledger.db.execute("DELETE FROM work WHERE stage = 'original'")
        expected.append(basis is Basis.COPY and score >= HIT_SCORE and author not in NEVER_HITS)

    assert asked == expected
    assert {True, False} == set(asked)


def test_quick_scan_finds_a_mirrored_copy_by_its_key_frames(home: Home, demo_folder: Path) -> None:
    """Two methods, a few frames: enough for a plain copy, and silent of a stranger."""
    names = [str(demo_folder / "media" / f"{name}.mp4") for name in ("choir-mirrored", "dunes")]
    found = {record["path"]: {one["method"] for one in record["matches"]} for record in scan(home, names, quick=True)}

    assert found == {names[0]: {"phash", "local"}, names[1]: set()}


def test_near_is_less_than_a_match() -> None:
    """Sixteen agreeing features in one frame: no match, and worth a closer look."""
    local = methods()["local"]
    (one,) = local.fingerprint([Frame(offset_s=0.0, luma=scene(1))])
    (other,) = local.fingerprint([Frame(offset_s=0.0, luma=scene(2))])
    bank = local.bank(local, [("r", [one])])
    weak = replace(one, value=one.value[: 4 + 16 * ROW_BYTES])

    told = near(bank, "q", [weak]), near(bank, "other", [other]), near(bank, "empty", [])

    assert (bank.compare("q", [weak]), *told, near(bank, "q", [])) == ([], True, False, False, True)


def test_work_of_the_cascade_is_found_by_an_index(home: Home) -> None:
    """What asks the ledger at each step walks no table of posts, media or fingerprints."""
    plan = home.ledger.rows("EXPLAIN QUERY PLAN SELECT 1 FROM hit_posts WHERE post = 'x'")

    assert not [row for row in plan if row["detail"].startswith("SCAN findings")]
    assert passes.promising_posts(home.ledger) == []
