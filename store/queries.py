"""What each stage and screen reads. Nothing here writes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from core.coverage import STREAM
from core.errors import NotFound
from core.findings import HIT_SCORE, NEVER_HITS, Hit, Known
from core.records import (
    Account,
    AuthorClass,
    Basis,
    Coverage,
    Finding,
    Franchise,
    Mark,
    Match,
    Post,
    Reference,
    Watch,
)
from core.times import from_text, to_text
from store.ledger import Ledger
from store.rows import element_of, finding_of, franchise_of, mark_of, post_of, reference_of, segments_of, watch_of


@dataclass(frozen=True, slots=True, kw_only=True)
class HitRow:
    """One line of the hit list: a finding, its post, and what people said of it so far."""

    finding: Finding
    post: Post
    franchise: str
    element: str | None
    found_at: datetime
    views: int | None
    verdict: str | None
    reviewer: str | None
    fair_use: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """How well one platform and site was watched up to a day."""

    platform: str
    site: str
    watches: int
    blind: int
    partial: int
    never: int
    why: str
    posts: int
    last_at: datetime | None

    @property
    def coverage(self) -> Coverage:
        """The worst that is true of the source: blind before partial before ok."""
        if self.blind or self.never:
            return Coverage.BLIND
        return Coverage.PARTIAL if self.partial else Coverage.OK


def watches(ledger: Ledger, *, enabled: bool = True) -> list[Watch]:
    """Every watch, the important ones first."""
    sql = "SELECT * FROM watches WHERE enabled >= ? ORDER BY priority DESC, id"
    return [watch_of(row) for row in ledger.rows(sql, [int(enabled)])]


def watches_due(ledger: Ledger, *, now: datetime) -> list[Watch]:
    """The watches whose last sound crawl is older than their `every`; a blind one is always due.

    A stream that is followed makes no crawl less due: only a crawl counts views, and reaches back.
    """
    sql = (
        "SELECT c.* FROM watches w JOIN crawls c ON c.id = (SELECT id FROM crawls WHERE watch = w.id AND route <> ?"
        " ORDER BY finished_at DESC, id DESC LIMIT 1)"
    )
    last = {row["watch"]: row for row in ledger.rows(sql, [STREAM])}

    def due(watch: Watch) -> bool:
        crawl = last.get(watch.id)
        if crawl is None or crawl["coverage"] == Coverage.BLIND:
            return True
        return from_text(crawl["finished_at"]) + timedelta(seconds=watch.every_s) <= now

    return [watch for watch in watches(ledger) if due(watch)]


def ground(ledger: Ledger, watch: str) -> datetime | None:
    """When the last crawl ended that saw all down to known ground; the next may stop there."""
    row = ledger.rows("SELECT max(finished_at) AS at FROM crawls WHERE watch = ? AND ground", [watch])[0]
    return from_text(row["at"]) if row["at"] else None


def post(ledger: Ledger, post_id: str) -> Post:
    """One post; NotFound when the ledger has none of that id."""
    rows = ledger.rows("SELECT * FROM posts WHERE id = ?", [post_id])
    if not rows:
        raise NotFound(f"no post {post_id} in {ledger.path}; `clipwarden ledger` says what there is")
    return post_of(rows[0])


def references(ledger: Ledger) -> list[Reference]:
    """Every reference, by franchise and name."""
    return [reference_of(row) for row in ledger.rows("SELECT * FROM refs ORDER BY franchise, element, name")]


def franchises(ledger: Ledger, brand: str | None = None) -> list[Franchise]:
    """The franchises of a brand, or of all."""
    elements: dict[str, list[Any]] = {}
    for row in ledger.rows("SELECT * FROM elements_in_force ORDER BY id"):
        elements.setdefault(row["franchise"], []).append(element_of(row))
    rows = ledger.rows("SELECT * FROM franchises WHERE ?1 IS NULL OR brand = ?1 ORDER BY id", [brand])
    return [franchise_of(row, tuple(elements.get(row["id"], ()))) for row in rows]


def known(ledger: Ledger, *, now: datetime) -> Known:
    """All that judging a post needs; accounts whose term is over are left out."""
    tags = [json.loads(row["generator_tags"]) for row in ledger.rows("SELECT generator_tags FROM brands")]
    return Known(
        franchises=tuple(franchises(ledger)),
        generator_tags=frozenset(name for names in tags for name in names),
        accounts=tuple(accounts(ledger, now=now)),
        rejected=rejected_pairs(ledger),
    )


def accounts(ledger: Ledger, *, now: datetime) -> list[Account]:
    """The accounts a brand knows, as of now: those of its file, and those that a reviewer called licensed."""
    sql = (
        "SELECT brand, platform, handle, author_class, expires_at FROM accounts"
        " WHERE expires_at IS NULL OR expires_at > ?1 UNION ALL"
        " SELECT brand, platform, handle, 'licensed', until_at FROM allowed a WHERE until_at > ?1"
        " AND NOT EXISTS (SELECT 1 FROM acts b WHERE b.undoes = a.act)"
    )
    return [
        Account(
            brand=row["brand"],
            platform=row["platform"],
            handle=row["handle"],
            author_class=AuthorClass(row["author_class"]),
            expires_at=from_text(row["expires_at"]) if row["expires_at"] else None,
        )
        for row in ledger.rows(sql, [to_text(now)])
    ]


def hits_of_post(ledger: Ledger, post_id: str) -> list[Hit]:
    """The matches of a post's files, each with its reference."""
    sql = (
        "SELECT DISTINCT media.duration_s, m.*, r.* FROM media JOIN matches m ON m.sha256 = media.sha256"
        " JOIN refs r ON r.id = m.reference WHERE media.post = ?"
    )
    cursor = ledger.db.execute(sql, [post_id])
    columns = [column[0] for column in cursor.description]
    split = columns.index("more_is_nearer") + 1
    return [
        _hit(dict(zip(columns[:split], row[:split], strict=True)), dict(zip(columns[split:], row[split:], strict=True)))
        for row in cursor
    ]


