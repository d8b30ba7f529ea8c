"""Whether two clips are one clip: a re-upload joins a case, and one that adds or leaves out something says so.

A rule over matches between clips, made by the methods that prove copies; never opens a file.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from core.records import Basis, Match, Segment

SAME_SHARE = 0.45  # of both clips' time: a re-upload that lost its beginning or end is one all the same
PART_SHARE = 0.4  # of the shorter clip's time
STILL_S = 0.5  # what a picture counts for in time
LEAST_INSIDE = 0.35  # of the frame's area: less, and the clip is shown in a corner of another
LEAST_SHOWN = 0.1  # of the other's picture: less is a mark that two different clips carry
LEAST_SIDE = 0.25  # of its width and of its height: less is a caption, the same words in the same letters
# Bits of 256 by which a file's own frames part within seconds, beyond what they part within a quarter second:
# less, and it stands still or is all movement, and says nothing of whether two files move alike.
MOVES_BITS = 3.0
LEAST_FALL = 0.6  # of those bits: a copy's frames are that much nearer at their own moment than seconds beside it
LEAST_TRACE = 0.3  # of the pattern: two who happen to stand alike fall too, and differ among themselves otherwise
LEAST_PATTERN = 0.7  # enough alone: hashes do not see through a crop, and the pattern does
# How far pictures of change are, of how far they are beside: most copies 0.3, crops 0.55, other takes 0.9. A dancer's
# nearest takes have 0.5 for some seconds.
SURE_CHANGE, MOST_CHANGE = 0.45, 0.75


class Relation(StrEnum):
    """What one clip is to another."""

    SAME = "same"
    DIFFERS = "differs"  # it shows the other clip, and something of its own beside it, before or after
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What one clip is to another, and why in words.

    share  0..1 of the shorter one's time that they have in common
    sure   how alike they move where they have it in common, -1..1; 0 where that is unknown
    """

    other: str
    relation: Relation
    share: float
    why: str
    sure: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """How alike two clips move in a stretch, made by matchers/sameness.py; bits are of hashes of frames.

    own_bits   how much nearer each clip's own frames are a moment away than seconds away: the more of the two
    fall_bits  how much nearer the two clips' frames are along the stretch than seconds beside it
    pattern    -1..1, how alike the differences among each clip's own frames are
    change     how far what changes in one is from what changes in the other along the stretch, as a share of how
               far it is seconds beside it; None where that is unknown
    """

    own_bits: float
    fall_bits: float
    pattern: float
    change: float | None = None

    @property
    def alike(self) -> bool:
        """Whether what changes in one surely is what changes in the other."""
        return self.change is not None and self.change <= SURE_CHANGE

    @property
    def otherwise(self) -> bool:
        """Whether one moves and the other does not move alike: two takes in one room, not a copy."""
        if self.change is not None and not SURE_CHANGE < self.change <= MOST_CHANGE:
            return not self.alike
        falls = self.fall_bits >= LEAST_FALL * self.own_bits and self.pattern >= LEAST_TRACE
        return self.own_bits >= MOVES_BITS and not falls and self.pattern < LEAST_PATTERN


def likeness(
    matches: Sequence[Match],
    query_s: float | None,
    reference_s: float | None,
    motions: Mapping[Segment, Motion] = MappingProxyType({}),
) -> Likeness:
    """Judge all matches of one clip against another, of whatever methods: what one does not see another may.

    matches      at least one, with the other clip's name as their reference
    query_s      durations in seconds; None for a picture
    reference_s
    motions      of their stretches, where it is known; one that moves otherwise is nothing in common, and where
                 most do, none is, unless one surely moves alike
    """
    other = matches[0].reference
    parts = [part for match in matches if match.basis is Basis.COPY for part in match.segments if _shown(part)]
    if not parts:
        return Likeness(other=other, relation=Relation.NONE, share=0.0, why="nothing that proves a copy")
    others = [part for part in parts if part in motions and motions[part].otherwise]
    parts = [part for part in parts if part not in others]
    is_sure = any(part in motions and motions[part].alike for part in parts)
    if not parts or (not is_sure and _lasting(others) > _lasting(parts)):  # two takes agree somewhere by chance
        return Likeness(other=other, relation=Relation.NONE, share=0.0, why="it looks alike and moves otherwise")
    here, there = query_s or STILL_S, reference_s or STILL_S
    ours = _covered((part.query_start_s, part.query_end_s) for part in parts) or STILL_S
    theirs = _covered((part.reference_start_s, part.reference_end_s) for part in parts) or STILL_S
    share_here, share_there = min(ours / here, 1.0), min(theirs / there, 1.0)
    share = max(share_here, share_there)
    sure = max((motions[part].pattern for part in parts if part in motions), default=0.0)
    told = f"{share_here:.0%} of its time shows {share_there:.0%} of the other's"
    if min(share_here, share_there) >= SAME_SHARE:
        inside = _inside(parts)
        relation = Relation.DIFFERS if inside else Relation.SAME
        why = f"{told}, {inside}" if inside else told
        return Likeness(other=other, relation=relation, share=share, why=why, sure=sure)
    if share >= PART_SHARE:
        more = "it has more beside it" if share_here < share_there else "it is a part of it"
        return Likeness(other=other, relation=Relation.DIFFERS, share=share, why=f"{told}: {more}", sure=sure)
    return Likeness(other=other, relation=Relation.NONE, share=share, why=told)


def best(likenesses: Iterable[Likeness]) -> Likeness | None:
    """The likeness to join by: the same clip before one that differs, the surer, the larger share; None: none joins."""
    joining = [one for one in likenesses if one.relation is not Relation.NONE]
    return min(joining, key=_order, default=None)


def _order(one: Likeness) -> tuple[bool, float, float, str]:
    return one.relation is not Relation.SAME, -one.sure, -one.share, one.other


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
    if len(part.reference_box) != 4:
        return True
    width, height = part.reference_box[2:]
    return width * height >= LEAST_SHOWN and min(width, height) >= LEAST_SIDE


def _lasting(parts: Iterable[Segment]) -> float:
    """Seconds of the query in some stretches, as often as they were found."""
    return sum(part.query_end_s - part.query_start_s for part in parts)


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
