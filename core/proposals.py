"""What people decided -> a threshold to propose for one element and method, with the precision to expect of it.

Learns on one half of the cases and measures on the other: re-uploads of one clip are one case, and never stand on
both sides. Proposes tighter thresholds only, since nobody decided on what lies beyond the one in force; applies none.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby

TARGET = 0.98  # of what a threshold lets through, the share that people confirm
LEAST_CASES = 35  # in each half: fewer without one mistake do not speak for 98 %, at the next line's certainty
LIKELY = 0.84  # standard deviations of a normal: learnt so that four of five would bear it out
SURE = 1.96  # an interval of 95 %
PROMISED = 0.95  # the share of proposals, at least, that keep what they promise
ROUNDING = 1e-9  # of sums of weights


class Advice(StrEnum):
    """What past decisions say of a threshold."""

    FEW = "few"  # too few of them to say anything
    KEEP = "keep"  # it keeps the precision that is wanted
    TIGHTEN = "tighten"  # the proposed one does
    NONE = "none"  # no threshold does that leaves enough to measure
    UNPROVEN = "unproven"  # one did where it was learnt, and did not on the decisions held out


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One decided finding as one method saw it with the references of one element: the nearest of its matches.

    in_force    the threshold that held for it: the largest distance or, where more_is_nearer, the least
    confirmed   whether a person called it a copy, licensed or fair ones too, or unrelated
    shared      whether another match was surer: then the verdict is that one's, and says nothing of this method
    """

    case: str
    finding: str
    element: str
    method: str
    distance: int
    in_force: int
    more_is_nearer: bool
    confirmed: bool
    shared: bool = False

    def passes(self, limit: int) -> bool:
        """Whether a threshold lets it through."""
        return self.distance >= limit if self.more_is_nearer else self.distance <= limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a threshold does on some decisions.

    cases       that it lets through, each counted once, however many re-uploads it has
    precision   0..1, the share of them that was confirmed, and its interval of 95 % (Wilson)
    alike       how many cases of equal weight would say as much (Kish): those of which a part passes say less
    """

    cases: int
    precision: float
    low: float
    high: float
    alike: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What past decisions say of an element's threshold for a method.

    threshold   the proposed one; None unless advice is `tighten`
    cases       decided ones whose verdict is this method's own, in both halves
    shared      decided findings left out of them, since another match was surer
    now         what is in force, on all decisions: nothing was chosen by them; None where they are few
    then        what is proposed, on the decisions held out
    promised    0..1, what its precision is at least: `at_least` of `then`; 0 where nothing is proposed
    confirmed   confirmed findings held out; lost: those of them that the method would show no more;
    gone        those of the lost that nothing else shows
    spared      false findings held out that the method would show no more; shared ones count in these four too
    """

    element: str
    method: str
    in_force: int
    more_is_nearer: bool
    advice: Advice
    cases: int
    shared: int = 0
    threshold: int | None = None
    now: Estimate | None = None
    then: Estimate | None = None
    promised: float = 0.0
    confirmed: int = 0
    lost: int = 0
    gone: int = 0
    spared: int = 0


def propose(decided: Iterable[Decided], *, target: float = TARGET, least_cases: int = LEAST_CASES) -> list[Proposal]:
    """One proposal for each element and method that people decided on, those that would change something first."""
    rows = list(decided)
    shown: dict[str, set[tuple[str, str]]] = {}
    groups: dict[tuple[str, str], list[Decided]] = {}
    for one in rows:
        if one.passes(one.in_force):
            shown.setdefault(one.finding, set()).add((one.element, one.method))
            groups.setdefault((one.element, one.method), []).append(one)
    alone = {finding for finding, ways in shown.items() if len(ways) == 1}
    found = [_propose(groups[key], alone, target, least_cases) for key in sorted(groups)]
    return sorted(found, key=lambda one: one.advice is not Advice.TIGHTEN)


def held_out(case: str) -> bool:
    """Whether a case measures rather than teaches: by its name, so that it never changes sides."""
    return hashlib.sha256(f"held out|{case}".encode()).digest()[0] % 2 == 1


