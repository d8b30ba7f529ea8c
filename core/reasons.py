"""Matches, labels and marks -> the sentences that stand behind a finding, each one a person can check.

Never says more than was measured: a hash equals, features agree, a first frame starts from, a model finds alike.
"""

from collections.abc import Sequence

from core.records import Bank, Basis, Mark, Match, Post, Reason, Reference, Segment
from core.times import clock
from core.words import tag

AI_LABELLED = 0.38  # the platform itself says the clip is generated; with an element's name alone not yet a hit
AI_MARKED = 0.38  # the file itself says so
AI_TAGGED = 0.35  # the author says so with a generator's tag
SOUND_MOST = 0.45  # a tune is used by thousands, and says nothing of the picture: alone it is no hit
STARTS_FROM = 0.62  # the first second is an official still, and what follows is not: how image-to-video begins
SILENCED = 0.05  # explained by the negative or the licensed bank
SOUND = "sound"  # how the regions of sound begin
FIRST_S = 1.0  # what counts as the start of a clip
LEAST_CLIP_S = 2.0  # a shorter clip is all start

SUGGESTING = frozenset({"words", "element", "label", "mark", "tag", "account", "start", "likeness", "sound"})


def match_reason(match: Match, reference: Reference, *, duration_s: float | None = None) -> Reason:
    """One match as a sentence: both times, the distance and the threshold, and what part of the picture.

    duration_s  of the file; None for a picture, or when it is not known
    """
    best = nearest(match)
    there = f" at {clock(best.best_reference_s)}" if reference.kind == "video" else ""
    kind, weight = match.method, match.probability
    if starts_from(match, reference, duration_s):
        kind, weight = "start", STARTS_FROM
        said = f"Starts from “{reference.name}”: its frame {clock(best.best_query_s)} equals it, the rest does not"
    elif best.region.startswith(SOUND):
        kind, weight = "sound", min(weight, SOUND_MOST)
        said = f"The sound at {clock(best.best_query_s)} is that of “{reference.name}”{there}"
    elif match.basis is Basis.SUGGESTION:
        kind = "likeness"
        said = f"Frame {clock(best.best_query_s)} looks like “{reference.name}”{there}"
    elif match.more_is_nearer:
        said = f"Frame {clock(best.best_query_s)} shows “{reference.name}”{there}{_way(best)}"
    else:
        said = f"Frame {clock(best.best_query_s)} equals “{reference.name}”{there}{_way(best)}"
    detail = {
        "sha256": match.sha256,
        "reference": reference.id,
        "reference_sha256": reference.sha256,
        "method": match.method,
        "distance": match.distance,
        "threshold": match.threshold,
        "unit": match.unit,
        "more_is_nearer": match.more_is_nearer,
        "query_s": best.best_query_s,
        "reference_s": best.best_reference_s,
        "region": best.region,
    }
    stretch = "" if kind == "start" else _stretch(match, reference)
    return Reason(kind=kind, sentence=f"{said}: {_measured(match)}{stretch}", weight=weight, detail=detail)


def excuse_reason(match: Match, reference: Reference) -> Reason:
    """A match that explains the clip: by the licensed bank or the negative one."""
    meaning = "a licensed copy" if reference.bank is Bank.LICENSED else "a known false pair"
    told = match_reason(match, reference)
    return Reason(
        kind=told.kind, sentence=f"Explained by {meaning}: {told.sentence}", weight=SILENCED, detail=told.detail
    )


def ai_reasons(post: Post, generator_tags: frozenset[str], marks: Sequence[Mark] = ()) -> list[Reason]:
    """What says that the clip is generated. An empty list says nothing about how it was made."""
    reasons = []
    if post.ai_label:
        sentence = f"Platform label: {post.ai_label.field} = {post.ai_label.value}"
        reasons.append(Reason(kind="label", sentence=sentence, weight=AI_LABELLED))
    reasons.extend(
        Reason(kind="mark", sentence=mark.sentence, weight=AI_MARKED, detail={"where": mark.where})
        for mark in marks
        if mark.evidence
    )
    reasons.extend(
        Reason(kind="tag", sentence=f"Generator tag #{name}", weight=AI_TAGGED)
        for name in dict.fromkeys(tag(name) for name in post.hashtags)
        if name in generator_tags
    )
    return reasons


def starts_from(match: Match, reference: Reference, duration_s: float | None) -> bool:
    """Say whether a clip shows a still in its first second and nowhere else: how image-to-video models begin."""
    return (
        reference.kind == "image"
        and duration_s is not None
        and duration_s >= LEAST_CLIP_S
        and max(part.query_end_s for part in match.segments) <= FIRST_S
    )


def nearest(match: Match) -> Segment:
    """The segment with the nearest frame pair."""
    sign = -1 if match.more_is_nearer else 1
    return min(match.segments, key=lambda part: sign * part.best_distance)


def _measured(match: Match) -> str:
    if match.more_is_nearer:
        return f"{match.distance} {match.unit}, at least {match.threshold} needed ({match.method})"
    return f"{match.distance} of {match.threshold} {match.unit} allowed ({match.method})"


def _way(part: Segment) -> str:
    """How the query shows the picture, where that is not plainly."""
    ways = [
        "mirrored" if part.mirrored else "",
        part.region.removeprefix("whole").strip() if part.region != "whole" else "",
        _place(part.query_outline),
    ]
    told = ", ".join(way for way in ways if way)
    return f" ({told})" if told else ""


def _place(outline: tuple[float, ...]) -> str:
    """Say which part of the picture shows the reference, unless it is about all of it."""
    if not outline:
        return ""
    xs, ys = outline[::2], outline[1::2]
    left, right, top, bottom = (min(max(side, 0.0), 1.0) for side in (min(xs), max(xs), min(ys), max(ys)))
    if (right - left) * (bottom - top) > 0.8:
        return ""
    return f"in {left:.0%}–{right:.0%} of the width, {top:.0%}–{bottom:.0%} of the height"


def _stretch(match: Match, reference: Reference) -> str:
    part = max(match.segments, key=lambda part: part.query_end_s - part.query_start_s)
    length = part.query_end_s - part.query_start_s
    if length < 1:
        return ""
    here = f"; {clock(part.query_start_s)}–{clock(part.query_end_s)} shows it"
    if part.region.startswith(SOUND):
        here = f"; {clock(part.query_start_s)}–{clock(part.query_end_s)} sounds so"
    if reference.kind == "image" or part.speed == 0:
        return f"{here} standing still" if reference.kind == "video" else here
    speed = "" if abs(part.speed) == 1 else f" at {abs(part.speed):g} times its speed"
    backwards = " backwards" if part.speed < 0 else ""
    return f"{here}{backwards} from {clock(part.reference_start_s)} to {clock(part.reference_end_s)}{speed}"
