"""The case page says what a caption was, when, and what changed, whoever wrote it."""

import html
import re
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from core.records import AiLabel
from review.edits import marked
from store import queries
from store.ledger import Ledger
from tests.review.seed import UNTIL

Said = tuple[str, tuple[str, ...], AiLabel | None]
TURNED = "\u202egninnips\u202c"


def edited(ledger: Ledger, *said: str, tags: tuple[tuple[str, ...], ...] = (), label: AiLabel | None = None) -> str:
    """A case whose lead says these one day after the other; the label is there from the last on."""
    row = ledger.rows("SELECT q.case_id, f.post, p.watch FROM queue q JOIN findings f ON f.id = q.lead"
                      " JOIN posts p ON p.id = f.post ORDER BY q.case_id")[0]  # fmt: skip
    post = queries.post(ledger, row["post"])
    for day, text in enumerate(said):
        last = day == len(said) - 1
        seen = replace(post, text=text, hashtags=tags[day] if tags else (), ai_label=label if last else None)
        ledger.save_posts(row["watch"], [(seen, f"{day:064d}")], seen_at=UNTIL + timedelta(days=day))
    return str(row["case_id"])


def shown(client: TestClient, case: str) -> list[str]:
    """The changes as the page has them, the newest first."""
    page = client.get(f"/cases/{case}").text
    return re.findall(r'<p class="was" dir="auto">(.*?)</p>', page, re.DOTALL)


def test_page_marks_what_was_taken_out_and_put_in(client: TestClient, home_ledger: Ledger) -> None:
    """The newest change first, with the instants between which each text was seen."""
    case = edited(home_ledger, "Lanterns of Avelore fan clip", "fan clip of mine", "fan art of mine")
    newest, before = shown(client, case)[:2]
    page = client.get(f"/cases/{case}").text

    assert newest == "fan <del>clip </del><ins>art </ins>of mine "
    assert before == "<del>Lanterns of Avelore </del>fan clip <ins>of mine </ins>"
    assert f"{UNTIL + timedelta(days=2):%Y-%m-%d %H:%M}</time>" in page


def test_page_marks_tags_beside_the_text_and_the_label(client: TestClient, home_ledger: Ledger) -> None:
    """What no caption shows is told all the same."""
    label = AiLabel(field="is_ai", value="made with AI")
    case = edited(home_ledger, "a clip", "a clip", tags=(("lanterns", "art"), ("art", "eggs")), label=label)
    page = client.get(f"/cases/{case}").text

    assert "<del><bdi>#lanterns</bdi></del> <ins><bdi>#eggs</bdi></ins>" in page
    assert "<ins><bdi>made with AI</bdi></ins>" in page
    assert page.count("#art</bdi>") == 1  # put in by the edit before


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "</del><img src=x onerror=alert(1)>",
        "{{ 7 * 7 }}{% raw %}",
        TURNED,
        "\x00\x1b[2J",
        "",
    ],
)
def test_earlier_captions_are_text_and_nothing_else(client: TestClient, home_ledger: Ledger, hostile: str) -> None:
    """Escaped, and without what turns the reading direction or rings a bell; gone and put in alike."""
    case = edited(home_ledger, f"one {hostile}", f"two {hostile} three", hostile)
    changes = shown(client, case)
    told = " ".join(changes)

    assert len(changes) == 3
    assert not re.findall(r"<(?!/?(?:del|ins|span)\b)", told)
    assert not set(told) & {"\u202e", "\u202c", "\x00", "\x1b"}
    assert all(word in html.unescape(told) for word in re.findall(r"[a-z]{4,}", hostile))


def test_post_without_edits_shows_no_history(client: TestClient, home_ledger: Ledger) -> None:
    """Nothing stands where nothing was seen to change."""
    case = home_ledger.rows("SELECT case_id FROM queue LIMIT 1")[0]["case_id"]

    assert shown(client, case) == []
    assert client.get(f"/v1/cases/{case}").json()["captions"] == []


def test_api_tells_each_text_with_its_times_and_its_answer(client: TestClient, home_ledger: Ledger) -> None:
    """For programs, with the hash of what it was read from."""
    case = edited(home_ledger, "first", "second")
    told: list[dict[str, Any]] = client.get(f"/v1/cases/{case}").json()["captions"]
    earlier = told[0]["earlier"]

    assert (told[0]["edits"], told[0]["left_out"], earlier[-1]["text"]) == (2, 0, "first")
    assert (earlier[-1]["raw_sha256"], earlier[-1]["until_at"]) == (f"{0:064d}", told[0]["since"])


def test_thousand_long_edits_stay_a_page(client: TestClient, home_ledger: Ledger) -> None:
    """Texts that have no two words in order in common, and so cost the most to compare."""
    case = edited(home_ledger, *(" ".join(f"{edit * n % 7}" for n in range(4000)) for edit in range(1, 1000, 10)))
    started = time.monotonic()
    page = client.get(f"/cases/{case}")

    assert (page.status_code, len(page.content) < 1_500_000, time.monotonic() - started < 5) == (200, True, True)
    assert "50 later texts" in page.text


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("월하의 등불 좋아", "등불 좋아", [("gone", "월하의 "), ("same", "등불 좋아")]),
        ("月下の灯籠を見た", "月下の灯を見た", [("same", "月下の灯"), ("gone", "籠"), ("same", "を見た")]),
        ("one", "two", [("gone", "one "), ("new", "two ")]),
        ("", "two", [("new", "two ")]),
        ("", "", []),
    ],
)
def test_words_are_marked_as_their_script_sets_them(before: str, after: str, wanted: list[tuple[str, str]]) -> None:
    """By gaps where there are gaps, by letters where there are none."""
    assert list(marked(before, after)) == wanted
