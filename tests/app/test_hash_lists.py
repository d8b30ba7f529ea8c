"""Hash lists: every form that others keep is read, what cannot be used is told by its line, nothing is guessed."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from app import matching, refs, stages
from app.brands import load_all
from app.cli import VERBS
from app.console import app
from app.hash_layouts import Layout
from app.hash_lists import MOST_JSON_BYTES, Entry, Hash, LeftOut, count_lines, read, write
from app.home import Home, open_home
from app.progress import Track
from core.errors import NotFound, SettingsWrong
from core.records import Bank, Fingerprint
from matchers import pdq, phash
from matchers.examples import scene, still
from store import queries
from tests.builders import NOW, media, reference

RANDOM = np.random.default_rng(20261121)
HASHES = [value.tobytes().hex() for value in pdq.hashes([scene(seed) for seed in range(8)])[0]]
A, B, C = HASHES[:3]
EMPTY, SHORT, MD5 = "0" * 64, "f" * 16, "d41d8cd98f00b204e9800998ecf8427e"


def listed(path: Path, text: str, method: str | None = "pdq") -> list[Entry | LeftOut]:
    file = path / "list.txt"
    file.write_text(text, encoding="utf-8")
    return list(read(file, method))


def kept(found: list[Entry | LeftOut]) -> list[tuple[int, str, str, str, int]]:
    return [(one.line, one.method, one.value.hex(), one.name, one.quality) for one in found if isinstance(one, Entry)]


def whys(found: list[Entry | LeftOut]) -> list[tuple[int, str]]:
    return [(one.line, one.why) for one in found if isinstance(one, LeftOut)]


@pytest.mark.parametrize(
    ("text", "name", "quality"),
    [
        (A, "list.txt:1", 100),
        (f"  {A.upper()}  ", "list.txt:1", 100),
        (f"{A},gown, front.jpg", "front.jpg", 100),
        (f'{A},"gown, front.jpg"', "gown, front.jpg", 100),
        (f"gown.jpg,{A}", "gown.jpg", 100),
        (f"{A}\tgown.jpg", "gown.jpg", 100),
        (f"{A};gown.jpg", "gown.jpg", 100),
        (f"{A}  gown front.jpg", "gown front.jpg", 100),
        (f"pdq {A}", "list.txt:1", 100),
        (f"{A},87,gown.jpg", "gown.jpg", 87),
        (f"hash={A},norm=128,delta=0,quality=87,filename=gown.jpg", "gown.jpg", 87),
        (f"{A},3058061737574159,2020-07-01T18:31:15+0000,gown true_positive", "gown true_positive", 100),
        (f'["{A}"]', "list.txt:1", 100),
        (f'[["{A}", "gown.jpg"]]', "gown.jpg", 100),
        (f'[{{"hash": "{A}", "name": "gown.jpg", "quality": 87}}]', "gown.jpg", 87),
        (f'{{"gown.jpg": "{A}"}}', "gown.jpg", 100),
        (f'{{"indicator": "{A}", "type": "HASH_PDQ", "tags": ["gown", "front"]}}\n', "gown front", 100),
        (f'{{"data": [{{"raw_indicator": "{A}", "tags": {{"data": [{{"text": "gown"}}]}}}}]}}', "gown", 100),
    ],
)
def test_list_is_read_in_the_form_it_is_kept(tmp_path: Path, text: str, name: str, quality: int) -> None:
    """One hash, whatever stands around it: its name and its quality, where the list says them."""
    assert kept(listed(tmp_path, text)) == [(1, "pdq", A, name, quality)]


def test_header_says_which_column_is_which(tmp_path: Path) -> None:
    """Two columns look like hashes, and the header tells them apart; as python-threatexchange prints it, too."""
    table = f"sha256,phash,title\n{B},{A},Gown\n{A},{C},Hall\n"
    dataset = f"signal_type,signal_str,collab,category,tags\npdq,{A},Sample,POSITIVE_CLASS,gown\n"

    assert [row[2:4] for row in kept(listed(tmp_path, table, "phash"))] == [(A, "Gown"), (C, "Hall")]
    assert kept(listed(tmp_path, dataset, None)) == [(2, "pdq", A, "gown", 100)]


def test_comments_and_empty_lines_count_and_say_nothing(tmp_path: Path) -> None:
    """Line numbers are those of an editor."""
    assert [row[0] for row in kept(listed(tmp_path, f"\ufeff# ours\r\n\r\n{A}\r\n\n{B}"))] == [3, 5]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (SHORT, "64 bits, and ours have 256"),
        (f"gown.jpg,{SHORT}", "64 bits, and ours have 256"),
        (MD5, "as MD5 has"),
        ("gown.jpg", "no hash of 64 hexadecimal digits in 'gown.jpg'"),
        ("g" * 64, "no hash of 64"),
        (A[:-1] + "٣", "no hash of 64"),
        (f"{A},{B}", "two hashes in one line"),
        (EMPTY, "empty picture"),
        ("f" * 64, "empty picture"),
        ("x" * 100_000, "longer than 4000 letters"),
        (f'"{"x" * 4100},{A}', "longer than 4000 letters"),
        (",,,", "no hash of 64"),
        ("\x00\x1b[2J", "no hash of 64"),
    ],
)
def test_line_that_cannot_be_used_is_told(tmp_path: Path, line: str, why: str) -> None:
    """Its number and why; the lines around it are kept."""
    found = listed(tmp_path, f"{A}\n{line}\n{B}\n")

    assert [row[2] for row in kept(found)] == [A, B]
    assert [(number, why in told, told.isprintable()) for number, told in whys(found)] == [(2, True, True)]


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (7, "neither a hash"),
        (None, "neither a hash"),
        ([], "neither a hash"),
        ({}, "no hash"),
        ({"hash": None}, "no hash"),
        ({"hash": 12}, "no hash"),
        ({"indicator": B, "type": "HASH_SHA256"}, "of type hash_sha256"),
        ({"indicator": B, "type": "phash"}, "of type phash, not pdq"),
        ({"indicator": B, "type": "HASH_PDQ", "should_delete": True}, "withdrawn"),
        ({"indicator": B, "type": "HASH_PDQ", "status": "NON_MALICIOUS"}, "withdrawn"),
    ],
)
def test_item_that_cannot_be_used_is_told(tmp_path: Path, item: object, why: str) -> None:
    """The same of JSON, by its place in the list."""
    found = listed(tmp_path, json.dumps([A, item, {"hash": C, "should_delete": False, "type": "photo"}]))

    assert [row[2] for row in kept(found)] == [A, C]
    assert [(number, why in told) for number, told in whys(found)] == [(2, True)]


def test_json_lines_are_read_one_by_one(tmp_path: Path) -> None:
    """A line that does not parse is left out; the document is never read whole."""
    found = listed(tmp_path, f'{{"hash": "{A}"}}\n{{"hash": \n\n{{"hash": "{B}", "name": "hall"}}\n')

    assert ([row[0] for row in kept(found)], [number for number, _ in whys(found)]) == ([1, 4], [2])


@pytest.mark.parametrize("text", ["[", "[" * 100_000, '{"a": ', "[" + "9" * 5000 + "]x"])
def test_document_that_does_not_parse_is_refused(tmp_path: Path, text: str) -> None:
    """One line for a person, however deep or long it is."""
    with pytest.raises(SettingsWrong, match="does not parse"):
        listed(tmp_path, text)


def test_absurd_document_is_refused_unread(tmp_path: Path) -> None:
    """A JSON document beyond the limit is not taken into memory."""
    file = tmp_path / "list.json"
    with file.open("wb") as out:
        out.write(b"[\n")
        out.truncate(MOST_JSON_BYTES + 1)

    with pytest.raises(SettingsWrong, match="256 MiB"):
        list(read(file, "pdq"))


def test_method_is_never_guessed(tmp_path: Path) -> None:
    """PDQ and imagehash write the same 64 digits: somebody has to say which it is."""
    with pytest.raises(SettingsWrong, match=r"list.txt:2: .* say --method"):
        listed(tmp_path, f"# a list\n{A}\n", None)
    with pytest.raises(NotFound):
        list(read(tmp_path, "pdq"))


def test_names_of_strangers_are_made_harmless(tmp_path: Path) -> None:
    """No escape sequence and no turned text reaches a terminal, and no name is endless."""
    ((_, _, _, name, _),) = kept(listed(tmp_path, f"{A},\x1b[31m\u202egpj.nwog{'x' * 900}"))

    assert (name.isprintable(), "\u202e" in name, 190 < len(name) <= 200) == (True, False, True)


@pytest.mark.parametrize("method", ["pdq", "phash"])
@pytest.mark.parametrize("layout", Layout)
def test_what_is_written_can_be_read(tmp_path: Path, layout: Layout, method: str) -> None:
    """Every layout gives the hashes back, and all but the barest their names and qualities."""
    hashes = [
        Hash(
            value=bytes.fromhex(text),
            quality=90,
            name=f'=gown, "{number}"',
            offset_s=number / 2,
            bank="positive",
            franchise="b/t",
            element=None,
            reference=f"R-{number}",
        )
        for number, text in enumerate(HASHES)
    ]
    file = io.StringIO()
    if method == "phash" and layout in {Layout.SIGNALS, Layout.THREATEXCHANGE}:
        with pytest.raises(SettingsWrong, match="has no type for phash"):
            write(hashes, layout, method, file)
        return

    assert write(iter(hashes), layout, method, file) == 8
    back = kept(listed(tmp_path, file.getvalue(), method))

    assert [(row[1], row[2]) for row in back] == [(method, text) for text in HASHES]
    if layout in {Layout.CSV, Layout.JSON}:
        assert [(row[3].lstrip("'"), row[4]) for row in back] == [(one.name, 90) for one in hashes]


# --------------------------------------------------------------- in the ledger
@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A home with a brand file: one franchise of one element."""
    (tmp_path / "brands").mkdir()
    (tmp_path / "brands" / "b.yml").write_text(
        "brand: B\nfranchises: [{title: T, owner: O, hashtags: [t], elements: [{name: Gown, nature: costume}]}]\n",
        encoding="utf-8",
    )
    return tmp_path


