"""What posts said before: every text that was seen is kept, and nothing that was not said is told."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.records import AiLabel, AuthorClass, Basis, Finding, Post, WatchKind
from store.answers import Answer, reread
from store.captions import MOST_KEPT, as_json, captions_of, histories
from store.cases import Move, save_moves
from store.desk import Filter, cases
from store.ledger import Ledger
from tests.builders import FRANCHISE, NOW, brand, post, watch

HERE, OTHER = watch(), watch("elsewhere", site="https://other.example")
CAPTURED = watch(id="brand:mastodon:capture", site="", kind=WatchKind.URL)
LABEL = AiLabel(field="is_ai", value="true")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with two sites that are watched, and captures."""
    with Ledger(tmp_path / "ledger.db") as opened:
        opened.sync(brand(HERE, OTHER, CAPTURED))
        yield opened


def say(ledger: Ledger, day: int, text: str, *, by: str = HERE.id, **changes: Any) -> None:
    """The post says this on a day, as a watch sees it."""
    seen = post(1, text=text, **changes)
    ledger.save_posts(by, [(seen, f"{day:064d}")], seen_at=NOW + timedelta(days=day))


def said(ledger: Ledger) -> list[str]:
    """All it said, the present last."""
    now = ledger.rows("SELECT text FROM posts")[0]["text"]
    return [*(one.text for one in captions_of(ledger, post(1).id)), now]


def judged(ledger: Ledger) -> None:
    """Nothing is due any more."""
    ledger.save_findings(post(1).id, [], 1, at=NOW)


def due(ledger: Ledger) -> list[str]:
    return [subject for subject, _ in ledger.pending("find", now=NOW)]


def test_edited_caption_is_kept_and_the_post_is_judged_again(ledger: Ledger) -> None:
    """With its time and the answer it was read from; the post itself says what it says now."""
    say(ledger, 0, "Lanterns of Avelore")
    judged(ledger)
    say(ledger, 3, "a clip")
    (history,) = histories(ledger, [post(2).id, post(1).id])
    (before,) = history.earlier

    assert said(ledger) == ["Lanterns of Avelore", "a clip"]
    assert (before.seen_at, before.until_at) == (NOW, NOW + timedelta(days=3))
    assert (before.raw_sha256, history.now.raw_sha256) == (f"{0:064d}", f"{3:064d}")
    assert due(ledger) == [post(1).id]


@pytest.mark.parametrize(
    "again",
    [
        post(1, text="one  two\n", hashtags=("a", "b"), ai_label=LABEL),
        post(1, text="one two", hashtags=("b", "a", "a"), ai_label=LABEL),
        post(1, text="one two", hashtags=("a", "b"), ai_label=replace(LABEL, field="other name")),
    ],
)
def test_same_caption_is_no_edit(ledger: Ledger, again: Post) -> None:
    """Gaps, the order of tags and the name of the label's field are the route's, not the author's."""
    say(ledger, 0, "one two", hashtags=("a", "b"), ai_label=LABEL)
    judged(ledger)
    ledger.save_posts(HERE.id, [(again, "1" * 64)], seen_at=NOW)

    assert (said(ledger), due(ledger)) == (["one two"], [])


@pytest.mark.parametrize("change", [{"hashtags": ("seedance",)}, {"ai_label": LABEL}])
def test_tags_and_label_are_part_of_what_is_said(ledger: Ledger, change: dict[str, Any]) -> None:
    """A label that came later, and one that went, are both kept."""
    say(ledger, 0, "a clip")
    say(ledger, 1, "a clip", **change)
    say(ledger, 2, "a clip")

    first, second = captions_of(ledger, post(1).id)
    assert (first.hashtags, first.ai_label) == ((), None)
    assert {"hashtags": second.hashtags, "ai_label": second.ai_label} == {"hashtags": (), "ai_label": None, **change}


def test_return_is_believed_of_the_source_that_saw_the_change(ledger: Ledger) -> None:
    """An instance that has not heard of an edit does not undo it; the one that told of it may."""
    say(ledger, 0, "first")
    say(ledger, 1, "second")
    say(ledger, 2, "first", by=OTHER.id)
    stale = said(ledger)
    say(ledger, 3, "first")

    assert (stale, said(ledger)) == (["first", "second"], ["first", "second", "first"])


