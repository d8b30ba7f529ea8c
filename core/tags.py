"""Hashtags that stand beside confirmed hits: what watching them would bring. A person accepts, never the program."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

LEAST_CONFIRMED = 2  # one post proves no habit
WIDEST = 0.5  # a tag on more than half of all that was seen says nothing of its own
Z = 1.28  # the lower end of an 80 % interval: in nine cases of ten the share is higher


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A post as this needs it: its tags (as core.words.tag makes them), and whether a person confirmed it.

    infringing  True, False, or None where no person has said
    """

    tags: Sequence[str]
    infringing: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A tag worth watching.

    posts      posts with it in the time looked at, which other watches brought
    judged     those a person judged; confirmed: those found infringing
    share      confirmed of judged
    at_least   Wilson's lower bound of that share: what one may count on
    a_week     confirmed posts a week at that bound, if the unjudged are like the judged
    """

    tag: str
    posts: int
    judged: int
    confirmed: int
    share: float
    at_least: float
    a_week: float


def proposals(seen: Iterable[Seen], *, known: Set[str], weeks: float) -> tuple[Proposal, ...]:
    """The tags that are not watched yet, those that promise most first.

    known   tags that are watched, or are the brand's own, as core.words.tag makes them
    weeks   how long the posts were gathered, for the yield a week
    Biased, and shown so: only posts that some watch already brings are counted.
    """
    posts, judged, confirmed, total = Counter[str](), Counter[str](), Counter[str](), 0
    for one in seen:
        total += 1
        names = set(one.tags) - known
        posts.update(names)
        if one.infringing is not None:
            judged.update(names)
        if one.infringing:
            confirmed.update(names)
    found = [
        _proposal(name, posts[name], judged[name], count, weeks)
        for name, count in confirmed.items()
        if count >= LEAST_CONFIRMED and posts[name] <= max(WIDEST * total, 2 * LEAST_CONFIRMED)
    ]
    return tuple(sorted(found, key=lambda one: (-one.a_week, -one.at_least, one.tag)))


def _proposal(name: str, posts: int, judged: int, confirmed: int, weeks: float) -> Proposal:
    share, low = confirmed / judged, wilson_low(confirmed, judged)
    return Proposal(
        tag=name,
        posts=posts,
        judged=judged,
        confirmed=confirmed,
        share=round(share, 3),
        at_least=round(low, 3),
        a_week=round(posts * low / max(weeks, 1 / 7), 2),
    )


def wilson_low(hits: int, tries: int, z: float = Z) -> float:
    """The lower end of Wilson's interval for a share (Wilson, 1927)."""
    if tries == 0:
        return 0.0
    share = hits / tries
    spread = z * math.sqrt(share * (1 - share) / tries + z * z / (4 * tries * tries))
    return max(0.0, (share + z * z / (2 * tries) - spread) / (1 + z * z / tries))
