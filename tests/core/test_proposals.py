"""Thresholds proposed from decisions: the right one where it is known, and none where nothing can be known."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from core.proposals import LEAST_CASES, Advice, Decided, Proposal, at_least, held_out, propose, wilson

IN_FORCE = 40


def one(case: str, distance: int, *, confirmed: bool, finding: str = "", **changes: object) -> Decided:
    """A decided finding of its own case."""
    made = Decided(
        case=case,
        finding=finding or f"F-{case}",
        element="n/gown",
        method="phash",
        distance=distance,
        in_force=IN_FORCE,
        more_is_nearer=False,
        confirmed=confirmed,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # a test's own field by its name


def decisions(true: int, false: int, *, from_bits: int, seed: int = 1) -> list[Decided]:
    """True copies at 0..20 bits, and false ones from some bits on to the threshold."""
    dice = Random(seed)  # noqa: S311 - the same each time
    right = [one(f"t{n}", dice.randint(0, 20), confirmed=True) for n in range(true)]
    return right + [one(f"f{n}", dice.randint(from_bits, IN_FORCE), confirmed=False) for n in range(false)]


def only(found: list[Proposal]) -> Proposal:
    """The one proposal there is."""
    (proposal,) = found
    return proposal


def test_threshold_that_parts_true_from_false_is_found() -> None:
    """Where copies end at 20 bits and false ones begin at 26, the proposal lies between, and loses nothing."""
    found = only(propose(decisions(400, 100, from_bits=26)))

    assert found.advice is Advice.TIGHTEN
    assert found.threshold is not None
    assert 19 <= found.threshold < 27
    assert found.then is not None
    assert found.then.precision == pytest.approx(1.0, abs=0.02)
    assert found.lost == 0
    assert found.then.low < 0.99 < found.then.high + 1e-9


def test_more_is_nearer_is_turned_round() -> None:
    """A method that counts points gets the same proposal with its sign turned."""
    rows = decisions(400, 100, from_bits=26)
    turned = [replace(row, distance=100 - row.distance, in_force=60, more_is_nearer=True) for row in rows]
    plain, other = only(propose(rows)), only(propose(turned))

    assert plain.threshold is not None
    assert other.threshold == 100 - plain.threshold
    assert (other.then, other.spared) == (plain.then, plain.spared)


def test_what_is_lost_is_told_and_what_nothing_else_shows() -> None:
    """Copies beyond the proposal are counted on the cases held out, and apart those that no other method shows."""
    near = [one(f"n{n}", 5, confirmed=True) for n in range(300)]
    far = [one(f"far{n}", 38, confirmed=True) for n in range(40)]
    false = [one(f"f{n}", 37, confirmed=False) for n in range(80)]
    also = [replace(row, method="pdq", distance=3, in_force=31) for row in far[:20]]
    found = next(one for one in propose([*near, *far, *false, *also]) if one.method == "phash")
    held_far = [row for row in far if held_out(row.case)]

    assert (found.threshold, found.lost) == (5, len(held_far))
    assert found.gone == sum(row.case in {other.case for other in far[20:]} for row in held_far)
    assert found.spared == sum(held_out(row.case) for row in false)
    assert found.then is not None
    assert found.then.cases == sum(held_out(row.case) for row in near)


def test_good_threshold_is_left_alone() -> None:
    """Where nearly all that passes is confirmed, nothing is proposed."""
    found = only(propose(decisions(600, 2, from_bits=10)))

    assert (found.advice, found.threshold) == (Advice.KEEP, None)


def test_no_threshold_is_proposed_where_none_helps() -> None:
    """True and false at the same distances: no threshold parts them."""
    dice = Random(3)  # noqa: S311 - the same each time
    rows = [one(f"c{n}", dice.randint(0, IN_FORCE), confirmed=n % 2 == 0) for n in range(600)]
    found = only(propose(rows))

    assert (found.advice, found.threshold) == (Advice.NONE, None)


@pytest.mark.parametrize("cases", [0, 1, LEAST_CASES, 2 * LEAST_CASES - 1])
def test_few_decisions_propose_nothing(cases: int) -> None:
    """Below the least number of cases in each half there is no proposal, however clear they look."""
    rows = [one(f"c{n}", 5 if n % 2 else 35, confirmed=bool(n % 2)) for n in range(cases)]

    assert [found.advice for found in propose(rows)] == [Advice.FEW] * bool(cases)


def test_reuploads_of_one_clip_are_one_case() -> None:
    """A thousand re-uploads of one false clip weigh as one, and a few clips with many re-uploads stay few."""
    rows = decisions(400, 100, from_bits=26)
    flood = [one("f0", rows[400].distance, confirmed=False, finding=f"F-re{n}") for n in range(1000)]
    few = [one(f"c{n % 10}", 3, confirmed=True, finding=f"F-{n}") for n in range(5000)]
    plain, flooded = only(propose(rows)), only(propose([*rows, *flood]))

    assert (flooded.threshold, flooded.then, flooded.now) == (plain.threshold, plain.then, plain.now)
    assert only(propose(few)).advice is Advice.FEW


def test_a_case_never_stands_on_both_sides() -> None:
    """Which half a case is in hangs on its name alone, and the halves are about equal."""
    sides = [held_out(f"C-{n:010x}") for n in range(2000)]

    assert sides == [held_out(f"C-{n:010x}") for n in range(2000)]
    assert 900 < sum(sides) < 1100


def test_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Over 300 ledgers whose true precision is known, the interval of the proposal holds it in nine of ten or more."""
    held = proposed = 0
    for seed in range(300):
        dice = Random(seed)  # noqa: S311 - the same each time
        rows = []
        for n in range(400):
            distance = dice.randint(0, IN_FORCE)
            wrong = 0.005 if distance <= 20 else 0.4
            rows.append(one(f"{seed}-{n}", distance, confirmed=dice.random() >= wrong))
        found = only(propose(rows))
        if found.threshold is None or found.then is None:
            continue
        proposed += 1
        limit = found.threshold
        inside = min(limit, 20) + 1
        truth = 1 - (0.005 * inside + 0.4 * (limit + 1 - inside)) / (limit + 1)
        held += found.then.low <= truth <= found.then.high

    assert proposed > 150
    assert held / proposed >= 0.9


