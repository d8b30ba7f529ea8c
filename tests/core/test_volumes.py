"""A watch that brings far less is suspected; one that is only quiet is not."""

import random

import pytest

from core.volumes import fallen


def counts(rng: random.Random, mean: float, bursty: float, days: int) -> list[int]:
    """Posts of each day, in bursts."""
    rates = [rng.gammavariate(1 / bursty, bursty * mean) for _ in range(days)]
    return [sum(rng.random() < rate / 1000 for _ in range(1000)) for rate in rates]


def test_silence_after_two_weeks_is_told_with_what_was() -> None:
    """40 a day, then none."""
    steady = [38, 41, 44, 36, 40, 43, 39, 42, 37, 40, 41, 44, 35, 40]

    assert fallen([0, *steady]) == (40.0, 0, 1)
    assert fallen([21, *steady]) is None


def test_fall_to_a_tenth_is_told_within_four_days() -> None:
    """What one day does not prove, four do."""
    steady = [38, 41, 34, 46, 40, 43, 39, 32, 47, 40, 41, 44, 35, 40]

    assert fallen([7, *steady]) is None
    assert fallen([7, 3, 2, 4, *steady]) is not None


@pytest.mark.parametrize("days", [[], [0], [0] * 20, [0, *[50] * 6], [0, *[1, 2, 1, 0] * 4], [10**9] * 20])
def test_too_little_is_no_suspicion(days: list[int]) -> None:
    """Few days, or a watch that brings little, tell nothing."""
    assert fallen(days) is None


@pytest.mark.parametrize("bursty", [0.1, 0.5, 1.0])
def test_bursts_raise_no_alarm_in_a_thousand_cycles(bursty: float) -> None:
    """Quiet days of a bursty watch are what it is like."""
    rng = random.Random(7)  # noqa: S311 - made-up counts, no secret
    days = counts(rng, 60.0, bursty, 1018)
    told = [fallen(days[at : at + 18]) for at in range(1000)]

    assert [one for one in told if one] == []
