"""The hits of the last days as an Atom feed, for a reader that polls it with a token of its own.

Texts of strangers are text in it, never markup: ElementTree escapes them, and no entry holds HTML.
"""

from base64 import b64decode
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any
from xml.etree import ElementTree as Tree

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from core.findings import HIT_SCORE, NEVER_HITS, Known
from core.times import to_text
from review.desk import ledger_of, now
from review.rights import Person, Right, needs
from review.words import address, readable
from store import audit, queries
from store.dashboard import recent_hits
from store.incidents import Incident, open_incidents
from store.ledger import Ledger

router = APIRouter()

MOST_ENTRIES = 200
DAYS = 7
ATOM = "http://www.w3.org/2005/Atom"
_SEES = needs(Right.SEE)
Token = Annotated[str, Query(max_length=500, description="A token with the scope `see`; or give it as the password.")]
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "an Atom feed", "content": {"application/atom+xml": {}}},
    401: {"description": "no token, or one that has ended"},
    403: {"description": "a token for something else"},
}


def password_of(request: Request) -> str:
    """The password of a Basic sign-in; "" for none."""
    kind, _, text = request.headers.get("Authorization", "")[:1_000].partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return b64decode(text, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


async def reader(request: Request, token: Token = "") -> Person:
    """Whoever may see: by session, or by a token in the query or as a password, which is all that readers can send."""
    if token := token or password_of(request):
        headers = [(name, value) for name, value in request.scope["headers"] if name != b"authorization"]
        told = f"Bearer {token}".encode("utf-8", "replace")
        request = Request(dict(request.scope) | {"headers": [*headers, (b"authorization", told)]}, request.receive)
    try:
        person: Person = await _SEES.dependency(request)
    except HTTPException as refusal:
        if refusal.status_code == 401:
            raise HTTPException(401, "give a token", {"WWW-Authenticate": 'Basic realm="clipwarden"'}) from None
        raise
    return person


reader.rights = _SEES.dependency.rights  # type: ignore[attr-defined]  # what the test of all routes reads


@router.get("/feed.atom", response_class=Response, responses=ANSWERS)
def feed(request: Request, me: Annotated[Person, Depends(reader)]) -> Response:
    """The newest hits, and each source that is blind now, so that an empty feed is never taken for no hits."""
    ledger, at = ledger_of(request), now()
    texts = request.app.state.pages.globals["t"]["digest"]
    base = str(request.base_url)
    root = Tree.Element("feed", {"xmlns": ATOM})
    _text(root, "id", "urn:clipwarden:feed")
    _text(root, "title", f"clipwarden: {texts['feed']}")
    accounts = tuple(queries.accounts(ledger, now=at))
    known = Known(franchises=(), generator_tags=frozenset(), accounts=accounts)
    found = recent_hits(ledger, since=(at - timedelta(days=DAYS)).date(), least=HIT_SCORE, limit=MOST_ENTRIES)
    hits = [row for row in found if known.class_of(row["platform"], row["author"]) not in NEVER_HITS]
    blind = open_incidents(ledger)
    newest = [row["found_at"] for row in hits] + [to_text(one.last_at) for one in blind]
    _text(root, "updated", max(newest, default=_midnight(at.date())))
    Tree.SubElement(root, "link", {"rel": "self", "href": f"{base}feed.atom"})
    for incident in blind:
        _blind(root, incident, texts["feed_blind"])
    for row in hits:
        _hit(root, row, base)
    body = Tree.tostring(root, encoding="utf-8", xml_declaration=True)
    _note(ledger, me, [row["id"] for row in hits], at)
    return Response(body, media_type="application/atom+xml")


def _note(ledger: Ledger, me: Person, hits: Sequence[str], at: datetime) -> None:
    """Put it into the audit log, once for the same hits: readers ask every few minutes, news or not."""
    detail = {"what": "feed", "rows": len(hits), "hits": sha256(" ".join(hits).encode()).hexdigest()[:16]}
    last = audit.listed(ledger, person=me.name, act="export", limit=1)
    if not last or last[0]["detail"] != detail:
        audit.note(ledger, me.name, "export", detail, at=at)


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00.000Z"


def _blind(root: Tree.Element, incident: Incident, words: str) -> None:
    name = f"{incident.platform} {incident.site}".strip()
    entry = _entry(root, f"incident:{incident.platform}:{to_text(incident.opened_at)}", f"{words}: {name}")
    _text(entry, "updated", to_text(incident.last_at))
    _text(entry, "content", f"{incident.cause}: {readable(incident.why, most=300)}")


def _hit(root: Tree.Element, row: dict[str, Any], base: str) -> None:
    title = f"{row['score']:.0%} {row['basis']}: {row['title']}, {row['platform']} {row['author']}"
    entry = _entry(root, f"finding:{row['id']}", title)
    _text(entry, "updated", row["found_at"])
    if row["case_id"]:
        Tree.SubElement(entry, "link", {"rel": "alternate", "href": f"{base}cases/{row['case_id']}"})
    if href := address(row["url"]):
        Tree.SubElement(entry, "link", {"rel": "related", "href": href})
    author = Tree.SubElement(entry, "author")
    _text(author, "name", row["author"] or row["platform"])
    told = " · ".join([*row["sentences"], row["text"]])
    _text(entry, "content", told, most=2_000)


def _entry(root: Tree.Element, own: str, title: str) -> Tree.Element:
    entry = Tree.SubElement(root, "entry")
    _text(entry, "id", f"urn:clipwarden:{own}".replace(" ", "-"))
    _text(entry, "title", title, most=200)
    return entry


def _text(parent: Tree.Element, name: str, text: str, *, most: int = 500) -> None:
    kind = {"type": "text"} if name in {"title", "content"} else {}
    Tree.SubElement(parent, name, kind).text = readable(text, most=most)