def _hit(row: dict[str, Any], reference: dict[str, Any]) -> Hit:
    match = Match(
        sha256=row["sha256"],
        reference=reference["id"],
        method=row["method"],
        version=row["version"],
        distance=row["distance"],
        threshold=row["threshold"],
        unit=row["unit"],
        segments=segments_of(row["segments"]),
        probability=row["probability"],
        basis=Basis(row["basis"]),
        more_is_nearer=bool(row["more_is_nearer"]),
    )
    return Hit(match=match, reference=reference_of(reference), duration_s=row["duration_s"])


def marks_of_post(ledger: Ledger, post_id: str) -> list[Mark]:
    """What the files of a post say of their own origin, each statement once."""
    sql = (
        "SELECT DISTINCT k.* FROM media JOIN marks k ON k.sha256 = media.sha256 WHERE media.post = ?"
        " ORDER BY k.sha256, k.number"
    )
    return [mark_of(row) for row in ledger.rows(sql, [post_id])]


def rejected_pairs(ledger: Ledger) -> frozenset[tuple[str, str]]:
    """The (file, reference) pairs that a person called unrelated, the latest verdict of each finding."""
    sql = (
        "SELECT DISTINCT m.sha256, m.reference FROM latest_decisions d JOIN findings f ON f.id = d.finding"
        " JOIN media ON media.post = f.post JOIN matches m ON m.sha256 = media.sha256"
        " JOIN refs r ON r.id = m.reference AND r.franchise = f.franchise WHERE d.verdict = 'unrelated'"
    )
    return frozenset((row["sha256"], row["reference"]) for row in ledger.rows(sql))


FINDINGS = """
SELECT f.*, fr.title AS franchise_title, e.name AS element_name, d.verdict, d.reviewer, d.fair_use,
       (SELECT max(views) FROM sightings WHERE post = f.post) AS views
FROM findings f JOIN franchises fr ON fr.id = f.franchise LEFT JOIN elements e ON e.id = f.element
LEFT JOIN latest_decisions d ON d.finding = f.id
"""