def test_other_source_that_says_less_changes_nothing_and_news_do(ledger: Ledger) -> None:
    """A search that cuts the text and tells no tags and no label; then the same with words nobody had seen."""
    say(ledger, 0, "a long clip of lanterns", hashtags=("seedance",), ai_label=LABEL)
    say(ledger, 1, "a long clip…", by=OTHER.id)
    cut = said(ledger)
    say(ledger, 2, "something else", by=OTHER.id)

    assert cut == ["a long clip of lanterns"]
    assert said(ledger) == ["a long clip of lanterns", "something else"]
    assert ledger.rows("SELECT ai_label IS NOT NULL AS kept FROM posts") == [{"kept": 1}]


def test_captures_imported_again_change_nothing(ledger: Ledger) -> None:
    """Two files, one after the other, and both once more; and a list of addresses, which holds no text."""
    for day, text in enumerate(["first", "second", "first", "second", ""]):
        say(ledger, day, text, by=CAPTURED.id)

    assert said(ledger) == ["first", "second"]


def test_only_so_many_texts_are_kept_and_the_rest_counted(ledger: Ledger) -> None:
    """Who edits a thousand times fills no disk, and hides nothing by it: the present text is judged all the same."""
    for edit in range(MOST_KEPT + 30):
        say(ledger, edit, f"text {edit}")
    judged(ledger)
    say(ledger, 99, "Lanterns of Avelore")
    (history,) = histories(ledger, [post(1).id])

    assert (history.edits, history.left_out, len(history.earlier)) == (80, 30, MOST_KEPT)
    assert (history.earlier[0].text, history.now.text) == ("text 0", "Lanterns of Avelore")
    assert (as_json(history)["left_out"], due(ledger)) == (30, [post(1).id])


@pytest.mark.parametrize("sql", ["DELETE FROM captions", "UPDATE captions SET text = ''"])
def test_what_was_said_stays_said(ledger: Ledger, sql: str) -> None:
    """The table only grows."""
    say(ledger, 0, "first")
    say(ledger, 1, "second")

    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        ledger.db.execute(sql)


def test_edit_is_written_whole_or_not_at_all(ledger: Ledger) -> None:
    """What ends in the middle of the posts' transaction leaves the post as it was; seen again, it is kept once."""
    say(ledger, 0, "first")
    with suppress(KeyboardInterrupt), ledger.write():
        say(ledger, 1, "second")
        raise KeyboardInterrupt
    broken = said(ledger)
    say(ledger, 2, "second")
    say(ledger, 2, "second")

    assert (broken, said(ledger)) == (["first"], ["first", "second"])


def test_create_and_update_in_one_batch_are_both_kept(ledger: Ledger) -> None:
    """A stream may bring a post and its edit together."""
    both = [(post(1, text="first"), "1" * 64), (post(1, text="second"), "2" * 64)]
    new = ledger.save_posts(HERE.id, both, seen_at=NOW)

    assert (new, said(ledger)) == (1, ["first", "second"])


def test_reading_again_does_not_take_an_edit_back(ledger: Ledger) -> None:
    """The answer a post was first read from still mends the rest of it."""
    say(ledger, 0, "first")
    say(ledger, 1, "second")
    answer = Answer(
        sha256=f"{0:064d}", watch=HERE.id, platform="mastodon", route="api", role="page", expects="json",
        url="https://site.example/api", status=200, seen_at=NOW,
    )  # fmt: skip
    reread(ledger, answer, [post(1, text="first", language="ko")])

    assert said(ledger) == ["first", "second"]
    assert ledger.rows("SELECT language FROM posts") == [{"language": "ko"}]


def test_case_is_found_by_what_its_post_says_and_said(ledger: Ledger) -> None:
    """Who edits the title away is found by it all the same."""
    say(ledger, 0, "moonlit gown dances")
    finding = Finding(
        id="F-1", post=post(1).id, franchise=FRANCHISE, element=None, basis=Basis.COPY, score=0.9, reasons=(),
        ai_evidence=(), author_class=AuthorClass.UNKNOWN,
    )  # fmt: skip
    ledger.save_findings(post(1).id, [finding], 1, at=NOW)
    save_moves(ledger, [Move(finding=finding.id, case_id="C-1", differs="", why="")], at=NOW)
    ledger.db.execute("DELETE FROM work")
    say(ledger, 1, "cooking with eggs")
    again = [subject for subject, _ in ledger.pending("case", now=NOW)]
    save_moves(ledger, [Move(finding=finding.id, case_id="C-1", differs="", why="")], at=NOW)

    assert again == [finding.id]
    assert [len(cases(ledger, Filter(text=text))) for text in ("moonlit", "eggs", "dragons")] == [1, 1, 0]
