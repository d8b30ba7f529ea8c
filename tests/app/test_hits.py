"""The daily list as data, table and spreadsheet: honest about its sources, and nobody's caption gets out."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from rich.console import Console

from app.hits import DailyList
from app.hits_files import as_json, cell, write_csv
from app.hits_page import render
from app.hits_table import print_table
from app.hits_words import summary
from core.records import Bank, Coverage, Verdict
from review.words import readable
from store.ledger import Ledger
from tests.app.hits_ledger import HOSTILE, LABEL, NOW, SUGGESTED, Desk, reference

FORMULA = re.compile("^[\\s\"']*[=+\\-@\uff1d\uff0b\uff0d\uff20]")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An empty desk with both sources seen today."""
    with Ledger(tmp_path / "ledger.db") as ledger:
        desk = Desk(ledger)
        desk.crawl("mastodon")
        desk.crawl("peertube")
        yield desk


def table(daily: DailyList, width: int = 160, *, terminal: bool = False) -> str:
    out = io.StringIO()
    colours: Literal["truecolor"] | None = "truecolor" if terminal else None
    print_table(daily, Console(file=out, width=width, force_terminal=terminal, color_system=colours))
    return out.getvalue()


def sheet(daily: DailyList) -> str:
    out = io.StringIO(newline="")
    write_csv(daily, out)
    return out.getvalue()


def page(daily: DailyList) -> str:
    return render(daily, lambda _: None)


FORMS: dict[str, Callable[[DailyList], str]] = {
    "table": table,
    "json": lambda daily: json.dumps(as_json(daily)),
    "csv": sheet,
    "page": page,
}


def test_proofs_and_suggestions_are_apart(desk: Desk) -> None:
    """A hash proves a copy; words and a label only suggest, and stand in a list of their own."""
    copied, suggested = desk.post(equals="gown"), desk.post(SUGGESTED, label=LABEL)
    daily = desk.list()

    assert [[row.post.id for row in rows] for rows in (daily.copies, daily.suggestions)] == [[copied], [suggested]]


def test_licensed_account_is_counted_not_listed(desk: Desk) -> None:
    """What a licensee posts is never a hit, and is not passed over in silence."""
    desk.post(equals="gown", author="Licensee")
    daily = desk.list()

    assert (daily.hits, daily.aside) == ((), {"licensed": 1})


def test_expired_account_is_listed(desk: Desk) -> None:
    """Whose account it is is asked as of now: a term that is over excuses nothing."""
    desk.post(equals="gown", author="was_press")

    assert [row.finding.author_class for row in desk.list().hits] == ["unknown"]


def test_silenced_and_weak_findings_are_counted(desk: Desk) -> None:
    """A known false pair and a fan's hashtag are told apart, and neither is listed."""
    desk.ledger.save_references([reference("false", bank=Bank.NEGATIVE)])
    desk.post(equals="false")
    desk.post("I love #LanternsOfAvelore")

    assert desk.list().aside == {"silenced": 1, "below": 1}


def test_decision_stands_on_the_list(desk: Desk) -> None:
    """The latest verdict and who gave it are shown."""
    desk.post(equals="gown")
    finding = desk.list().hits[0].finding.id
    desk.ledger.save_decision(finding, Verdict.UNSURE, reviewer="ana", note="", fair_use=None, at=NOW)

    assert [(hit["verdict"], hit["reviewer"]) for hit in as_json(desk.list())["copies"]] == [("unsure", "ana")]


def test_pair_is_the_frames_that_matched(desk: Desk) -> None:
    """The moments of the reason are the moments shown, the reference first."""
    desk.post(equals="gown", sha256="mine")
    daily = desk.list()
    (pair,) = daily.pairs[daily.hits[0].finding.id]

    assert [moment and moment.key for moment in (pair.reference, pair.post)] == [("gown-sha256", 0.0), ("mine", 2.0)]


