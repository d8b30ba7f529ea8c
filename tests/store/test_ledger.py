"""The ledger: work by absence, nothing twice, decisions that stay."""

import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.coverage import Crawl
from core.records import AuthorClass, Bank, Coverage, Failure, Fingerprint, Metrics, Verdict
from store import queries
from store.coverage import save_crawl
from store.ledger import Ledger
from tests.builders import NOW, account, brand, fingerprint, match, media, post, reference, watch

LATER = NOW + timedelta(days=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger that knows the builders' brand and one method."""
    with Ledger(tmp_path / "ledger.db") as opened:
        opened.sync(brand())
        opened.register_methods({"phash": 1})
        yield opened


def see(ledger: Ledger, *numbers: int) -> None:
    """Save posts as their watch saw them."""
    ledger.save_posts(watch().id, [(post(number), "f" * 64) for number in numbers], seen_at=NOW)


def due(ledger: Ledger, stage: str) -> list[str]:
    """The subjects a stage would be given now."""
    return [subject for subject, _ in ledger.pending(stage, now=LATER)]


def through_match(ledger: Ledger, post_id: str, sha256: str = "a" * 64) -> None:
    """Take a post through download, fingerprint and match, with nothing found."""
    ledger.save_media([media(post_id, sha256)])
    ledger.save_fingerprints(sha256, "phash", 1, [fingerprint()], at=NOW)
    ledger.save_matches("match", sha256, "phash", 1, [], at=NOW)


def test_saving_twice_changes_nothing(ledger: Ledger) -> None:
    """The same batch seen again adds no post and no sighting."""
    see(ledger, 1, 2)
    see(ledger, 1, 2)

    assert (ledger.count("posts"), ledger.count("sightings")) == (2, 2)


def test_moved_numbers_are_a_new_sighting(ledger: Ledger) -> None:
    """Views that grew are kept beside those before."""
    for hours, views in ((0, 10), (1, 10), (2, 25)):
        seen = post(metrics=Metrics(views=views))
        ledger.save_posts(watch().id, [(seen, "f" * 64)], seen_at=NOW + timedelta(hours=hours))

    assert [row["views"] for row in ledger.rows("SELECT views FROM sightings ORDER BY seen_at")] == [10, 25]


def test_post_walks_the_stages_once(ledger: Ledger) -> None:
    """Each stage's work appears when the one before has written, and goes when it has."""
    see(ledger, 1)
    steps = [due(ledger, "download")]
    ledger.save_media([media(post(1).id)])
    steps += [due(ledger, "download"), due(ledger, "fingerprint")]
    ledger.save_fingerprints("a" * 64, "phash", 1, [], at=NOW)
    steps += [due(ledger, "fingerprint"), due(ledger, "match")]
    ledger.save_matches("match", "a" * 64, "phash", 1, [], at=NOW)
    steps += [due(ledger, "match"), due(ledger, "find")]
    ledger.save_findings(post(1).id, [], 1, at=NOW)
    steps.append(due(ledger, "find"))

    assert steps == [[post(1).id], [], ["a" * 64], [], ["a" * 64], [], [post(1).id], []]


def test_failure_that_may_pass_waits_and_returns(ledger: Ledger) -> None:
    """A retry is not due before its time, and due after it."""
    see(ledger, 1)
    failure = Failure(
        stage="download", subject=post(1).id, error="temporary", message="x", retry_at=NOW + timedelta(hours=1)
    )
    ledger.save_failure(failure, at=NOW)
    before = ledger.pending("download", now=NOW + timedelta(minutes=59))
    after = ledger.pending("download", now=NOW + timedelta(minutes=61))

    assert (before, after) == ([], [(post(1).id, "")])


def test_final_failure_leaves_the_work_until_it_is_forgotten(ledger: Ledger) -> None:
    """Gone is gone, unless a person asks for another try."""
    see(ledger, 1)
    ledger.save_failure(Failure(stage="download", subject=post(1).id, error="gone", message="x", retry_at=None), at=NOW)
    gone = due(ledger, "download")
    ledger.forget_failures("download")

    assert (gone, due(ledger, "download")) == ([], [post(1).id])


def test_new_method_version_makes_everything_due_again(ledger: Ledger) -> None:
    """A version is part of a fingerprint's key: a new one re-runs by absence."""
    see(ledger, 1)
    through_match(ledger, post(1).id)
    ledger.register_methods({"phash": 2})

    assert (due(ledger, "fingerprint"), due(ledger, "match")) == (["a" * 64], [])


def test_removed_method_leaves_no_work(ledger: Ledger) -> None:
    """A method whose file is gone asks for nothing."""
    see(ledger, 1)
    ledger.save_media([media(post(1).id)])
    ledger.register_methods({})

    assert due(ledger, "fingerprint") == []


def test_new_reference_is_swept_over_what_was_gathered(ledger: Ledger) -> None:
    """A reference added late asks for itself to be compared with old media, and its match for a new judgement."""
    see(ledger, 1)
    through_match(ledger, post(1).id)
    ledger.save_findings(post(1).id, [], 1, at=NOW)
    ledger.save_references([reference()])
    ledger.save_fingerprints("b" * 64, "phash", 1, [fingerprint()], at=NOW)
    swept = due(ledger, "sweep")
    ledger.save_matches("sweep", reference().id, "phash", 1, [match()], at=NOW)

    assert (swept, due(ledger, "find")) == ([reference().id], [post(1).id])


def test_reference_that_is_also_media_is_read_once(ledger: Ledger) -> None:
    """An exact re-upload of the trailer has the trailer's fingerprints already."""
    ledger.save_references([reference("a" * 64)])
    ledger.save_fingerprints("a" * 64, "phash", 1, [fingerprint()], at=NOW)
    see(ledger, 1)
    ledger.save_media([media(post(1).id, "a" * 64)])

    assert (due(ledger, "fingerprint"), due(ledger, "match")) == ([], ["a" * 64])


def test_removed_reference_takes_its_matches_and_asks_for_judgement(ledger: Ledger) -> None:
    """What a mistaken reference proved is proved no more."""
    see(ledger, 1)
    ledger.save_references([reference()])
    through_match(ledger, post(1).id)
    ledger.save_matches("match", "a" * 64, "phash", 1, [match()], at=NOW)
    ledger.save_findings(post(1).id, [], 1, at=NOW)
    ledger.remove_reference(reference().id)

    assert (ledger.count("matches"), due(ledger, "find")) == (0, [post(1).id])


def test_work_is_what_has_no_successor(ledger: Ledger) -> None:
    """The index the triggers keep equals the definition, computed the slow way."""
    see(ledger, *range(40))
    for number in range(0, 40, 2):
        ledger.save_media([media(post(number).id, f"{number % 6:064d}")])
    for number in range(0, 6, 4):
        ledger.save_fingerprints(f"{number:064d}", "phash", 1, [], at=NOW)
    ledger.save_matches("match", f"{0:064d}", "phash", 1, [], at=NOW)
    slow = {
        "download": "SELECT id FROM posts WHERE id NOT IN (SELECT post FROM media)",
        "fingerprint": "SELECT sha256 FROM media WHERE sha256 NOT IN"
        " (SELECT subject FROM receipts WHERE stage = 'fingerprint')",
        "match": "SELECT subject FROM receipts WHERE stage = 'fingerprint' AND subject NOT IN"
        " (SELECT subject FROM receipts WHERE stage = 'match')",
        "find": "SELECT id FROM posts",
    }
    expected = {stage: {row[0] for row in ledger.db.execute(sql)} for stage, sql in slow.items()}

    assert {stage: set(due(ledger, stage)) for stage in slow} == expected


def test_pending_stays_instant(ledger: Ledger) -> None:
    """The next 100 of 300,000 posts, all but 5,000 of them done, come within 10 ms."""
    with ledger.write():
        row = "'w', 'mastodon', '', '', '', '', '[]', NULL, '', '', '[]', NULL, ''"
        ledger.db.execute(
            "INSERT INTO watches VALUES ('w', 'brand', 'mastodon', '', 'hashtag', '', 60, NULL, NULL, 0, 1)"
        )
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)"
        ledger.db.execute(f"{numbers} INSERT INTO posts SELECT printf('p%07d', i), {row} FROM n")  # noqa: S608
        ledger.db.execute("DELETE FROM work WHERE subject < 'p0295000'")
    started = time.perf_counter()
    found = ledger.pending("find", now=LATER)

    assert len(found) == 100
    assert time.perf_counter() - started < 0.010


