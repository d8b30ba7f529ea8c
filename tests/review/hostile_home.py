"""A home that only attackers wrote: each payload is a caption, an account, a title, a file's name, a note, a person."""

import json
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from core.cases import case_id
from core.records import (
    AuthorClass,
    Bank,
    Basis,
    Brand,
    Element,
    Finding,
    Franchise,
    Media,
    Metrics,
    Post,
    Reason,
    Reference,
    Verdict,
    Watch,
    WatchKind,
)
from core.times import to_text
from review.desk import now
from store import acts, audit, people, references
from store.acts import Ruling
from store.cases import Move, save_moves
from store.incidents import note_cycle
from store.ledger import Ledger
from tests.review.payloads import HALVES, PAYLOADS

PLATFORM = "bluesky"
MOST_NAME = 80  # letters of a person's name: what the desk takes


def fill(ledger: Ledger) -> list[str]:
    """One case a payload, the payload in every place of it; return the cases in the payloads' order."""
    at = now() - timedelta(hours=1)
    titles = tuple(_title(number, payload) for number, payload in enumerate(PAYLOADS))
    watch = Watch(id="w", brand="n", platform=PLATFORM, site="", kind=WatchKind.HASHTAG, query="a", every_s=3600)
    brand = Brand(id="n", name="N", generator_tags=(), franchises=titles, accounts=(), watches=(watch,))
    with ledger.write():
        ledger.sync(brand)
        ledger.save_references([_reference(number, payload, at) for number, payload in enumerate(PAYLOADS)])
        posts = [_post(number, payload, at) for number, payload in enumerate(PAYLOADS)]
        for said in ([replace(post, text=f"{post.text} {post.text[:99]} once") for post in posts], posts):  # all edited
            ledger.save_posts("w", [(post, "0" * 64) for post in said], seen_at=at)
        ledger.save_media([_media(number, at) for number in range(len(PAYLOADS))])
        cases = [_case(ledger, number, payload, at) for number, payload in enumerate(PAYLOADS)]
        _people(ledger, at)
    return cases


def _title(number: int, payload: str) -> Franchise:
    element = Element(id=f"n/f{number}/e", franchise=f"n/f{number}", name=payload, nature=payload)
    return Franchise(
        id=f"n/f{number}", brand="n", title=payload, owner=payload, hashtags=(payload,), elements=(element,)
    )


def _reference(number: int, payload: str, at: Any) -> Reference:
    digest = sha256(str(number).encode()).hexdigest()
    return Reference(
        id=f"R-{number}", sha256=digest, franchise=f"n/f{number}", element=f"n/f{number}/e", bank=Bank.POSITIVE,
        kind="image", name=payload, size_bytes=1, added_at=at,
    )  # fmt: skip


def _post(number: int, payload: str, at: Any) -> Post:
    return Post(
        id=f"{PLATFORM}:{number:04d}", platform=PLATFORM, url=payload, author_handle=payload, author_id=payload,
        text=payload, hashtags=(payload,), language=payload, posted_at=at, attachments=(),
        metrics=Metrics(views=number),
    )  # fmt: skip


def _media(number: int, at: Any) -> Media:
    return Media(
        post=f"{PLATFORM}:{number:04d}", position=0, sha256=sha256(f"post {number}".encode()).hexdigest(),
        container="png_pipe", duration_s=None, width_px=9, height_px=9, size_bytes=1, fetched_at=at,
    )  # fmt: skip


def _case(ledger: Ledger, number: int, payload: str, at: Any) -> str:
    halved, short = HALVES[number % len(HALVES)], payload[:MOST_NAME]
    detail = {
        "sha256": sha256(f"post {number}".encode()).hexdigest(), "reference": f"R-{number}",
        "reference_sha256": sha256(str(number).encode()).hexdigest(), "method": "phash", "distance": 9,
        "threshold": 62, "unit": "bits", "more_is_nearer": False, "query_s": 0.5, "reference_s": 0.0, "region": "whole",
    }  # fmt: skip
    finding = Finding(
        id=f"F-{number:010x}", post=f"{PLATFORM}:{number:04d}", franchise=f"n/f{number}", element=f"n/f{number}/e",
        basis=Basis.COPY, score=0.9, author_class=AuthorClass.UNKNOWN, ai_evidence=(payload,),
        reasons=(Reason(kind=payload, sentence=payload, weight=0.9, detail=detail),),
    )  # fmt: skip
    ledger.save_findings(finding.post, [finding], 1, at=at)
    # Half letters are in JSON only, where another program wrote it with escapes.
    said = [
        {"kind": one.kind, "sentence": one.sentence, "weight": 0.9, "detail": detail} for one in finding.reasons
    ] + [{"kind": "words", "sentence": halved, "weight": 0.1, "detail": {}}]
    escaped = [json.dumps(said), json.dumps([payload, halved]), finding.id]
    ledger.db.execute("UPDATE findings SET reasons = ?, ai_evidence = ? WHERE id = ?", escaped)
    case = case_id(finding.id)
    save_moves(ledger, [Move(finding=finding.id, case_id=case, differs=payload, why=payload)], at=at)
    verdict = list(Verdict)[number % len(Verdict)]
    ruling = Ruling(case=case, verdict=verdict, person=short, note=payload, fair_use=payload, element=payload)
    acts.decide(ledger, ruling, at=at)
    if number % 3 == 0:
        references.retire(ledger, f"R-{number}", person=short, why=payload, at=at)
    audit.note(ledger, short, short, {short: payload, "half": halved, "halves": [short, halved]}, at=at)
    return case


def _people(ledger: Ledger, at: Any) -> None:
    for number, payload in enumerate(PAYLOADS):
        name = f"{number}{payload[:MOST_NAME]}"
        people.add(
            ledger, name, "viewer", by="ada", at=at, shown=payload[:MOST_NAME], company=("https://id.example", name)
        )
        token = [sha256(name.encode()).hexdigest(), name, '["see"]', name, to_text(at), to_text(at + timedelta(days=9))]
        ledger.db.execute(
            "INSERT INTO tokens (sha256, name, scopes, made_by, made_at, until_at) VALUES (?, ?, ?, ?, ?, ?)", token
        )
    for number, payload in enumerate(PAYLOADS[:40]):
        for back in (3, 2, 1):  # an incident opens at the second blind cycle
            place = (PLATFORM, f"site{number}", "api")
            note_cycle(ledger, place, ("captcha", payload), at=at - timedelta(hours=back))
