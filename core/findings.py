"""Matches, words and labels of one post -> its findings: a score and the reasons for it.

Two problems, kept apart: a hash match *proves* a copy; words, labels and accounts only *suggest*
that a new clip shows something protected, and a person decides. Never reads a label's absence as
proof that people made a clip.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from core.naming import word_reasons
from core.records import (
    Account,
    AuthorClass,
    Bank,
    Basis,
    Finding,
    Franchise,
    Match,
    Post,
    Reason,
    Reference,
    Segment,
)
from core.times import clock
from core.words import tag

RULES_VERSION = 1  # raise it when a rule below changes: every post is then judged again
HIT_SCORE = 0.5  # at or above it a finding stands on the hit list
NEVER_HITS = frozenset({AuthorClass.OWN, AuthorClass.LICENSED, AuthorClass.PRESS})

AI_LABELLED = 0.38  # the platform itself says the clip is generated; with an element's name alone not yet a hit
AI_TAGGED = 0.35  # the author says so with a generator's tag
RESPONDENT = 0.35  # the vendor's own account, naming the franchise
SUGGESTION_MOST = 0.79  # words never reach what a hash proves
SILENCED = 0.05  # explained by the negative or the licensed bank


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A match of one of the post's files, with the reference it equals."""

    match: Match
    reference: Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a brand has told us, as far as judging needs it."""

    franchises: tuple[Franchise, ...]
    generator_tags: frozenset[str]
    accounts: tuple[Account, ...]

    def class_of(self, platform: str, handle: str) -> AuthorClass:
        """Whose account it is; a leading @ and case do not count."""
        wanted = handle.lstrip("@").casefold()
        for account in self.accounts:
            if account.platform == platform and account.handle.lstrip("@").casefold() == wanted:
                return account.author_class
        return AuthorClass.UNKNOWN


def judge(post: Post, hits: Sequence[Hit], known: Known) -> tuple[Finding, ...]:
    """The findings of one post, one for each franchise it may take from."""
    author = known.class_of(post.platform, post.author_handle)
    evidence = ai_reasons(post, known.generator_tags)
    findings = (_judge_franchise(post, franchise, hits, evidence, author) for franchise in known.franchises)
    return tuple(finding for finding in findings if finding)


def finding_id(post: str, franchise: str) -> str:
    """The finding's id, short enough to type, from what it is about."""
    return "F-" + hashlib.sha256(f"{post}|{franchise}".encode()).hexdigest()[:10]


def _judge_franchise(
    post: Post, franchise: Franchise, hits: Sequence[Hit], evidence: Sequence[Reason], author: AuthorClass
) -> Finding | None:
    own = [hit for hit in hits if hit.reference.franchise == franchise.id]
    copies = sorted((hit for hit in own if hit.reference.bank is Bank.POSITIVE), key=_closeness)
    excuses = [hit for hit in own if hit.reference.bank is not Bank.POSITIVE]
    words, named_element = word_reasons(post, franchise)
    if not copies and not words and not excuses:
        return None
    reasons = [copy_reason(hit) for hit in copies[:5]] + list(words) + list(evidence)
    if author is AuthorClass.RESPONDENT_OFFICIAL:
        reasons.append(
            Reason(
                kind="account",
                sentence=f"@{post.author_handle} is an official account of the respondent",
                weight=RESPONDENT,
            )
        )
    excuse = _excuse(copies, excuses)
    if excuse:
        reasons.insert(0, excuse)
    shown = (hit.reference.element for hit in copies if hit.reference.element)
    return Finding(
        id=finding_id(post.id, franchise.id),
        post=post.id,
        franchise=franchise.id,
        element=next(shown, named_element),
        basis=Basis.COPY if copies else Basis.SUGGESTION,
        score=SILENCED if excuse else score(reasons, copied=bool(copies)),
        reasons=tuple(reasons),
        ai_evidence=tuple(reason.sentence for reason in evidence),
        author_class=author,
    )


def score(reasons: Sequence[Reason], *, copied: bool) -> float:
    """0..1: the best hash match alone decides a copy; otherwise what suggests adds up, and stops short."""
    if copied:
        return max(reason.weight for reason in reasons if reason.kind not in SUGGESTING)
    best = {kind: max((r.weight for r in reasons if r.kind == kind), default=0.0) for kind in SUGGESTING}
    # A platform's label and the author's own tag say the same thing: the stronger counts.
    total = best["words"] + best["element"] + max(best["label"], best["tag"]) + best["account"]
    return round(min(total, SUGGESTION_MOST), 3)


SUGGESTING = ("words", "element", "label", "tag", "account")


def ai_reasons(post: Post, generator_tags: frozenset[str]) -> list[Reason]:
    """What says that the clip is generated. An empty list says nothing about how it was made."""
    reasons = []
    if post.ai_label:
        sentence = f"Platform label: {post.ai_label.field} = {post.ai_label.value}"
        reasons.append(Reason(kind="label", sentence=sentence, weight=AI_LABELLED))
    reasons.extend(
        Reason(kind="tag", sentence=f"Generator tag #{name}", weight=AI_TAGGED)
        for name in dict.fromkeys(tag(name) for name in post.hashtags)
        if name in generator_tags
    )
    return reasons


def copy_reason(hit: Hit) -> Reason:
    """One match as a sentence a person can check: both times, the distance and the threshold."""
    match, reference = hit.match, hit.reference
    longest = max(match.segments, key=lambda part: part.query_end_s - part.query_start_s)
    best = min(match.segments, key=lambda part: part.best_distance)
    there = f" at {clock(best.best_reference_s)}" if reference.kind == "video" else ""
    sentence = (
        f"Frame {clock(best.best_query_s)} equals “{reference.name}”{there}:"
        f" {match.distance} of {match.threshold} {match.unit} allowed ({match.method}){_stretch(longest, reference)}"
    )
    return Reason(
        kind=match.method,
        sentence=sentence,
        weight=match.probability,
        detail={
            "sha256": match.sha256,
            "reference": reference.id,
            "reference_sha256": reference.sha256,
            "distance": match.distance,
            "threshold": match.threshold,
            "query_s": best.best_query_s,
            "reference_s": best.best_reference_s,
            "region": best.region,
        },
    )


def _stretch(part: Segment, reference: Reference) -> str:
    length = part.query_end_s - part.query_start_s
    if length < 1:
        return ""
    here = f"; {clock(part.query_start_s)}–{clock(part.query_end_s)} shows it"
    if reference.kind == "image" or part.speed == 0:
        return f"{here} standing still" if reference.kind == "video" else here
    speed = "" if part.speed == 1 else f" at {part.speed:g} times its speed"
    return f"{here} from {clock(part.reference_start_s)} to {clock(part.reference_end_s)}{speed}"


def _excuse(copies: Sequence[Hit], excuses: Sequence[Hit]) -> Reason | None:
    """A licensed or negative reference that explains the clip at least as well as any positive one."""
    if not excuses or (copies and _closeness(min(excuses, key=_closeness)) > _closeness(copies[0])):
        return None
    best = min(excuses, key=_closeness)
    meaning = "a licensed copy" if best.reference.bank is Bank.LICENSED else "a known false pair"
    told = copy_reason(best)
    return Reason(
        kind=told.kind, sentence=f"Explained by {meaning}: {told.sentence}", weight=SILENCED, detail=told.detail
    )


def _closeness(hit: Hit) -> tuple[float, int]:
    return -hit.match.probability, -sum(part.pairs for part in hit.match.segments)
