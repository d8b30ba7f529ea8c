"""The daily digest: a day's hit list as a mail that reads well without pictures too.

Never says "no hits" of a source that was blind, and says so on top. What strangers wrote is one readable line, escaped.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from app.hits import DailyList, daily
from app.hits_files import as_json
from app.hits_pictures import PictureJob, make_picture
from app.hits_words import Sight, aside_words, sight, source_name, source_words, summary
from app.home import Home
from app.isolation import each
from app.progress import track
from app.stages import guard
from core.errors import ClipwardenError
from core.records import Json
from review.desk import pages
from review.pairs import Moment
from review.plots import png
from review.routes.dashboard import names_of, per_day
from review.words import address, readable
from store.dashboard import dashboard
from store.queries import HitRow

MOST_HITS = 150  # listed in a mail; the desk has them all
MOST_PICTURES = 30  # of at most 60 kB each, the plot among them
MOST_REASONS = 3  # of a hit; its page has them all
PLOT_DAYS = 14
PLOT = "plot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One hit, ready to show: text is one readable line, not yet escaped. href None: no address to follow.

    pictures    (id of the picture, what it shows), reference first
    """

    id: str
    percent: int
    basis: str
    title: str
    platform: str
    author: str
    views: int | None
    caption: str
    reasons: tuple[str, ...]
    evidence: tuple[str, ...]
    verdict: str
    href: str | None
    pictures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A day's digest, the same for every recipient.

    pictures    id -> (image type, bytes)
    payload     what a program gets
    """

    day: date
    made_at: datetime
    subject: str
    text: str
    html: str
    pictures: dict[str, tuple[str, bytes]]
    payload: Json
    blind: int


def compose(home: Home, day: date, now: datetime) -> Digest:
    """Make the digest of a UTC day, as it reads `now`."""
    listed = daily(home.ledger, day, now)
    entries = [_entry(row) for row in listed.hits[:MOST_HITS]]
    jpegs = _pictures(home, listed)
    entries = list(_illustrated(listed, entries, jpegs))
    board = dashboard(home.ledger, until=day, now=now, days=PLOT_DAYS)
    environment = pages()
    texts: Any = environment.globals["t"]
    plot = per_day(board, names_of(texts["dashboard"]))
    blind = [source for source in listed.sources if sight(source, day) is Sight.BLIND]
    values = {
        "day": day, "brands": ", ".join(readable(name, most=60) for name in listed.brands), "summary": summary(listed),
        "blind": [(source_name(source), source_words(source, day)) for source in blind],
        "sources": [(source_name(source), source_words(source, day), sight(source, day)) for source in listed.sources],
        "entries": entries, "more": len(listed.hits) - len(entries), "aside": aside_words(listed),
        "plot": plot, "plot_id": PLOT,
    }  # fmt: skip
    pictures = {PLOT: ("png", png(plot))} | {name: ("jpeg", jpeg) for name, (_, jpeg) in jpegs.items()}
    return Digest(
        day=day,
        made_at=now,
        subject=_subject(listed, len(blind)),
        text=environment.get_template("digest_mail_text.txt").render(values),
        html=environment.get_template("digest_mail.html").render(values),
        pictures=pictures,
        payload=_payload(listed),
        blind=len(blind),
    )


def message(digest: Digest, sender: str, recipient: str) -> EmailMessage:
    """The mail for one recipient: text, HTML, and the pictures that the HTML shows inline.

    sender, recipient   as app.settings lets them pass; EmailMessage itself refuses a line break in a header
    """
    domain = sender.rpartition("@")[2]
    mail = EmailMessage(policy=SMTP)
    mail["Subject"], mail["From"], mail["To"] = digest.subject, f"clipwarden <{sender}>", recipient
    mail["Date"] = format_datetime(digest.made_at)
    # The same for the same day and recipient: a mail that was sent twice after all shows as one in many readers.
    own = hashlib.sha256(f"{digest.day}|{recipient}".encode()).hexdigest()[:20]
    mail["Message-ID"] = f"<digest.{digest.day}.{own}@{domain}>"
    mail["List-Id"] = f"clipwarden daily digest <digest.clipwarden.{domain}>"
    mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"] = "auto-generated", "All"
    mail.set_content(digest.text, cte="quoted-printable")
    mail.add_alternative(digest.html, subtype="html", cte="quoted-printable")
    page = list(mail.iter_parts())[1]
    for name, (kind, content) in digest.pictures.items():
        page.add_related(content, "image", kind, cid=f"<{name}@clipwarden>", disposition="inline")
    return mail


def _subject(listed: DailyList, blind: int) -> str:
    copies = len(listed.copies)
    told = f"Hits of {listed.day}: {copies} {'copy' if copies == 1 else 'copies'}, {len(listed.suggestions)} suggested"
    return f"{told}; {blind} {'source' if blind == 1 else 'sources'} blind" if blind else told


def _entry(row: HitRow) -> Entry:
    finding, post = row.finding, row.post
    title = f"{row.franchise}: {row.element}" if row.element else row.franchise
    said = {reason.sentence for reason in finding.reasons[:MOST_REASONS]}
    return Entry(
        id=finding.id,
        percent=round(100 * finding.score),
        basis=finding.basis.value,
        title=readable(title, most=100),
        platform=post.platform,
        author=readable(post.author_handle, most=60),
        views=row.views,
        caption=readable(post.text, most=240),
        reasons=tuple(readable(reason.sentence, most=200) for reason in finding.reasons[:MOST_REASONS]),
        evidence=tuple(readable(one, most=100) for one in finding.ai_evidence[:5] if one not in said),
        verdict=row.verdict or "",
        href=address(post.url),
    )


def _pictures(home: Home, listed: DailyList) -> dict[str, tuple[Moment, bytes]]:
    """Id -> moment and JPEG, of the first pair of the first hits; one that cannot be made is left out."""
    places = {one: home.blobs.path(one.sha256) for one in _moments(listed)}
    moments = [one for one, path in places.items() if path.is_file()][: MOST_PICTURES - 1]
    jobs = [PictureJob(sha256=one.sha256, offset_s=one.offset_s, path=places[one]) for one in moments]
    made: dict[tuple[str, float], bytes] = {}
    if jobs:
        with track("pictures", len(jobs)) as progress:
            for job, result in each(make_picture, jobs, guard(home)):
                if not isinstance(result, ClipwardenError):
                    made[job.sha256, job.offset_s] = result
                progress.step()
    return {f"p{n}": (one, made[one.key]) for n, one in enumerate(moments) if one.key in made}


def _moments(listed: DailyList) -> Iterator[Moment]:
    for row in listed.hits:
        for pair in listed.pairs[row.finding.id][:1]:
            yield from (moment for moment in (pair.reference, pair.post) if moment)


def _illustrated(listed: DailyList, entries: list[Entry], jpegs: dict[str, tuple[Moment, bytes]]) -> Iterator[Entry]:
    """The entries, each with those of its two pictures that there are."""
    by_moment = {moment: name for name, (moment, _) in jpegs.items()}
    for entry in entries:
        shown = []
        for pair in listed.pairs[entry.id][:1]:
            for moment, what in ((pair.reference, "Official picture"), (pair.post, "The post's picture")):
                if moment and moment in by_moment:
                    name = readable(moment.name, most=60)
                    shown.append((by_moment[moment], f"{what} {name}".strip()))
        yield replace(entry, pictures=tuple(shown))


def _payload(listed: DailyList) -> Json:
    plain = as_json(listed)
    hits = [*plain.pop("copies"), *plain.pop("suggestions")]
    counts = {"copies": len(listed.copies), "suggestions": len(listed.suggestions)}
    return {"event": "digest", **plain, **counts, "hits": hits[:MOST_HITS], "left_out": max(len(hits) - MOST_HITS, 0)}