WORLDS: dict[str, Callable[[int], float]] = {
    "a step": lambda bits: 0.005 if bits <= 20 else 0.4,
    "a ramp": lambda bits: 0.003 + 0.5 * max(0, (bits - 12) / 28) ** 2,
    "at the edge of what is wanted": lambda bits: 0.02 if bits <= 25 else 0.3,
    "never as good as is wanted": lambda bits: 0.035 if bits <= 25 else 0.3,
}


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("cases", [150, 500])
def test_promise_is_kept_in_nineteen_of_twenty_ledgers(world: str, cases: int) -> None:
    """However false hits lie, and chosen by the luckiest of thresholds: of the proposals that are made, at most one in
    twenty lets through more false ones than it promised."""
    wrong, kept, proposed = WORLDS[world], 0, 0
    for seed in range(120):
        dice = Random(f"{world} {cases} {seed}")  # noqa: S311 - the same each time
        drawn = [(n, dice.randint(0, IN_FORCE)) for n in range(cases)]
        rows = [one(f"{seed}-{n}", bits, confirmed=dice.random() >= wrong(bits)) for n, bits in drawn]
        found = only(propose(rows))
        if found.threshold is None or found.then is None:
            continue
        truth = 1 - sum(map(wrong, range(found.threshold + 1))) / (found.threshold + 1)
        proposed += 1
        kept += found.promised <= truth
        assert found.promised < found.then.precision

    assert proposed >= 3
    assert kept >= 0.95 * proposed


@pytest.mark.parametrize(
    ("confirmed", "n", "low"),
    [
        (10, 10, 0.7411),
        (8, 10, 0.4931),
        (35, 35, 0.9180),
        (149, 149, 0.9801),
        (0, 5, 0.0),
        (0, 0, 0.0),
        (95, 100, 0.8977),
    ],
)
def test_lower_bound_is_clopper_and_pearsons(confirmed: int, n: int, low: float) -> None:
    """The one of the books, on one side and of 95 %."""
    assert at_least(confirmed, n) == pytest.approx(low, abs=1e-4)


@pytest.mark.parametrize("confirmed", [38.4, 39.0, 39.2, 40.3])
def test_lower_bound_of_weights_is_never_above_that_of_whole_cases(confirmed: float) -> None:
    """What weights make of cases is rounded to where the promise is smaller."""
    assert at_least(confirmed, 40.3) <= at_least(confirmed / 40.3 * 40, 40) + 0.02
    assert at_least(confirmed, 40.3) <= confirmed / 40.3


def test_lower_bound_of_many_is_quick_and_near() -> None:
    """Of a hundred thousand cases it is one and a half standard errors below what was seen, or a little more."""
    low = at_least(98_000, 100_000)

    assert 0.98 - 0.0009 < low < 0.98 - 0.0006


def test_verdict_of_a_surer_match_is_not_this_methods_own() -> None:
    """Shared decisions teach and measure nothing; they are counted, and told where a proposal would lose them."""
    rows = decisions(400, 100, from_bits=26)
    beside = [one(f"s{n}", 39, confirmed=True, shared=True) for n in range(300)]
    plain, with_shared = only(propose(rows)), only(propose([*rows, *beside]))

    assert (with_shared.threshold, with_shared.now, with_shared.then) == (plain.threshold, plain.now, plain.then)
    assert (with_shared.cases, with_shared.shared, plain.shared) == (500, 300, 0)
    assert with_shared.lost == plain.lost + sum(held_out(row.case) for row in beside)
    assert only(propose(beside)).advice is Advice.FEW


def test_threshold_is_never_widened() -> None:
    """Beyond what is in force only what something else found was decided: it says nothing of what lies there."""
    rows = [*decisions(400, 100, from_bits=26), *(one(f"w{n}", 60, confirmed=True) for n in range(400))]
    found = only(propose(rows))

    assert found.threshold is not None
    assert found.threshold < IN_FORCE


def test_proposals_that_change_something_come_first() -> None:
    """A person sees what there is to accept before what may stay."""
    good = [replace(row, element="n/a") for row in decisions(600, 0, from_bits=26)]
    bad = [replace(row, element="n/z") for row in decisions(400, 100, from_bits=26)]

    assert [found.advice for found in propose([*good, *bad])] == [Advice.TIGHTEN, Advice.KEEP]


@pytest.mark.parametrize(
    ("confirmed", "n", "low", "high"), [(0, 0, 0.0, 1.0), (10, 10, 0.722, 1.0), (8, 10, 0.490, 0.943)]
)
def test_interval_is_wilsons(confirmed: int, n: int, low: float, high: float) -> None:
    """The interval is the one in the books."""
    assert list(wilson(confirmed, n)) == pytest.approx([low, high], abs=1e-3)
