"""Which answer posts were read from, and how it came: enough to read it again once a spider is mended.

The answer itself is a blob. No credential is in what stands here: addresses are masked before.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.records import Post, Removal
from core.times import from_text, to_text
from store.coverage import save_removals
from store.ledger import Ledger
from store.rows import dump, post_row

PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer to one question of a watch.

    expects   "json", "html" or "xml"
    headers   those that spiders read
    meta      what the spider gave its question along
    seen_at   when what was in it was written; None before that
    """

    sha256: str
    watch: str
    platform: str
    route: str
    role: str
    expects: str
    url: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    seen_at: datetime | None = None


def save_answers(ledger: Ledger, answers: Iterable[Answer], *, at: datetime) -> None:
    """Write where answers came from; one that came before keeps its first time."""
    rows = [
        [one.sha256, one.watch, one.platform, one.route, one.role, one.expects, one.url, one.status,
         dump(one.headers), dump(one.meta), to_text(at)]
        for one in answers
    ]  # fmt: skip
    with ledger.write():
        ledger.db.conn.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def answers(ledger: Ledger, platform: str | None, since: datetime | None) -> Iterator[Answer]:
    """The answers of a platform (or all) since then, the oldest first, a page at a time: the ledger may be written."""
    after = (to_text(since) if since else "", "", "")
    while True:
        rows = ledger.rows(
            "SELECT * FROM answers WHERE (seen_at, sha256, watch) > (?, ?, ?) AND (?4 IS NULL OR platform = ?4)"
            " ORDER BY seen_at, sha256, watch LIMIT ?5",
            [*after, platform, PAGE],
        )
        if not rows:
            return
        yield from (_answer_of(row) for row in rows)
        after = (rows[-1]["seen_at"], rows[-1]["sha256"], rows[-1]["watch"])


def count_answers(ledger: Ledger, platform: str | None, since: datetime | None) -> int:
    """How many `answers` gives."""
    sql = "SELECT count(*) AS many FROM answers WHERE seen_at >= ?1 AND (?2 IS NULL OR platform = ?2)"
    return int(ledger.rows(sql, [to_text(since) if since else "", platform])[0]["many"])


def captured(ledger: Ledger, since: datetime | None) -> list[tuple[str, dict[str, str], datetime]]:
    """Files of captures that posts came from: sha256, platform -> watch, and when they were imported."""
    sql = (
        "SELECT raw_sha256, platform, watch, min(seen_at) AS seen_at FROM posts"
        " WHERE watch LIKE '%:capture' AND seen_at >= ? GROUP BY raw_sha256, platform, watch ORDER BY seen_at"
    )
    found: dict[str, tuple[str, dict[str, str], datetime]] = {}
    for row in ledger.rows(sql, [to_text(since) if since else ""]):
        sha256 = row["raw_sha256"]
        found.setdefault(sha256, (sha256, {}, from_text(row["seen_at"])))[1][row["platform"]] = row["watch"]
    return list(found.values())


# ----------------------------------------------------------------- read again
def reread(
    ledger: Ledger, answer: Answer, posts: Sequence[Post], removals: Sequence[Removal] = ()
) -> tuple[list[str], list[str]]:
    """Bring the ledger to what an answer is now read as; return the ids of posts that are new, and that changed.

    A post that stands there is changed only by the answer it was first read from: a later one may be of later
    words. A new one was seen when the answer came. What was seen of a post keeps its time, and gets its numbers anew.
    What a post has said since in another answer, it still says, and what it said before is kept as it was read then.
    """
    assert answer.seen_at  # noqa: S101 - for mypy; every row has it
    at, new, changed = to_text(answer.seen_at), list[str](), list[str]()
    with ledger.write():
        for post in posts:
            row = post_row(post, watch=answer.watch, seen_at=at, raw_sha256=answer.sha256)
            there = ledger.rows("SELECT * FROM posts WHERE id = ?", [post.id])
            if ledger.rows("SELECT 1 FROM edits WHERE post = ?", [post.id]):
                row |= {name: there[0][name] for name in SAID}
            if not there:
                ledger.db.table("posts").insert(row)
                new.append(post.id)
            elif there[0]["raw_sha256"] == answer.sha256 and any(there[0][name] != row[name] for name in READ_ANEW):
                _change(ledger, row, there[0])
                changed.append(post.id)
            numbers = {name: getattr(post.metrics, name) for name in post.metrics.__slots__}
            for sql in SEEN:
                ledger.db.execute(sql, {"post": post.id, "watch": answer.watch, "seen_at": at, **numbers})
        save_removals(ledger, [(one.post, one.because) for one in removals], at=answer.seen_at)
    return new, changed


def _change(ledger: Ledger, row: dict[str, Any], before: dict[str, Any]) -> None:
    """Write what is read now, and put the post to the stages that this concerns."""
    values = ", ".join(f"{name} = :{name}" for name in READ_ANEW)
    ledger.db.execute(f"UPDATE posts SET {values} WHERE id = :id", row)  # noqa: S608 - our own names
    ledger.db.execute("INSERT OR IGNORE INTO work (stage, subject) VALUES ('find', ?)", [row["id"]])
    if row["attachments"] != before["attachments"]:
        for sql in DOWNLOAD_ANEW:
            ledger.db.execute(sql, row)


READ_ANEW = (
    "url", "author_handle", "author_id", "text", "hashtags", "language", "posted_at", "attachments", "ai_label"
)  # fmt: skip
SAID = ("text", "hashtags", "ai_label")
# The numbers of a sighting are those of its answer; a watch that had not seen the post by then has seen it then.
SEEN = (
    "INSERT INTO sightings (post, watch, seen_at) SELECT :post, :watch, :seen_at WHERE NOT EXISTS"
    " (SELECT 1 FROM sightings WHERE watch = :watch AND post = :post AND seen_at <= :seen_at)",
    "UPDATE sightings SET views = coalesce(:views, views), likes = coalesce(:likes, likes),"
    " reposts = coalesce(:reposts, reposts), comments = coalesce(:comments, comments)"
    " WHERE post = :post AND watch = :watch AND seen_at = :seen_at",
)
_NONE_YET = "NOT EXISTS (SELECT 1 FROM media WHERE post = :id)"
DOWNLOAD_ANEW = (
    f"DELETE FROM failures WHERE stage = 'download' AND subject = :id AND {_NONE_YET}",  # noqa: S608 - no value in it
    f"DELETE FROM waiting WHERE stage = 'download' AND subject = :id AND {_NONE_YET}",  # noqa: S608 - our own words
    f"INSERT OR IGNORE INTO work (stage, subject) SELECT 'download', :id WHERE :attachments <> '[]' AND {_NONE_YET}",
)


def _answer_of(row: dict[str, Any]) -> Answer:
    parsed = {"headers": json.loads(row["headers"]), "meta": json.loads(row["meta"])}
    return Answer(**row | parsed | {"seen_at": from_text(row["seen_at"])})
