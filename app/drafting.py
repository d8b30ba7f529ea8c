"""The draft stage: findings a person confirmed -> one letter for each provider and owner.

Writes letters into the ledger and a folder. Never sends one, and never drafts against an account the
brand allows, whatever was decided.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from app.home import Home
from app.settings import ReporterSettings
from core.errors import NoticeIncomplete
from core.findings import NEVER_HITS, Known
from core.reasons import SILENCED
from core.records import Franchise, Verdict
from core.times import from_text, to_text
from core.words import printable
from notices.draft import missing, render, templates
from notices.fields import Item, NoticeFields, Protected, Reporter, Work
from notices.values import address
from store import queries
from store.ledger import Ledger
from store.queries import HitRow

REGIME = "us_dmca_512c"
NOT_COPYING = frozenset({"label", "tag", "account"})  # marks of generation have their own place; an account is no copy

Group = tuple[str, str, str]  # platform, host, owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """A letter that was written: its id, whom it is for, what it names, and where it lies."""

    notice: str
    platform: str
    host: str
    owner: str
    regime: str
    findings: tuple[str, ...]
    path: Path


def draft(home: Home, *, out: Path | None = None, now: datetime, say: Callable[[str], None]) -> list[Drafted]:
    """Draft every letter that is due: one for each platform, host and owner with a confirmed finding in no letter yet.

    out     the folder of the letters; None: HOME/notices
    say     takes a line for each finding that is left out, and for each letter
    raises  NoticeIncomplete with all that is missing in all letters, after the complete ones are kept
    """
    ledger, template = home.ledger, templates()[REGIME]
    titles = {franchise.id: franchise for franchise in queries.franchises(ledger)}
    drafted, lacking = list[Drafted](), dict[str, None]()
    groups = _groups(_due(ledger, queries.known(ledger, now=now), say), titles)
    for group, rows in groups.items():
        fields = _fields(home, group, rows, titles, now)
        if told := missing(template, fields):
            lacking |= dict.fromkeys(told)
            continue
        drafted.append(_keep(ledger, fields, render(template, fields), rows, out or home.folder / "notices"))
        say(f"{drafted[-1].notice}: {len(rows)} items at {drafted[-1].host}: {drafted[-1].path}")
    if lacking:
        unwritten = f"{len(groups) - len(drafted)} of {len(groups)} letters are not written; fill in, and draft again:"
        raise NoticeIncomplete("\n".join([unwritten, *(f"  - {line}" for line in lacking)]))
    return drafted


def _due(ledger: Ledger, known: Known, say: Callable[[str], None]) -> list[HitRow]:
    """The findings to write about: confirmed last, in no letter, and still neither allowed nor explained."""
    named = {row["finding"] for row in ledger.rows("SELECT finding FROM notice_findings")}
    due = []
    for row in queries.findings_by_verdict(ledger, Verdict.INFRINGING):
        author = known.class_of(row.post.platform, row.post.author_handle)
        if row.finding.id in named:
            continue
        if author in NEVER_HITS:
            handle = printable(row.post.author_handle)
            say(f"{row.finding.id}: left out: {handle} is an account the brand calls {author}")
        elif row.finding.score <= SILENCED:
            why = "what it stood on is gone, or a licensed or negative reference explains it"
            say(f"{row.finding.id}: left out: {why}; see `clipwarden hits`, and decide again")
        else:
            due.append(row)
    return due


def _groups(rows: Iterable[HitRow], titles: Mapping[str, Franchise]) -> dict[Group, list[HitRow]]:
    """By provider and owner. In the fediverse each host is a provider of its own."""

    def group(row: HitRow) -> Group:
        return row.post.platform, _host(row.post.url), titles[row.finding.franchise].owner

    ordered = sorted(
        rows, key=lambda row: (*group(row), row.franchise, row.finding.franchise, row.post.posted_at, row.finding.id)
    )
    return {key: list(mine) for key, mine in groupby(ordered, key=group)}


def _host(url: str) -> str:
    """The provider's name and port; "" when the address is none: the letter then lacks it, and says so."""
    return urlsplit(address(url) or "").netloc


def _fields(
    home: Home, group: Group, rows: Sequence[HitRow], titles: Mapping[str, Franchise], now: datetime
) -> NoticeFields:
    platform, host, owner = group
    by_work = groupby(rows, key=lambda row: row.finding.franchise)
    return NoticeFields(
        notice=_notice_id(group, [row.finding.id for row in rows]),
        platform=platform,
        host=host,
        drafted_at=now,
        owner=owner,
        reporter=_reporter(home.settings.reporter),
        works=tuple(_work(titles[franchise], list(mine), home.ledger) for franchise, mine in by_work),
    )


def _notice_id(group: Group, findings: Sequence[str]) -> str:
    told = "|".join([*group, *sorted(findings)])
    return "N-" + hashlib.sha256(told.encode()).hexdigest()[:10]


def _reporter(settings: ReporterSettings) -> Reporter:
    # An address is written in several lines in the settings, and in one in the letter.
    address = ", ".join(part.strip(" ,") for part in settings.address.splitlines() if part.strip(" ,"))
    return Reporter(**settings.model_dump() | {"address": address})


def _work(franchise: Franchise, rows: Sequence[HitRow], ledger: Ledger) -> Work:
    taken = {row.finding.element for row in rows}
    return Work(
        title=franchise.title,
        registrations=franchise.registrations,
        original_urls=franchise.original_urls,
        elements=tuple(
            Protected(name=element.name, nature=element.nature, descriptions=element.descriptions)
            for element in franchise.elements
            if element.id in taken
        ),
        items=tuple(_item(row, ledger) for row in rows),
    )


def _item(row: HitRow, ledger: Ledger) -> Item:
    files = ledger.rows("SELECT sha256 FROM media WHERE post = ? ORDER BY position, rendition", [row.post.id])
    decided = ledger.rows("SELECT at FROM latest_decisions WHERE finding = ?", [row.finding.id])
    return Item(
        finding=row.finding.id,
        url=row.post.url,
        handle=row.post.author_handle.lstrip("@"),
        posted_at=row.post.posted_at,
        element=row.element,
        reasons=tuple(reason.sentence for reason in row.finding.reasons if reason.kind not in NOT_COPYING),
        ai_evidence=row.finding.ai_evidence,
        files=tuple(dict.fromkeys(file["sha256"] for file in files)),
        reviewer=row.reviewer,
        decided_at=from_text(decided[0]["at"]),
        fair_use=row.fair_use,
    )


def _keep(ledger: Ledger, fields: NoticeFields, body: str, rows: Sequence[HitRow], folder: Path) -> Drafted:
    """The file first, then the ledger: a kill between them leaves a file that the next draft writes again."""
    path = folder / f"{fields.notice}.md"
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".md.tmp")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    findings = tuple(row.finding.id for row in rows)
    row = {
        "id": fields.notice,
        "platform": fields.platform,
        "host": fields.host,
        "regime": REGIME,
        "fields": json.dumps(asdict(fields), ensure_ascii=False, default=to_text),
        "body": body,
        "drafted_at": to_text(fields.drafted_at),
    }
    ledger.save_notice(row, findings)
    return Drafted(
        notice=fields.notice,
        platform=fields.platform,
        host=fields.host,
        owner=fields.owner,
        regime=REGIME,
        findings=findings,
        path=path,
    )