def wilson(confirmed: float, n: float, *, sure: float = SURE) -> tuple[float, float]:
    """The interval for a share of n, of 95 % or as sure as asked; (0, 1) for nothing.

    source  Wilson, Probable inference, the law of succession, and statistical inference, 1927
    """
    if n <= 0:
        return 0.0, 1.0
    share, z2 = confirmed / n, sure * sure
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = sure / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def at_least(confirmed: float, n: float, *, sure: float = PROMISED) -> float:
    """What a share is at least, seen `confirmed` times of n: the lower bound of one side, exact for whole numbers.

    Numbers that are not whole, as weights make them, are rounded to where the bound is lower.
    source  Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial, 1934
    """
    whole = math.floor(n + ROUNDING)
    wrong = min(whole, math.ceil((n - confirmed) * whole / n - ROUNDING)) if whole else 0
    low, high = 0.0, 1.0
    if wrong >= whole:
        return low
    chosen = [math.lgamma(whole + 1) - math.lgamma(k + 1) - math.lgamma(whole - k + 1) for k in range(wrong + 1)]
    while high - low > ROUNDING:
        share = (low + high) / 2
        # The chance of so few wrong ones, if the true share were this.
        bad, good = math.log1p(-share), math.log(share)
        likely = sum(math.exp(ways + k * bad + (whole - k) * good) for k, ways in enumerate(chosen))
        low, high = (share, high) if likely < 1 - sure else (low, share)
    return low


def _propose(every: Sequence[Decided], alone: set[str], target: float, least_cases: int) -> Proposal:
    first, rows = every[0], [one for one in every if not one.shared]
    sides = {case: held_out(case) for case in {one.case for one in rows}}
    held = [one for one in rows if sides[one.case]]
    learnt = [one for one in rows if not sides[one.case]]
    now = _estimate(rows, first.in_force)
    few = Proposal(
        element=first.element,
        method=first.method,
        in_force=first.in_force,
        more_is_nearer=first.more_is_nearer,
        advice=Advice.FEW,
        cases=len(sides),
        shared=len(every) - len(rows),
    )
    if min(sum(sides.values()), len(sides) - sum(sides.values())) < least_cases:
        return few
    if now.precision >= target:
        return replace(few, advice=Advice.KEEP, now=now)
    limit = _widest(learnt, target, least_cases)
    if limit is None:
        return replace(few, advice=Advice.NONE, now=now)
    then = _estimate(held, limit)
    if then.precision < target or then.cases < least_cases:
        return replace(few, advice=Advice.UNPROVEN, now=now, then=then)
    told = [one for one in every if held_out(one.case)]
    dropped = [one for one in told if not one.passes(limit)]
    lost = [one for one in dropped if one.confirmed]
    return replace(
        few,
        advice=Advice.TIGHTEN,
        threshold=limit,
        now=now,
        then=then,
        promised=at_least(then.precision * then.alike, then.alike),
        confirmed=sum(one.confirmed for one in told),
        lost=len(lost),
        gone=sum(one.finding in alone for one in lost),
        spared=len(dropped) - len(lost),
    )


def _widest(rows: Sequence[Decided], target: float, least_cases: int) -> int | None:
    """The widest distance among those decided at which the cases speak for the target; None for none."""
    sizes, widest, total, right = Counter(one.case for one in rows), None, 0.0, 0.0
    cases = set[str]()
    for distance, group in groupby(sorted(rows, key=_far), key=lambda one: one.distance):
        for one in group:
            cases.add(one.case)
            total += 1 / sizes[one.case]
            right += one.confirmed / sizes[one.case]
        n = len(cases)
        if n >= least_cases and wilson(min(right / total, 1.0) * n, n, sure=LIKELY)[0] >= target:
            widest = distance
    return widest


def _estimate(rows: Sequence[Decided], limit: int) -> Estimate:
    """Each case counts for the share of its findings that passes, so that a thousand re-uploads weigh as one clip."""
    sizes = Counter(one.case for one in rows)
    passing = Counter(one.case for one in rows if one.passes(limit))
    right = Counter(one.case for one in rows if one.passes(limit) and one.confirmed)
    weights = {case: count / sizes[case] for case, count in passing.items()}
    total = sum(weights.values())
    if not total:
        return Estimate(cases=0, precision=0.0, low=0.0, high=1.0, alike=0.0)
    precision = sum(right[case] / sizes[case] for case in passing) / total
    n = total * total / sum(weight * weight for weight in weights.values())
    low, high = wilson(precision * n, n)
    return Estimate(cases=len(passing), precision=precision, low=low, high=high, alike=n)


def _far(one: Decided) -> int:
    return -one.distance if one.more_is_nearer else one.distance
