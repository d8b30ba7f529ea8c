"""A ledger as after weeks of work: many posts, hits in cases, decisions, notices, removals, crawls; the same each time.

Rows go in by bulk and are those that the stages and the desk would have written (tests/review/test_dashboard.py holds
them together). From the command line, for a look at full size: python -m tests.review.seed FOLDER POSTS FINDINGS DAYS.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from core.cases import case_id, status
from core.priority import priority, rank
from core.records import AuthorClass, Bank, Brand, Element, Franchise, Reference, Watch, WatchKind
from core.times import from_text, to_text
from core.words import bare
from store.incidents import note_cycle
from store.ledger import Ledger
from store.rows import dump

UNTIL = datetime(2026, 11, 20, 18, tzinfo=UTC)
PLATFORMS = ("bluesky", "instagram", "mastodon", "peertube", "reddit", "tiktok", "tumblr", "youtube")
TITLES = ("Lanterns of Avelore", "The Hollow Choir", "Harbour Nine", "Marrow & Sons", "Kite Season")
BLIND = "tiktok"  # its last crawls met a captcha, and an incident is open
VERDICTS = (["infringing"] * 70) + (["unrelated"] * 18) + (["licensed"] * 4) + (["fair-use"] * 4) + (["unsure"] * 4)
COPY_KINDS, WORD_KINDS = ("phash", "pdq", "local", "sound"), ("words", "element", "label", "tag", "likeness")
WORDS = (
    "lantern",
    "gown",
    "choir",
    "harbour",
    "kite",
    "made",
    "with",
    "my",
    "video",
    "dragon",
    "night",
    "scene",
    "edit",
)
PEOPLE = ("ada", "ben", "chi", "dov")
FILES = tuple(sha256(f"clip {number}".encode()).hexdigest() for number in range(40))
REFERENCES = tuple(
    Reference(
        id=f"R-{number:02d}", sha256=sha256(f"still {number}".encode()).hexdigest(), franchise=f"n/f{number % 5}",
        element=None, bank=Bank.POSITIVE, kind="image", name=f"still {number}.png", size_bytes=1, added_at=UNTIL,
    )
    for number in range(20)
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Rows:
    """Rows by table, each in the order of the table's columns."""

    posts: list[tuple[Any, ...]] = field(default_factory=list)
    sightings: list[tuple[Any, ...]] = field(default_factory=list)
    media: list[tuple[Any, ...]] = field(default_factory=list)
    findings: list[tuple[Any, ...]] = field(default_factory=list)
    cases: list[tuple[Any, ...]] = field(default_factory=list)
    moves: list[tuple[Any, ...]] = field(default_factory=list)
    acts: list[tuple[Any, ...]] = field(default_factory=list)
    decisions: list[tuple[Any, ...]] = field(default_factory=list)
    queue: list[tuple[Any, ...]] = field(default_factory=list)
    queue_platforms: list[tuple[Any, ...]] = field(default_factory=list)
    found: list[tuple[Any, ...]] = field(default_factory=list)
    removals: list[tuple[Any, ...]] = field(default_factory=list)
    noticed: dict[tuple[str, str], list[str]] = field(default_factory=dict)


def seed(
    ledger: Ledger,
    *,
    posts: int = 2_000,
    findings: int = 500,
    days: int = 30,
    until: datetime = UNTIL,
    decided: float = 0.6,
    files: Sequence[str] = (),
    references: Sequence[Reference] = (),
    number: int = 1,
) -> list[str]:
    """Fill an empty ledger; return the ids of the cases, in the order of their opening.

    findings    at most `posts`; about a fifth as many cases
    decided     share of the cases a person has decided, the old ones first
    files       sha256 of blobs: the hits' files, in turn; without, the hits have no file
    references  saved too, and named by the copies as what they equal, in turn
    number      another one makes another ledger
    """
    ledger.sync(_brand())
    ledger.save_references(references)
    made = _Seed(Random(number), days=days, until=until, decided=decided, files=files, references=references)  # noqa: S311 - the same rows each time is the point
    made.hits(findings)
    made.others(posts - findings)
    _write(ledger, made.rows)
    _crawls(ledger, days, until)
    return [row[0] for row in made.rows.cases]


