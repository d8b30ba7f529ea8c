"""Whether two clips are one clip: a re-upload joins a case, and one that adds or leaves out something says so.

A rule over matches between clips, made by the methods that prove copies; never opens a file.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from core.records import Basis, Match, Segment

SAME_SHARE = 0.45  # of both clips' time: a re-upload that lost its beginning or end is one all the same
PART_SHARE = 0.4  # of the shorter clip's time
STILL_S = 0.5  # what a picture counts for in time
LEAST_INSIDE = 0.35  # of the frame's area: less, and the clip is shown in a corner of another
LEAST_SHOWN = 0.1  # of the other's picture: less is a caption or a mark that two different clips carry


class Relation(StrEnum):
    """What one clip is to another."""

    SAME = "same"
    DIFFERS = "differs"  # it shows the other clip, and something of its own beside it, before or after
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What one clip is to another, and why in words; share 0..1 of the shorter one's time that they have in common."""

    other: str
    relation: Relation
    share: float
    why: str


def likeness(matches: Sequence[Match], query_s: float | None, reference_s: float | None) -> Likeness:
    """Judge all matches of one clip against another, of whatever methods: what one does not see another may.

    matches      at least one, with the other clip's name as their reference
    query_s      durations in seconds; None for a picture
    reference_s
    """
    other = matches[0].reference
    parts = [part for match in matches if match.basis is Basis.COPY for part in match.segments if _shown(part)]
    if not parts:
        return Likeness(other=other, relation=Relation.NONE, share=0.0, why="nothing that proves a copy")
    here, there = query_s or STILL_S, reference_s or STILL_S
    ours = _covered((part.query_start_s, part.query_end_s) for part in parts) or STILL_S
    theirs = _covered((part.reference_start_s, part.reference_end_s) for part in parts) or STILL_S
    share_here, share_there = min(ours / here, 1.0), min(theirs / there, 1.0)
    share = max(share_here, share_there)
    told = f"{share_here:.0%} of its time shows {share_there:.0%} of the other's"
    if min(share_here, share_there) >= SAME_SHARE:
        inside = _inside(parts)
        relation = Relation.DIFFERS if inside else Relation.SAME
        return Likeness(other=other, relation=relation, share=share, why=f"{told}, {inside}" if inside else told)
    if share >= PART_SHARE:
        more = "it has more beside it" if share_here < share_there else "it is a part of it"
        return Likeness(other=other, relation=Relation.DIFFERS, share=share, why=f"{told}: {more}")
    return Likeness(other=other, relation=Relation.NONE, share=share, why=told)


def best(likenesses: Iterable[Likeness]) -> Likeness | None:
    """The likeness to join by: the same clip before one that differs, then the larger share; None where none joins."""
    joining = [one for one in likenesses if one.relation is not Relation.NONE]
    return min(joining, key=lambda one: (one.relation is not Relation.SAME, -one.share, one.other), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a clip is: its case, what it has that the case's clip has not ("" for nothing), and why it is there."""

    case_id: str
    differs: str
    why: str


def places(
    clips: Iterable[tuple[str, str]], there: Mapping[str, Place], like: Mapping[str, Sequence[Likeness]]
) -> Iterator[tuple[str, Place]]:
    """The places of new clips, one after another: each may join those before it.

    clips  (name, id of the case that it opens when it joins none)
    there  name -> place, of the clips that stand for their cases
    like   name -> its likenesses to others
    """
    known = dict(there)
    for name, own in clips:
        joins = best(
            one
            for one in like.get(name, ())
            # What differs from a clip is no ground for a third one to stand on, unless that is the same again.
            if one.other in known and (one.relation is Relation.SAME or not known[one.other].differs)
        )
        if name in known:
            place = replace(known[name], why="the same file")
        elif joins is None:
            place = Place(case_id=own, differs="", why="the first of its clip")
        elif joins.relation is Relation.SAME:
            place = replace(known[joins.other], why=joins.why)
        else:
            place = Place(case_id=known[joins.other].case_id, differs=joins.why, why=joins.why)
        known.setdefault(name, place)
        yield name, place


def both_ways(told: Iterable[tuple[str, Likeness]]) -> dict[str, list[Likeness]]:
    """Name -> its likenesses; that two clips are the same is so whichever way round it was seen."""
    found: dict[str, list[Likeness]] = {}
    for name, one in told:
        found.setdefault(name, []).append(one)
        if one.relation is Relation.SAME and one.other != name:
            found.setdefault(one.other, []).append(replace(one, other=name))
    return found


def case_id(finding: str) -> str:
    """The id of the case that a finding opens, short enough to type."""
    return "C-" + hashlib.sha256(f"case|{finding}".encode()).hexdigest()[:10]


def status(verdicts: Mapping[str, str | None], differs: Mapping[str, bool]) -> str:
    """The state of a case: `open` while a member is undecided, else the verdict on the clip itself.

    verdicts  finding -> its latest verdict, None for none
    differs   finding -> whether it keeps its own verdict
    """
    if any(verdict is None for verdict in verdicts.values()):
        return "open"
    own = [verdict for finding, verdict in verdicts.items() if not differs.get(finding)] or list(verdicts.values())
    for worst in ("unsure", "infringing", "fair-use", "licensed", "unrelated"):
        if worst in own:
            return worst
    return "open"


def _shown(part: Segment) -> bool:
    """Whether enough of the other's picture agrees to say that it is shown."""
    return len(part.reference_box) != 4 or part.reference_box[2] * part.reference_box[3] >= LEAST_SHOWN


def _covered(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds that some stretches cover together."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted((min(span), max(span)) for span in spans):
        total += max(stop - max(start, end), 0.0)
        end = max(end, stop)
    return total


def _inside(segments: Sequence[Segment]) -> str:
    """How the other clip lies in the frame, where it does not fill it; "" where it does, or where that is unknown."""
    longest = max(segments, key=lambda part: part.query_end_s - part.query_start_s)
    if len(longest.query_outline) == 8:
        xs, ys = longest.query_outline[::2], longest.query_outline[1::2]
        area = abs(sum(xs[i] * ys[i - 1] - xs[i - 1] * ys[i] for i in range(4))) / 2
        return f"in {area:.0%} of the frame" if area < LEAST_INSIDE else ""
    return ""
