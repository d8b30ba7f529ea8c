"""Records to rows and back. Never touches a database."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from core.records import (
    AiLabel,
    Attachment,
    AuthorClass,
    Basis,
    Brand,
    Element,
    Finding,
    Franchise,
    Mark,
    Post,
    Reason,
    Reference,
    Rendition,
    Segment,
    Watch,
    WatchKind,
)
from core.records import Bank as RefBank
from core.times import from_text, to_text

Row = Mapping[str, Any]
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))  # json.dumps would make one at each call


def dump(value: object) -> str:
    """Compact JSON in the letters people wrote, not in \\u escapes."""
    return _ENCODER.encode(value)


def brand_rows(brand: Brand) -> dict[str, list[dict[str, Any]]]:
    """A brand as rows of each table that sync writes."""
    return {
        "brands": [{"id": brand.id, "name": brand.name, "generator_tags": dump(brand.generator_tags)}],
        "franchises": [_franchise_row(franchise) for franchise in brand.franchises],
        "elements": [
            asdict(element) | {"descriptions": dump(element.descriptions), "thresholds": dump(element.thresholds)}
            for franchise in brand.franchises
            for element in franchise.elements
        ],
        "accounts": [
            asdict(account) | {"expires_at": to_text(account.expires_at) if account.expires_at else None}
            for account in brand.accounts
        ],
        "watches": [asdict(watch) | {"enabled": 1} for watch in brand.watches],
    }


def _franchise_row(franchise: Franchise) -> dict[str, Any]:
    row = asdict(franchise)
    del row["elements"]
    lists = ("aliases", "hashtags", "registrations", "original_urls")
    return row | {key: dump(row[key]) for key in lists}


def franchise_of(row: Row, elements: tuple[Element, ...]) -> Franchise:
    """A row of franchises, with the elements that belong to it."""
    return Franchise(
        id=row["id"],
        brand=row["brand"],
        title=row["title"],
        owner=row["owner"],
        aliases={language: tuple(names) for language, names in json.loads(row["aliases"]).items()},
        hashtags=tuple(json.loads(row["hashtags"])),
        registrations=tuple(json.loads(row["registrations"])),
        original_urls=tuple(json.loads(row["original_urls"])),
        elements=elements,
    )


def element_of(row: Row) -> Element:
    """A row of elements."""
    lists = {"descriptions": tuple(json.loads(row["descriptions"])), "thresholds": json.loads(row["thresholds"])}
    return Element(**{**row, **lists})


def mark_row(sha256: str, number: int, mark: Mark) -> dict[str, Any]:
    """A mark as its row; `where` is a word of SQL."""
    row = asdict(mark)
    return {"sha256": sha256, "number": number, "place": row.pop("where")} | row | {"fields": dump(dict(mark.fields))}


def mark_of(row: Row) -> Mark:
    """A row of marks."""
    own = {key: row[key] for key in ("kind", "state", "claim", "generator", "sentence")}
    return Mark(**own, where=row["place"], fields=json.loads(row["fields"]))


def watch_of(row: Row) -> Watch:
    """A row of watches."""
    fields = {key: row[key] for key in Watch.__slots__}
    return Watch(**fields | {"kind": WatchKind(row["kind"])})


def reference_of(row: Row) -> Reference:
    """A row of refs."""
    return Reference(**{**row, "bank": RefBank(row["bank"]), "added_at": from_text(row["added_at"])})


def post_row(post: Post, *, watch: str, seen_at: str, raw_sha256: str) -> dict[str, Any]:
    """A post as its row; metrics go to sightings, since they change."""
    row = {key: getattr(post, key) for key in Post.__slots__ if key != "metrics"}
    return row | {
        "watch": watch,
        "seen_at": seen_at,
        "raw_sha256": raw_sha256,
        "hashtags": dump(post.hashtags),
        "posted_at": to_text(post.posted_at),
        "attachments": dump([_attachment(attachment) for attachment in post.attachments]),
        "ai_label": dump(asdict(post.ai_label)) if post.ai_label else None,
    }


def _attachment(attachment: Attachment) -> dict[str, Any]:
    """As asdict would, in a fifth of the time: a crawl makes thousands a second."""
    fields = {key: getattr(attachment, key) for key in Attachment.__slots__}
    renditions = [{key: getattr(one, key) for key in Rendition.__slots__} for one in attachment.renditions]
    return fields | {"renditions": renditions}


def post_of(row: Row) -> Post:
    """A row of posts."""
    label = json.loads(row["ai_label"]) if row["ai_label"] else None
    return Post(
        id=row["id"],
        platform=row["platform"],
        url=row["url"],
        author_handle=row["author_handle"],
        author_id=row["author_id"],
        text=row["text"],
        hashtags=tuple(json.loads(row["hashtags"])),
        language=row["language"],
        posted_at=from_text(row["posted_at"]),
        attachments=tuple(_attachment_of(item) for item in json.loads(row["attachments"])),
        ai_label=AiLabel(**label) if label else None,
    )


def _attachment_of(item: dict[str, Any]) -> Attachment:
    return Attachment(**item | {"renditions": tuple(Rendition(**rendition) for rendition in item["renditions"])})


def segments_of(text: str) -> tuple[Segment, ...]:
    """The JSON of matches.segments."""
    shapes = ("query_outline", "reference_box")
    return tuple(
        Segment(**item | {key: tuple(item[key]) for key in shapes if key in item}) for item in json.loads(text)
    )


def finding_row(finding: Finding, *, found_at: str) -> dict[str, Any]:
    """A finding as its row."""
    row = {key: getattr(finding, key) for key in Finding.__slots__}
    return row | {
        "reasons": dump([asdict(reason) for reason in finding.reasons]),
        "ai_evidence": dump(finding.ai_evidence),
        "found_at": found_at,
    }


def finding_of(row: Row) -> Finding:
    """A row of findings."""
    return Finding(
        id=row["id"],
        post=row["post"],
        franchise=row["franchise"],
        element=row["element"],
        basis=Basis(row["basis"]),
        score=row["score"],
        reasons=tuple(Reason(**reason) for reason in json.loads(row["reasons"])),
        ai_evidence=tuple(json.loads(row["ai_evidence"])),
        author_class=AuthorClass(row["author_class"]),
    )