def test_pages_of_work_hold_each_subject_once(ledger: Ledger) -> None:
    """Walking the work page by page gives every subject, in order, once."""
    see(ledger, *range(25))
    walked: list[str] = []
    last = ("", "")
    while page := ledger.pending("find", now=LATER, limit=7, after=last):
        walked += [subject for subject, _ in page]
        last = page[-1]

    assert walked == sorted(post(number).id for number in range(25))


def test_next_work_is_read_from_an_index(ledger: Ledger) -> None:
    """No scan and no sort stands between a stage and its next page."""
    sql = (
        "EXPLAIN QUERY PLAN SELECT subject, method FROM work WHERE stage = ? AND (subject, method) > (?, ?)"
        " ORDER BY subject, method LIMIT ?"
    )
    (plan,) = ledger.db.execute(sql, ["find", "", "", 1]).fetchall()

    assert "SEARCH work USING PRIMARY KEY (stage=? AND (subject,method)>(?,?))" in plan[3]


def test_brand_words_that_change_ask_for_judgement(ledger: Ledger) -> None:
    """A new licensed account counts for posts that were judged before it."""
    see(ledger, 1)
    ledger.save_findings(post(1).id, [], 1, at=NOW)
    same = ledger.sync(brand())
    changed = ledger.sync(brand(accounts=(account(AuthorClass.LICENSED),)))

    assert (same, changed, due(ledger, "find")) == (False, True, [post(1).id])


