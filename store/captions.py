"""What posts said before: a post's row says what it says now, and each text it had until then is kept.

Written with the posts, in their transaction, or not at all. Says only what was seen: a text that came and went
between two crawls is not there.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.findings import Caption
from core.records import AiLabel, Json
from core.times import from_text, to_text
from store.rows import dump

if TYPE_CHECKING:
    from store.ledger import Ledger  # which writes posts, and so imports this

MOST_KEPT = 50  # earlier texts of a post, as the table has it; edits after that are counted, and the present one judged
MOST_POSTS = 200  # whose history one case shows
TOLD = 4000  # letters of each text that a program is given, as of the captions themselves


# ---------------------------------------------------------------------- write
@dataclass(frozen=True, slots=True)
class _Said:
    """What counts of a caption, and which source said so: its site, and whether a person's browser brought it."""

    text: str
    hashtags: tuple[str, ...]
    ai_label: AiLabel | None
    source: tuple[str, bool]

    def is_as(self, other: "_Said") -> bool:
        """Whether nothing but gaps, the order of tags or the name of the label's field differs."""
        ours, theirs = self.ai_label, other.ai_label
        labels = ours == theirs or bool(ours and theirs and ours.field != theirs.field)
        return labels and set(self.hashtags) == set(other.hashtags) and self.text.split() == other.text.split()

    def is_less_than(self, other: "_Said") -> bool:
        """Whether it only leaves out what the other says: the end of the text, or tags."""
        begins = " ".join(other.text.split()).startswith(" ".join(self.text.split()).rstrip(".… "))
        return begins and set(self.hashtags) <= set(other.hashtags) and self.ai_label == other.ai_label

    def row(self) -> tuple[str, str, str | None]:
        """As the columns of posts have it."""
        return self.text, dump(self.hashtags), dump(asdict(self.ai_label)) if self.ai_label else None


def save_edits(ledger: "Ledger", rows: Sequence[dict[str, Any]]) -> None:
    """Bring posts that the ledger knows to what they say now, keeping what they said; within their transaction.

    rows  of posts, as they were just seen; those that say what they said cost one look
    """
    now = {row[0]: row[1:] for row in ledger.db.execute(NOW, [dump([row["id"] for row in rows])])}
    for row in rows:
        if now.get(row["id"]) in (None, (row["text"], row["hashtags"], row["ai_label"])):  # a set would hash each text
            continue
        before = ledger.rows(BEFORE, [row["id"]])[0]
        if news := _news(ledger, _said(ledger, row), before):
            now[row["id"]] = news.row()
            _save_edit(ledger, before, news, row)


def _news(ledger: "Ledger", new: _Said, before: dict[str, Any]) -> _Said | None:
    """What a post says now, if it is something else than it said; None when another source says less or later of it.

    An instance that has not heard of an edit, a search that cuts descriptions, a captured file that is imported a
    second time: each would else change the post back and forth for ever. What nobody has said yet is always news.
    """
    old = _said(ledger, before)
    if new.source == old.source and not new.source[1]:
        return None if new.is_as(old) else new
    new = replace(new, ai_label=new.ai_label or old.ai_label)  # most routes tell of no label; that takes none away
    if new.is_as(old) or new.is_less_than(old):
        return None
    known = ledger.rows("SELECT * FROM captions WHERE post = ?", [before["id"]])
    return None if any(new.is_as(_said(ledger, row)) for row in known) else new