def findings_of_day(ledger: Ledger, day: date) -> list[HitRow]:
    """Every finding of a UTC day, hit or not, the most certain first."""
    first, last = f"{day.isoformat()}T", f"{(day + timedelta(days=1)).isoformat()}T"
    sql = FINDINGS + " WHERE f.found_at >= ? AND f.found_at < ? ORDER BY f.basis, f.score DESC, f.id"
    return _hit_rows(ledger, sql, [first, last])


def findings_by_verdict(ledger: Ledger, verdict: str) -> list[HitRow]:
    """The findings whose latest decision is this verdict."""
    return _hit_rows(ledger, FINDINGS + " WHERE d.verdict = ? ORDER BY f.id", [verdict])


def finding(ledger: Ledger, finding_id: str) -> HitRow:
    """One finding, by its id or an unambiguous beginning of it."""
    short = finding_id[:64].encode("utf-8", "replace").decode()  # an id has 12 characters; SQLite refuses long patterns
    rows = _hit_rows(ledger, FINDINGS + " WHERE f.id = ?1 OR f.id LIKE ?1 || '%' ESCAPE '\\' LIMIT 2", [short])
    if len(rows) != 1:
        many = "more than one finding" if rows else "no finding"
        raise NotFound(f"{many} called {short!r}; `clipwarden hits` lists today's ids")
    return rows[0]


def finding_called(ledger: Ledger, finding_id: str) -> HitRow:
    """One finding by its whole id; NotFound when there is none."""
    rows = _hit_rows(ledger, FINDINGS + " WHERE f.id = ?", [finding_id])
    if not rows:
        raise NotFound(f"no finding {finding_id[:64]!r}; reload the page")
    return rows[0]


def _hit_rows(ledger: Ledger, sql: str, parameters: Sequence[Any]) -> list[HitRow]:
    return [
        HitRow(
            finding=finding_of(row),
            post=post(ledger, row["post"]),
            franchise=row["franchise_title"],
            element=row["element_name"],
            found_at=from_text(row["found_at"]),
            views=row["views"],
            verdict=row["verdict"],
            reviewer=row["reviewer"],
            fair_use=row["fair_use"],
        )
        for row in ledger.rows(sql, parameters)
    ]


def is_hit(row: HitRow, facts: Known) -> bool:
    """Whether a finding stands on the hit list; the allow-list is asked again at each reading."""
    return (
        row.finding.score >= HIT_SCORE and facts.class_of(row.post.platform, row.post.author_handle) not in NEVER_HITS
    )


SOURCES = """
SELECT w.platform, w.site, count(*) AS watches, sum(c.coverage IS 'blind') AS blind,
  sum(c.coverage IS 'partial') AS partial, sum(c.id IS NULL) AS never, max(c.finished_at) AS last_at,
  coalesce(sum(c.posts), 0) AS posts, coalesce(group_concat(DISTINCT nullif(c.why, '')), '') AS why
FROM watches w LEFT JOIN crawls c ON c.id =
  (SELECT max(id) FROM crawls WHERE watch = w.id AND finished_at < ?)
WHERE w.enabled GROUP BY w.platform, w.site ORDER BY w.platform, w.site
"""


def sources(ledger: Ledger, day: date) -> list[SourceRow]:
    """Each platform and site as its watches' last crawls up to the end of a day left it."""
    rows = ledger.rows(SOURCES, [f"{(day + timedelta(days=1)).isoformat()}T"])
    return [SourceRow(**row | {"last_at": from_text(row["last_at"]) if row["last_at"] else None}) for row in rows]


def stage_counts(ledger: Ledger) -> list[dict[str, Any]]:
    """Done, pending and failed subjects of each stage."""
    return ledger.rows("SELECT * FROM stage_counts")


def failures(ledger: Ledger, *, limit: int = 20) -> list[dict[str, Any]]:
    """The latest failures that still stand."""
    return ledger.rows("SELECT * FROM failures ORDER BY at DESC, stage, subject LIMIT ?", [limit])