def test_suggestion_is_beside_its_element(desk: Desk) -> None:
    """No frame matched: the post's first one stands beside the official pictures, the element's own first."""
    desk.post(SUGGESTED, label=LABEL)
    daily = desk.list()
    shown = daily.pairs[daily.hits[0].finding.id]

    assert [pair.reference and pair.reference.name for pair in shown] == ["gown.png", "lake.png"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("hits", [0, 1])
def test_blind_source_is_said_in_every_form(desk: Desk, form: str, hits: int) -> None:
    """A source that failed is "source blind" with its reason, never "no hits"."""
    desk.crawl("peertube", Coverage.BLIND, "login wall")
    for _ in range(hits):
        desk.post(equals="gown")
    said = FORMS[form](desk.list())

    assert ("source blind" in said, "login wall" in said, "no hits" in said.lower()) == (True, True, False)


@pytest.mark.parametrize("form", FORMS)
def test_partial_source_is_said_in_every_form(desk: Desk, form: str) -> None:
    """A source seen in part says so, and why."""
    desk.crawl("peertube", Coverage.PARTIAL, "50 pages were not enough")

    assert "partial (50 pages were not enough)" in FORMS[form](desk.list())


def test_quiet_day_is_no_hits(desk: Desk) -> None:
    """Only when every source was seen does an empty list say so."""
    assert summary(desk.list()) == "No hits; every source was seen."


def test_never_crawled_is_blind(tmp_path: Path) -> None:
    """Before the first crawl nothing is known."""
    with Ledger(tmp_path / "ledger.db") as ledger:
        said = summary(Desk(ledger).list())

    assert said.startswith("Nothing could be seen, which does not mean that nothing is there. 2 of 2 sources blind")


def test_crawl_of_yesterday_says_nothing_about_today(desk: Desk) -> None:
    """A source that was fine last week and not asked since is not "seen"."""
    desk.ledger.db.execute("DELETE FROM crawls")
    for watch in ("mastodon", "peertube"):
        desk.crawl(watch, at=NOW - timedelta(days=3))

    assert summary(desk.list()).startswith("Nothing found in what was seen. 2 of 2 sources seen in part or not asked")


@pytest.mark.parametrize("width", [80, 160])
def test_table_fits_and_names_what_matters(desk: Desk, width: int) -> None:
    """Id, score, franchise, element, author, reason and address are there at both widths."""
    desk.post(equals="gown")
    daily = desk.list()
    said = table(daily, width)
    words = [
        daily.hits[0].finding.id,
        "0.95",
        "Gown",
        "@somebody",
        "1,234",
        "gown.png",
        "https://clips.example",
    ]

    assert ([word for word in words if word not in said], max(map(len, said.splitlines())) <= width) == ([], True)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_table_runs_nothing_of_a_stranger(desk: Desk, hostile: str) -> None:
    """No escape sequence, direction mark or rich markup of an author or address reaches the terminal."""
    desk.post(hostile, equals="gown", author=hostile, url=hostile)
    said = re.sub(r"\x1b\[[\d;]*m", "", table(desk.list(), 300, terminal=True))

    assert re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", said) == []


def test_table_shows_markup_as_it_is(desk: Desk) -> None:
    """[bold] in an author's name is four letters in brackets."""
    desk.post(equals="gown", author="[red]x[/]:skull:")

    assert "@[red]x[/]:skull:" in table(desk.list())


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_no_cell_is_a_formula(desk: Desk, delimiter: str) -> None:
    """Whatever a stranger writes, and where semicolons part the cells too, nothing is calculated."""
    for hostile in HOSTILE:
        desk.post(hostile, equals="gown", author=hostile, url=hostile)
    cells = [text for row in csv.reader(io.StringIO(sheet(desk.list())), delimiter=delimiter) for text in row]

    assert [text for text in cells if FORMULA.match(text) and not text.startswith("'")] == []


@pytest.mark.parametrize("hostile", HOSTILE)
def test_cell_holds_no_control_character(hostile: str) -> None:
    """Nor a line end: one hit is one line."""
    assert re.findall("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", cell(hostile)) == []


def test_sheet_opens_as_utf8_with_a_row_a_hit(desk: Desk) -> None:
    """The mark is there once, and every hit after it, however long its caption."""
    desk.post("é" * 1_000_000, equals="gown")
    desk.post("短い", equals="lake")
    text = sheet(desk.list())
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))

    assert (text.count("\ufeff"), sorted(len(row["text"]) for row in rows)) == (1, [2, 32_000])


def test_json_is_plain_and_whole(desk: Desk) -> None:
    """Reasons come with distance and threshold, the caption as it was written."""
    desk.post(HOSTILE[0], equals="gown")
    (hit,) = json.loads(json.dumps(as_json(desk.list())))["copies"]
    detail = hit["reasons"][0]["detail"]

    assert (detail["distance"], detail["threshold"], hit["text"]) == (12, 62, HOSTILE[0])


def test_readable_keeps_what_people_write() -> None:
    """Joined emoji and Persian words stay whole; only turning and control characters go."""
    family = "👨\u200d👩\u200d👧 می\u200cخواهم"

    assert readable(family + "\u202e", most=99) == family