def _save_edit(ledger: "Ledger", before: dict[str, Any], news: _Said, row: dict[str, Any]) -> None:
    name, times, at = row["id"], before["times"], row["seen_at"]
    if times < MOST_KEPT:
        kept = [before[key] for key in ("text", "hashtags", "ai_label", "watch", "raw_sha256", "seen_at")]
        ledger.db.execute("INSERT INTO captions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [name, times, *kept, at])
    ledger.db.execute("UPDATE posts SET text = ?, hashtags = ?, ai_label = ? WHERE id = ?", [*news.row(), name])
    edit = [name, times + 1, at, row["watch"], row["raw_sha256"]]
    ledger.db.execute("INSERT OR REPLACE INTO edits VALUES (?, ?, ?, ?, ?)", edit)


def _said(ledger: "Ledger", row: dict[str, Any]) -> _Said:
    source = _source(ledger, row["watch"])
    return _Said(row["text"], tuple(json.loads(row["hashtags"])), _label(row["ai_label"]), source)


def _source(ledger: "Ledger", watch: str) -> tuple[str, bool]:
    site = ledger.db.execute("SELECT site FROM watches WHERE id = ?", [watch]).fetchone()[0]
    return str(site), watch.endswith(":capture")


def _label(text: str | None) -> AiLabel | None:
    return AiLabel(**json.loads(text)) if text else None


NOW = "SELECT id, text, hashtags, ai_label FROM posts WHERE id IN (SELECT value FROM json_each(?))"
BEFORE = """
SELECT p.id, p.text, p.hashtags, p.ai_label, coalesce(e.watch, p.watch) AS watch, coalesce(e.times, 0) AS times,
  coalesce(e.raw_sha256, p.raw_sha256) AS raw_sha256, coalesce(e.at, p.seen_at) AS seen_at
FROM posts p LEFT JOIN edits e ON e.post = p.id WHERE p.id = ?
"""


# ----------------------------------------------------------------------- read
@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A post's captions: those kept of the earlier ones, the oldest first, then how it says it now, since when.

    edits   how often it was seen to have changed; those beyond the kept ones were judged, and are not there
    """

    post: str
    edits: int
    earlier: tuple[Caption, ...]
    now: Caption

    @property
    def left_out(self) -> int:
        """How many texts are not kept, between the last earlier one and the present one."""
        return self.edits - len(self.earlier)


def edit_counts(ledger: "Ledger", posts: Sequence[str]) -> dict[str, int]:
    """How often each of some posts was seen to have changed; without those that never did."""
    sql = "SELECT post, times FROM edits WHERE post IN (SELECT value FROM json_each(?))"
    return dict(ledger.db.execute(sql, [dump(list(posts))]).fetchall())


def captions_of(ledger: "Ledger", post: str) -> list[Caption]:
    """What a post said before, the oldest first; none for one that never changed."""
    return [_caption(row) for row in ledger.rows("SELECT * FROM captions WHERE post = ? ORDER BY number", [post])]


def histories(ledger: "Ledger", posts: Sequence[str], *, most: int = MOST_POSTS) -> list[History]:
    """The histories of those of some posts whose captions changed, in the posts' order; of the first `most` of them."""
    found = {row["post"]: row for row in ledger.rows(EDITED, [dump(list(posts))])}
    edited = [found[name] for name in dict.fromkeys(posts) if name in found]
    return [
        History(
            post=row["post"],
            edits=row["times"],
            earlier=tuple(captions_of(ledger, row["post"])),
            now=_caption(row | {"seen_at": row["at"], "until_at": None}),
        )
        for row in edited[:most]
    ]


def as_json(history: History) -> Json:
    """A history as plain data, TOLD letters of each text. As strangers wrote it: escape when showing."""
    return {
        "post": history.post,
        "edits": history.edits,
        "left_out": history.left_out,
        "since": to_text(history.now.seen_at),
        "earlier": [_plain(one) for one in history.earlier],
    }


def earlier_words(ledger: "Ledger", posts: Sequence[str], *, texts: int, letters: int) -> Iterator[str]:
    """Earlier texts of some posts, for the search: of each post the first ones, so many in all, so long each."""
    for row in ledger.rows(WORDS, [dump(list(posts)), letters, texts]):
        yield row["text"]


def _plain(one: Caption) -> Json:
    return {
        "text": one.text[:TOLD],
        "hashtags": list(one.hashtags),
        "ai_label": asdict(one.ai_label) if one.ai_label else None,
        "seen_at": to_text(one.seen_at),
        "until_at": to_text(one.until_at) if one.until_at else None,
        "raw_sha256": one.raw_sha256,
    }


def _caption(row: dict[str, Any]) -> Caption:
    until: datetime | None = from_text(row["until_at"]) if row["until_at"] else None
    return Caption(
        text=row["text"], hashtags=tuple(json.loads(row["hashtags"])), ai_label=_label(row["ai_label"]),
        seen_at=from_text(row["seen_at"]), until_at=until, raw_sha256=row["raw_sha256"],
    )  # fmt: skip


EDITED = """
SELECT e.post, e.times, e.at, e.raw_sha256, p.text, p.hashtags, p.ai_label FROM edits e JOIN posts p ON p.id = e.post
WHERE e.post IN (SELECT value FROM json_each(?))
"""
WORDS = """
SELECT substr(text, 1, ?2) AS text FROM captions WHERE post IN (SELECT value FROM json_each(?1))
ORDER BY number, post LIMIT ?3
"""