def _brand() -> Brand:
    titles = [Franchise(id=f"n/f{n}", brand="n", title=title, owner="Northlight") for n, title in enumerate(TITLES)]
    gown = Element(id="n/f0/gown", franchise="n/f0", name="Moonlit Gown", nature="costume")
    titles[0] = Franchise(id="n/f0", brand="n", title=TITLES[0], owner="Northlight", elements=(gown,))
    watches = tuple(
        Watch(id=f"{name}-tag", brand="n", platform=name, site="", kind=WatchKind.HASHTAG, query="a", every_s=3600)
        for name in PLATFORMS
    )
    return Brand(
        id="n", name="Northlight", generator_tags=("seedance",), franchises=tuple(titles), accounts=(), watches=watches
    )


class _Seed:
    """What is made, and the dice."""

    def __init__(
        self, dice: Random, *, days: int, until: datetime, decided: float, files: Sequence[str],
        references: Sequence[Reference],
    ) -> None:  # fmt: skip
        self.dice, self.days, self.until, self.decided = dice, days, until, decided
        self.files, self.references, self.rows, self.numbers = files, references, _Rows(), count(1)

    def hits(self, findings: int) -> None:
        """Cases with their members, until there are so many findings; a few have many, most have one or two."""
        sizes = list[int]()
        while (left := findings - sum(sizes)) > 0:
            sizes.append(min(int(self.dice.paretovariate(1.1)), 60, left))
        cases = len(sizes)
        for number, size in enumerate(sizes):
            opened = self.until - timedelta(days=self.days) * (1 - number / cases)
            self._case(number, size, opened, verdict=self._verdict(number / cases))

    def _verdict(self, age: float) -> str | None:
        """age  0 oldest .. 1 newest; the newest tenth is still open for the most part."""
        chance = min(self.decided * 1.1, 1.0) if age < 0.9 else self.decided / 4
        return self.dice.choice(VERDICTS) if self.dice.random() < chance else None

    def _case(self, number: int, size: int, opened: datetime, *, verdict: str | None) -> None:
        dice, rows = self.dice, self.rows
        franchise = min(int(dice.expovariate(0.8)), len(TITLES) - 1)
        copy, score = dice.random() < 0.7, round(dice.uniform(0.5, 0.99), 3)
        case, members = "", []
        for place in range(size):
            found = opened + min(timedelta(hours=place * 2.5), (self.until - opened) * (place / size))
            platform = PLATFORMS[min(int(dice.expovariate(0.45)), len(PLATFORMS) - 1)]
            post, views, text = self._post(platform, found - timedelta(hours=dice.uniform(0.5, 9)), hit=True)
            finding = f"F-{next(self.numbers):010x}"
            case = case or case_id(finding)
            own = score if place == 0 else round(dice.uniform(0.5, score), 3)
            element = "n/f0/gown" if franchise == 0 and dice.random() < 0.3 else None
            basis, reasons, ai = self._reasons(copy, number)
            at = to_text(found)
            rows.findings.append(
                (finding, post, f"n/f{franchise}", element, basis, own, reasons, ai, AuthorClass.UNKNOWN, at)
            )
            why = "the clip itself" if place == 0 else "the same clip"
            rows.moves.append((finding, case, "", why, None, at))
            members.append((finding, own, at, element, basis, ai, platform, post, views, text))
        rows.cases.append((case, f"n/f{franchise}", to_text(opened)))
        decided_at = self._decide(case, members, verdict, members[-1][2]) if verdict else None
        self._queue(number + 1, rows.cases[-1], members, verdict=verdict, decided_at=decided_at)

    def _reasons(self, copy: bool, number: int) -> tuple[str, str, str]:  # noqa: FBT001 - one caller, beside it
        dice = self.dice
        kinds = dice.sample(COPY_KINDS, dice.choice((1, 1, 2))) if copy else dice.sample(WORD_KINDS, 2)
        detail: dict[str, Any] = {}
        if copy and self.files and self.references:
            one = self.references[number % len(self.references)]
            detail = {
                "sha256": self.rows.media[-1][2], "reference": one.id, "reference_sha256": one.sha256,
                "method": kinds[0], "distance": 9, "threshold": 62, "unit": "bits", "more_is_nearer": False,
                "query_s": 0.5, "reference_s": 0.0, "region": "whole",
            }  # fmt: skip
        said = [
            {"kind": kind, "sentence": f"Frame 00:02.0 equals “still {number % 40}”: 9 of 62 bits allowed ({kind})",
             "weight": 0.8, "detail": detail if kind == kinds[0] else {}}
            for kind in kinds
        ]  # fmt: skip
        ai = ["Generator tag #seedance"] if dice.random() < 0.4 else []
        return "copy" if copy else "suggestion", dump(said), dump(ai)

    def _post(self, platform: str, at: datetime, *, hit: bool = False) -> tuple[str, int, str]:
        dice, number = self.dice, next(self.numbers)
        post, author = f"{platform}:{number:08d}", f"user{int(dice.paretovariate(0.7)) % 50_000}"
        text = " ".join(dice.choices(WORDS, k=8)) + f" #{number % 997}"
        seen, views = to_text(at + timedelta(minutes=20)), min(int(100 * dice.paretovariate(0.8)), 200_000_000)
        self.rows.posts.append(
            (post, f"{platform}-tag", platform, f"https://{platform}.example/p/{number}", author, author, text, "[]",
             "en", to_text(at), seen, "[]", None, "0" * 64)
        )  # fmt: skip
        self.rows.sightings.append((post, f"{platform}-tag", seen, views, views // 20, None, None))
        if hit and self.files:
            sha256 = self.files[number % len(self.files)]
            self.rows.media.append((post, 0, sha256, "mov", 3.0, 160, 90, 1, seen, "triage"))
        return post, views, text

    def others(self, posts: int) -> None:
        """Posts that take nothing from anybody, over the same days."""
        for number in range(posts):
            at = self.until - timedelta(days=self.days) * (1 - number / posts)
            self._post(PLATFORMS[number % len(PLATFORMS)], at)

    def _decide(self, case: str, members: Sequence[tuple[Any, ...]], verdict: str, last: str) -> str:
        dice, rows = self.dice, self.rows
        at = min(from_text(last) + timedelta(minutes=min(5 * dice.paretovariate(0.6), 6_000)), self.until)
        act = len(rows.acts) + 1
        person, when = PEOPLE[act % len(PEOPLE)], to_text(at)
        rows.acts.append((act, "decide", case, person, when, None))
        sends = verdict == "infringing" and at + timedelta(days=2) < self.until
        for finding, *_, platform, post, _views, _text in members:
            rows.decisions.append((finding, verdict, person, "", None, when, act, None))
            if sends and dice.random() < 0.8:
                rows.noticed.setdefault((to_text(at)[:10], platform), []).append(finding)
                gone = at + timedelta(hours=dice.uniform(2, 160))
                if gone < self.until and dice.random() < 0.7:
                    rows.removals.append((post, "recheck", to_text(gone)))
        return when

    def _queue(
        self, number: int, row: Sequence[str], members: Sequence[tuple[Any, ...]], *, verdict: str | None,
        decided_at: str | None,
    ) -> None:  # fmt: skip
        """The queue's row, as store.cases.refresh would make it."""
        rows, (case, franchise, opened) = self.rows, row
        ordered = sorted(members, key=lambda one: (-one[1], one[2], one[0]))
        score, views = ordered[0][1], sum(one[8] for one in members)
        a_day = sum(one[8] / 0.25 for one in members)  # each was counted 20 minutes after it was posted
        place = rank(priority(score, views, a_day, AuthorClass.UNKNOWN), from_text(opened))
        state = status(dict.fromkeys((one[0] for one in members), verdict), {})
        platforms = sorted({one[6] for one in members})
        element = next((one[3] for one in ordered if one[3]), None)
        ai = int(any(one[5] != "[]" for one in members))
        rows.queue.append(
            (number, case, state, place, franchise, element, opened[:10], min(one[4] for one in members),
             score, views, ai, ordered[0][0], len(members), dump(platforms), decided_at)
        )  # fmt: skip
        rows.queue_platforms.extend((platform, state, place, case) for platform in platforms)
        authors = [rows.posts[-len(members) + n][4] for n in range(len(members))]
        by = {one[0]: author for one, author in zip(members, authors, strict=True)}
        shown = ordered[:40]
        texts = bare("\n".join(dict.fromkeys(one[9] for one in shown)))
        rows.found.append((number, texts, bare("\n".join(dict.fromkeys(by[one[0]] for one in shown))), ""))


def _write(ledger: Ledger, rows: _Rows) -> None:
    execute, many = ledger.db.execute, ledger.db.conn.executemany
    with ledger.write(), _without_triggers(ledger, ("posts", "findings", "media", "decisions", "moves", "removals")):
        for table in ("posts", "sightings", "media", "findings", "cases", "acts"):
            own = sorted(getattr(rows, table))
            if own:
                many(f"INSERT INTO {table} VALUES ({', '.join('?' * len(own[0]))})", own)  # noqa: S608 - our own names
        many("INSERT INTO moves (finding, case_id, differs, why, act, at) VALUES (?, ?, ?, ?, ?, ?)", rows.moves)
        execute("INSERT INTO members SELECT finding, case_id, differs, why FROM moves ORDER BY finding")
        many(
            "INSERT INTO decisions (finding, verdict, reviewer, note, fair_use, at, act, element)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows.decisions,
        )
        execute(
            "INSERT INTO hit_authors SELECT p.platform, p.author_id, f.id FROM findings f JOIN posts p ON p.id = f.post"
        )
        many(f"INSERT INTO queue VALUES ({', '.join('?' * 15)})", rows.queue)  # noqa: S608 - marks only
        many("INSERT INTO queue_platforms VALUES (?, ?, ?, ?)", sorted(rows.queue_platforms))
        many("INSERT INTO found (rowid, text, author, note) VALUES (?, ?, ?, ?)", rows.found)
        for number, ((day, platform), named) in enumerate(sorted(rows.noticed.items())):
            notice, sent = f"N-{number:06d}", f"{day}T23:30:00.000Z"
            row = [notice, platform, f"{platform}.example", "dmca", "{}", "", f"{day}T23:00:00.000Z", "eve", sent]
            execute("INSERT INTO notices VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            many("INSERT INTO notice_findings VALUES (?, ?)", [(notice, finding) for finding in named])
        many("INSERT INTO removals VALUES (?, ?, ?)", rows.removals)
    with ledger.write():
        execute("DELETE FROM outcomes")
        execute("INSERT INTO outcome_due SELECT id FROM findings")
        execute("ANALYZE")


@contextmanager
def _without_triggers(ledger: Ledger, tables: Sequence[str]) -> Iterator[None]:
    """What they would write is written by bulk; a million single looks would take minutes."""
    sql = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN (SELECT value FROM json_each(?))"
    triggers = ledger.rows(sql, [dump(tables)])
    for trigger in triggers:
        ledger.db.execute(f'DROP TRIGGER "{trigger["name"]}"')
    yield
    for trigger in triggers:
        ledger.db.execute(trigger["sql"])


def _crawls(ledger: Ledger, days: int, until: datetime) -> None:
    """Each watch every hour; the last three of one platform met a captcha."""
    rows = []
    for hour in range(min(days, 60) * 24, 0, -1):
        at = until - timedelta(hours=hour - 0.9)
        for platform in PLATFORMS:
            told = ("blind", "a captcha stands before it", 0, 0, "captcha")
            told = told if platform == BLIND and hour <= 3 else ("ok", "", 40, 1, "")
            rows.append((f"{platform}-tag", to_text(at), to_text(at + timedelta(minutes=2)), 2, *told))
    with ledger.write():
        ledger.db.conn.executemany(
            "INSERT INTO crawls (watch, started_at, finished_at, pages, coverage, why, posts, ground, cause)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
    for hour in (3, 2, 1):
        why = ("captcha", "a captcha stands before it")
        note_cycle(ledger, (BLIND, "", "api"), why, at=until - timedelta(hours=hour - 0.9))


if __name__ == "__main__":
    folder, most_posts, most_findings, over = sys.argv[1:]
    with Ledger(Path(folder) / "ledger.db") as opened:
        much = int(most_posts), int(most_findings), int(over)
        seed(opened, posts=much[0], findings=much[1], days=much[2], files=FILES, references=REFERENCES)