@pytest.fixture
def home(folder: Path) -> Iterator[Home]:
    """The home opened, all methods registered, the brand known."""
    with open_home(folder, alone=True) as opened:
        stages.register(opened.ledger)
        for brand in load_all(opened.brands, {}):
            opened.ledger.sync(brand)
        yield opened


def imported(home: Home, text: str, *, method: str | None = "pdq", bank: Bank = Bank.POSITIVE) -> refs.Imported:
    file = home.folder / "list.txt"
    file.write_text(text, encoding="utf-8")
    return refs.import_hashes(
        home,
        brand="b",
        franchise="t",
        element="gown",
        bank=bank,
        paths=[file],
        method=method,
        progress=Track("import", None),
    )


def work(home: Home) -> set[tuple[str, str]]:
    return {(row["stage"], row["method"]) for row in home.ledger.rows("SELECT stage, method FROM work")}


def test_entry_becomes_a_reference_without_a_file(home: Home) -> None:
    """Named, in its bank, of its element; only its own method has anything left to do, and nothing fails."""
    done = imported(home, f"{A},gown.jpg\n{B}\nnonsense\n", bank=Bank.NEGATIVE)
    known = queries.references(home.ledger)
    counts = stages.fingerprint_files(home)

    assert (done.new, done.known, done.left_out, done.weak, done.doubtful) == (2, 0, 1, 0, False)
    assert [(one.name, one.bank, one.element, one.kind, one.size_bytes) for one in known] == [
        ("gown.jpg", Bank.NEGATIVE, "b/t/gown", "image", 0),
        ("list.txt:2", Bank.NEGATIVE, "b/t/gown", "image", 0),
    ]
    assert work(home) == {("sweep", "pdq")}
    assert (counts, home.ledger.count("failures")) == ({"files": 0, "unreadable": 0}, 0)


