"""Matches, words, labels and marks of one post -> its findings: a score and the reasons for it.

Two problems, kept apart: a hash match *proves* a copy; words, labels, accounts, a first frame and a
model's likeness only *suggest* that a new clip shows something protected, and a person decides.
Never reads a label's absence as proof that people made a clip.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.meaning import DESCRIBED_LEAST, DESCRIBED_MOST
from core.naming import screen_reasons, word_reasons
from core.reasons import SILENCED, SUGGESTING, ai_reasons, excuse_reason, match_reason
from core.records import (
    Account,
    AiLabel,
    AuthorClass,
    Bank,
    Basis,
    Element,
    Finding,
    Franchise,
    Mark,
    Match,
    Post,
    Reason,
    Reference,
)

RULES_VERSION = 3  # raise it when a rule below changes: every post is then judged again
HIT_SCORE = 0.5  # at or above it a finding stands on the hit list
NEVER_HITS = frozenset({AuthorClass.OWN, AuthorClass.LICENSED, AuthorClass.PRESS})

RESPONDENT = 0.35  # the vendor's own account, naming the franchise
SUGGESTION_MOST = 0.79  # words never reach what a hash proves
COPY_MOST = 0.995  # nothing is certain
SHOWN_COPIES = 5  # reasons of one finding that come from matches; a person reads no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A match of one of the post's files (of `duration_s`, None for a picture), with the reference it equals."""

    match: Match
    reference: Reference
    duration_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A line of text in a picture of the post's file, first shown at offset_s; confidence 0..1."""

    offset_s: float
    text: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """The description of an element that a sentence model finds said again in the caption: cosine, threshold -1..1."""

    element: str
    description: str
    cosine: float
    threshold: float
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What a post said from seen_at until another text was seen in its place: until_at, None for what it says now.

    raw_sha256  the answer that it was read from
    meaning     what a model makes of it
    """

    text: str
    hashtags: tuple[str, ...]
    ai_label: AiLabel | None
    seen_at: datetime
    until_at: datetime | None
    raw_sha256: str
    meaning: Meaning | None = None

    def said_by(self, post: Post) -> Post:
        """The post as it was when it said this."""
        return replace(post, text=self.text, hashtags=self.hashtags, ai_label=self.ai_label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What else is known of one post: its files' own marks, the text in its pictures, and what a model makes of it.

    earlier  what it said before, the oldest first
    """

    marks: Sequence[Mark] = ()
    written: Sequence[Written] = ()
    meaning: Meaning | None = None
    earlier: Sequence[Caption] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a brand and its reviewers have told us, as far as judging needs it.

    rejected    (sha256 of a file, reference id): pairs that a person called unrelated
    """

    franchises: tuple[Franchise, ...]
    generator_tags: frozenset[str]
    accounts: tuple[Account, ...]
    rejected: frozenset[tuple[str, str]] = field(default_factory=frozenset)

    def class_of(self, platform: str, handle: str) -> AuthorClass:
        """Whose account it is; a leading @ and case do not count."""
        wanted = handle.lstrip("@").casefold()
        for account in self.accounts:
            if account.platform == platform and account.handle.lstrip("@").casefold() == wanted:
                return account.author_class
        return AuthorClass.UNKNOWN


def judge(post: Post, hits: Sequence[Hit], known: Known, told: Told = Told()) -> tuple[Finding, ...]:
    """The findings of one post, one for each franchise it may take from.

    By what the post says now. Where that makes no hit and an earlier caption does, the hit stays: by that caption's
    reasons (the latest such one's), those that no longer hold saying until when, and with the least score of a hit.
    """
    author = known.class_of(post.platform, post.author_handle)
    believed = [hit for hit in hits if (hit.match.sha256, hit.reference.id) not in known.rejected]

    def given(post: Post, meaning: Meaning | None) -> _Given:
        evidence = ai_reasons(post, known.generator_tags, told.marks)
        own = replace(told, meaning=meaning)
        return _Given(post=post, hits=believed, told=own, evidence=evidence, author=author)

    now = given(post, told.meaning)
    found = {one.id: _judge_franchise(now, one) for one in known.franchises}
    for caption in reversed(told.earlier):  # each against all titles at once: a text is read once for all of them
        before = given(caption.said_by(post), caption.meaning)
        for franchise in known.franchises:
            if _is_hit(found[franchise.id]):
                continue
            past = _judge_franchise(before, franchise)
            if past and _is_hit(past):
                found[franchise.id] = _kept(past, caption, found[franchise.id], now)
    return tuple(finding for finding in found.values() if finding)


def _is_hit(finding: Finding | None) -> bool:
    return finding is not None and finding.score >= HIT_SCORE


def _kept(past: Finding, caption: Caption, present: Finding | None, now: "_Given") -> Finding:
    """A hit that only an earlier caption made, saying of each reason that is past until when it held."""
    still = {reason.sentence for reason in (present.reasons if present else now.evidence)}

    def told(sentence: str) -> str:
        return sentence if sentence in still else f"{sentence} (said until {caption.until_at:%Y-%m-%d})"

    reasons = tuple(replace(reason, sentence=told(reason.sentence)) for reason in past.reasons)
    return replace(past, score=HIT_SCORE, reasons=reasons, ai_evidence=tuple(map(told, past.ai_evidence)))


def finding_id(post: str, franchise: str) -> str:
    """The finding's id, short enough to type, from what it is about."""
    return "F-" + hashlib.sha256(f"{post}|{franchise}".encode()).hexdigest()[:10]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """A post, and all that counts for it whatever the franchise."""

    post: Post
    hits: Sequence[Hit]
    told: Told
    evidence: Sequence[Reason]
    author: AuthorClass


def _judge_franchise(given: _Given, franchise: Franchise) -> Finding | None:
    post, evidence, author = given.post, given.evidence, given.author
    limits = {element.id: element.thresholds for element in franchise.elements}
    own = [hit for hit in given.hits if hit.reference.franchise == franchise.id and _near_enough(hit, limits)]
    shown = sorted((hit for hit in own if hit.reference.bank is Bank.POSITIVE), key=_closeness)
    excuses = [hit for hit in own if hit.reference.bank is not Bank.POSITIVE]
    words, named_element = _said(given, franchise)
    if not shown and not words and not excuses:
        return None
    told = [match_reason(hit.match, hit.reference, duration_s=hit.duration_s) for hit in shown]
    copied = any(reason.kind not in SUGGESTING for reason in told)
    reasons = [*_first(told), *words, *evidence]
    if author is AuthorClass.RESPONDENT_OFFICIAL:
        sentence = f"@{post.author_handle} is an official account of the respondent"
        reasons.append(Reason(kind="account", sentence=sentence, weight=RESPONDENT))
    excuse = _excuse(shown, excuses)
    if excuse:
        reasons.insert(0, excuse)
    elements = (hit.reference.element for hit in shown if hit.reference.element)
    return Finding(
        id=finding_id(post.id, franchise.id),
        post=post.id,
        franchise=franchise.id,
        element=next(elements, named_element),
        basis=Basis.COPY if copied else Basis.SUGGESTION,
        score=SILENCED if excuse else score(reasons, copied=copied),
        reasons=tuple(reasons),
        ai_evidence=tuple(reason.sentence for reason in evidence),
        author_class=author,
    )


def _said(given: _Given, franchise: Franchise) -> tuple[list[Reason], str | None]:
    """What caption, pictures and a model say of the franchise, and the element they name first."""
    generated = bool(given.evidence)
    words, element = word_reasons(given.post, franchise, generated=generated)
    shown, shown_element = screen_reasons(
        [(line.text, line.offset_s) for line in given.told.written], franchise, generated=generated
    )
    meaning = given.told.meaning
    part = next((one for one in franchise.elements if meaning and one.id == meaning.element), None)
    alike = [_meaning_reason(meaning, part)] if meaning and part else []
    return [*words, *shown, *alike], element or shown_element or (part.id if part else None)


def _meaning_reason(meaning: Meaning, element: Element) -> Reason:
    share = (meaning.cosine - meaning.threshold) / max(1 - meaning.threshold, 0.01)
    return Reason(
        kind="element",
        sentence=(
            f"The caption says what the {element.nature} “{element.name}” is described by, in other words:"
            f" {meaning.cosine:.2f} alike, {meaning.threshold:.2f} needed, by the model {meaning.model}"
        ),
        weight=round(DESCRIBED_LEAST + (DESCRIBED_MOST - DESCRIBED_LEAST) * min(1.0, share), 3),
        detail={
            "rule": "meaning",
            "score": meaning.cosine,
            "threshold": meaning.threshold,
            "description": meaning.description,
            "model": meaning.model,
        },
    )


def score(reasons: Sequence[Reason], *, copied: bool) -> float:
    """0..1. A copy: the surest picture, and the sound, which fails independently of it.

    Otherwise what suggests adds up, and stops short of what a hash proves.
    """
    best = {kind: max((r.weight for r in reasons if r.kind == kind), default=0.0) for kind in SUGGESTING}
    if copied:
        doubt = min(1 - reason.weight for reason in reasons if reason.kind not in SUGGESTING)
        return round(min(1 - doubt * (1 - best["sound"]), COPY_MOST), 3)
    # A platform's label, the file's mark and the author's own tag say the same thing: the strongest counts.
    generated = max(best["label"], best["mark"], best["tag"])
    seen = max(best["start"], best["likeness"])
    total = best["words"] + best["element"] + generated + best["account"] + seen + best["sound"]
    return round(min(total, SUGGESTION_MOST), 3)


def _first(told: Sequence[Reason]) -> list[Reason]:
    """The reasons to show of many: the surest of each method first, so that none hides another."""
    surest = {reason.kind: reason for reason in reversed(told)}
    first = [reason for reason in told if surest[reason.kind] is reason]
    return (first + [reason for reason in told if surest[reason.kind] is not reason])[:SHOWN_COPIES]


def _near_enough(hit: Hit, limits: Mapping[str, Mapping[str, int]]) -> bool:
    """Say whether a match keeps the threshold that its element's brand file sets for the method, if any."""
    match = hit.match
    limit = limits.get(hit.reference.element or "", {}).get(match.method)
    if limit is None:
        return True
    return match.distance >= limit if match.more_is_nearer else match.distance <= limit


def _excuse(shown: Sequence[Hit], excuses: Sequence[Hit]) -> Reason | None:
    """A licensed or negative reference that explains the clip at least as well as any positive one."""
    if not excuses:
        return None
    best = min(excuses, key=_closeness)
    if shown and _closeness(best) > _closeness(shown[0]):
        return None
    return excuse_reason(best.match, best.reference)


def _closeness(hit: Hit) -> tuple[float, int]:
    return -hit.match.probability, -sum(part.pairs for part in hit.match.segments)