def test_watch_that_left_the_file_is_not_crawled(ledger: Ledger) -> None:
    """A watch is switched off, and keeps its history."""
    ledger.sync(brand(watch("other")))

    assert [one.query for one in queries.watches(ledger)] == ["other"]


def test_watch_is_due_when_its_time_has_come_or_it_was_blind(ledger: Ledger) -> None:
    """A sound crawl rests the watch for its `every`; a blind one is tried at the next run."""

    def crawl(coverage: Coverage) -> bool:
        made = Crawl(watch=watch().id, started_at=NOW, finished_at=NOW, coverage=coverage, pages=1, ground=True)
        save_crawl(ledger, made)
        return bool(queries.watches_due(ledger, now=NOW + timedelta(minutes=30)))

    assert (crawl(Coverage.BLIND), crawl(Coverage.OK)) == (True, False)


@pytest.mark.parametrize("sql", ["UPDATE decisions SET note = 'x'", "DELETE FROM decisions"])
def test_decisions_are_append_only(ledger: Ledger, sql: str) -> None:
    """Not even SQL by hand rewrites what a person decided."""
    see(ledger, 1)
    ledger.db.execute(
        "INSERT INTO findings VALUES ('F-1', ?, 'brand/lanterns', NULL, 'copy', 0.9, '[]', '[]', 'unknown', '')",
        [post(1).id],
    )
    ledger.save_decision("F-1", Verdict.INFRINGING, reviewer="r", note="", fair_use=None, at=NOW)

    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        ledger.db.execute(sql)


def test_write_that_breaks_leaves_nothing(ledger: Ledger) -> None:
    """A transaction is whole or was never there."""

    def break_half_way() -> None:
        with ledger.write():
            see(ledger, 1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_half_way()

    assert ledger.count("posts") == 0


def test_second_writer_waits_its_turn(ledger: Ledger) -> None:
    """Two processes' writes queue up; neither fails at once."""
    with Ledger(ledger.path) as other:
        with ledger.write():
            see(ledger, 1)
        other.save_posts(watch().id, [(post(2), "f" * 64)], seen_at=NOW)

    assert ledger.count("posts") == 2


def test_banks_survive_the_round_trip(ledger: Ledger) -> None:
    """A record read back equals the one written."""
    written = reference(bank=Bank.LICENSED, element="brand/lanterns/gown")
    ledger.save_references([written])

    assert queries.references(ledger) == [written]


def test_fingerprint_bits_are_kept_as_they_are(ledger: Ledger) -> None:
    """32 bytes go in and come out; the view shows them as hex for a browser."""
    value = bytes(range(32))
    ledger.save_fingerprints(
        "a" * 64, "phash", 1, [Fingerprint(offset_s=1.5, region="inner", value=value, quality=7)], at=NOW
    )
    row = ledger.rows("SELECT * FROM fingerprints_hex")[0]

    assert (row["value"], row["offset_s"], row["region"]) == (value.hex(), 1.5, "inner")