def test_second_import_changes_nothing(home: Home) -> None:
    """Twice in a list, twice imported, in other letters and with another name: the same references, no new work."""
    first = imported(home, f"{A},gown.jpg\n{A}\n{B}\n")
    matching.match_files(home)
    before = queries.references(home.ledger)
    again = imported(home, f"{B}\nother.jpg,{A.upper()}\n")

    assert (first.new, first.known, again.new, again.known) == (2, 1, 0, 2)
    assert (queries.references(home.ledger), work(home)) == (before, set())


def test_imported_hash_finds_a_clip(home: Home) -> None:
    """A clip that shows the picture matches the entry, whichever of the two came first."""
    prints = [
        Fingerprint(offset_s=float(second), region="whole", value=bytes.fromhex(text), quality=100)
        for second, text in enumerate(HASHES)
    ]
    home.ledger.db.execute("PRAGMA foreign_keys = OFF")  # a clip without its post
    for sha256, before in (("a" * 64, True), ("c" * 64, False)):
        if not before:
            imported(home, f"{C},gown.jpg\n")
        home.ledger.save_media([media(f"post {sha256[0]}", sha256)])
        home.ledger.save_fingerprints(sha256, "pdq", pdq.METHOD.version, prints, at=NOW)
        matching.match_files(home)
    found = home.ledger.rows("SELECT sha256, distance, reference FROM matches ORDER BY sha256")
    (reference,) = queries.references(home.ledger)

    assert [(row["sha256"][0], row["distance"], row["reference"]) for row in found] == [
        ("a", 0, reference.id),
        ("c", 0, reference.id),
    ]


def test_hash_of_low_quality_is_kept_and_counted(home: Home) -> None:
    """PDQ's own quality is believed: below 50 an entry is never compared, and the import says so."""
    done = imported(home, f"{A},49,faint.jpg\n{B},50,gown.jpg\n")

    assert (done.new, done.weak) == (2, 1)
    assert len(matching.reference_bank(home.ledger, pdq.METHOD)) == 1


def test_entry_outlives_a_new_version_of_its_method(home: Home) -> None:
    """There is no file to hash anew: the hash counts on as the list wrote it, with nothing to do and none doubled."""
    imported(home, f"{A},gown.jpg\n{B},49,faint.jpg\n")
    newer = replace(pdq.METHOD, version=pdq.METHOD.version + 1)
    home.ledger.register_methods({"pdq": newer.version})
    (entry,) = (one for one in queries.references(home.ledger) if one.name == "gown.jpg")
    clip = Fingerprint(offset_s=0.0, region="whole", value=bytes.fromhex(A), quality=100)
    found = matching.reference_bank(home.ledger, newer).compare("a" * 64, [clip])

    assert [(match.reference, match.distance) for match in found] == [(entry.id, 0)]
    assert (work(home), home.ledger.count("fingerprints")) == (set(), 2)


@pytest.mark.parametrize(("genuine", "doubtful"), [(True, False), (False, True)])
def test_list_of_another_kind_of_hash_is_doubted(home: Home, *, genuine: bool, doubtful: bool) -> None:
    """SHA-256 has 64 digits as well; its ones and zeros are not balanced as medians leave them."""
    drawn = [value.tobytes().hex() for value in pdq.hashes([scene(seed) for seed in range(60)])[0]]
    texts = drawn if genuine else [RANDOM.bytes(32).hex() for _ in range(60)]

    assert imported(home, "\n".join(texts)).doubtful is doubtful


def test_imagehash_list_is_as_good_as_the_pictures(home: Home) -> None:
    """What str(imagehash.phash(picture, hash_size=16)) wrote is found by our own hash of the picture."""
    imported(
        home, "\n".join(str(imagehash.phash(Image.fromarray(scene(n)), hash_size=16)) for n in range(5)), method="phash"
    )
    bank = matching.reference_bank(home.ledger, phash.METHOD)
    prints = [
        Fingerprint(offset_s=0.0, region="whole", value=phash.bits([scene(n)])[0].tobytes(), quality=100)
        for n in range(5)
    ]

    assert [match.distance for one in prints for match in bank.compare("q", [one])] == [0] * 5


def test_export_goes_into_another_home(home: Home, tmp_path: Path) -> None:
    """References of pictures and of lists alike, of one bank; the other home knows the same hashes by their names."""
    home.ledger.save_references([reference(franchise="b/t", name="gown.png")])
    prints = pdq.fingerprint(still(scene(3)))
    home.ledger.save_fingerprints("b" * 64, "pdq", pdq.METHOD.version, prints, at=NOW)
    imported(home, f"{A},hall.jpg\n")
    imported(home, f"{B},not ours.jpg\n", bank=Bank.NEGATIVE)
    file = io.StringIO()
    count = write(refs.export_hashes(home, method="pdq", bank=Bank.POSITIVE), Layout.CSV, "pdq", file)
    back = kept(listed(tmp_path, file.getvalue(), None))

    assert count == 2
    assert {(row[2], row[3]) for row in back} == {(HASHES[3], "gown.png"), (A, "hall.jpg")}


def test_unknown_method_is_told(home: Home) -> None:
    """Only hashes of 256 bits travel as text."""
    for wrong in (
        lambda: imported(home, A, method="sound"),
        lambda: list(refs.export_hashes(home, method="sound", bank=Bank.POSITIVE)),
    ):
        with pytest.raises(SettingsWrong, match="no hash lists of sound; there are: pdq, phash"):
            wrong()


def test_line_count_is_that_of_the_file(tmp_path: Path) -> None:
    """What the progress bar runs to."""
    (tmp_path / "list").write_text("a\n" * 70_000, encoding="utf-8")

    assert count_lines(tmp_path / "list") == 70_000


def test_commands_import_and_export(folder: Path) -> None:
    """Exit 4 with the lines left out named, 0 when all were used, 1 when there is nothing to export."""
    at, names = ["--home", str(folder)], ["--brand", "b", "--franchise", "t", "--method", "pdq"]
    good, bad = folder / "good.txt", folder / "bad.txt"
    good.write_text(f"{A}\n", encoding="utf-8")
    bad.write_text(f"{B}\nnonsense [red]\n", encoding="utf-8")
    assert VERBS  # they register the commands
    run = CliRunner()
    told = run.invoke(app, [*at, "refs", "import", *names, str(good), str(bad)])
    counted = run.invoke(app, [*at, "refs", "import", *names, "--json", str(good)])
    written = run.invoke(app, [*at, "refs", "export", "--format", "signals"])
    nothing = run.invoke(app, [*at, "refs", "export", "--bank", "negative"])

    assert (told.exit_code, counted.exit_code, written.exit_code, type(nothing.exception)) == (4, 0, 0, NotFound)
    assert "bad.txt:2: no hash of 64 hexadecimal digits in 'nonsense [red]'" in told.stdout
    assert json.loads(counted.stdout)["known"] == 1
    assert sorted(written.stdout.splitlines()) == sorted([f"pdq {A}", f"pdq {B}"])
