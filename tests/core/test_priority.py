"""The order of the queue: what matters first, nothing for ever."""

from datetime import timedelta
from random import Random

import pytest

from core.priority import priority, rank
from core.records import AuthorClass
from tests.builders import NOW

UNKNOWN = AuthorClass.UNKNOWN


def test_each_part_of_a_priority_counts() -> None:
    """Probability, views, velocity and whose account it is."""
    base = priority(0.8, 10_000, 0.0, UNKNOWN)

    assert priority(0.9, 10_000, 0.0, UNKNOWN) > base
    assert priority(0.8, 20_000, 0.0, UNKNOWN) > base
    assert priority(0.8, 10_000, 5_000.0, UNKNOWN) > base
    assert (
        priority(0.8, 10_000, 0.0, AuthorClass.RESPONDENT_OFFICIAL)
        > base
        > priority(0.8, 10_000, 0.0, AuthorClass.PRESS)
    )


def test_order_of_two_cases_never_changes_while_they_wait() -> None:
    """A rank is written once and needs no clock; half a day is worth a doubling."""
    older = rank(1.0, NOW - timedelta(hours=12))

    assert older == pytest.approx(rank(2.0, NOW))


def test_top_tenth_holds_most_of_the_infringing_views_and_nothing_waits_a_week() -> None:
    """2,000 hits with heavy-tailed views; and five weeks in which people clear fewer than come in on busy days."""
    draw = Random(3)  # noqa: S311 - a simulation
    hits = [(draw.uniform(0.5, 0.99), int(draw.paretovariate(0.9) * 100)) for _ in range(2000)]
    infringing = [draw.random() < score for score, _ in hits]
    order = sorted(range(2000), key=lambda one: -rank(priority(*hits[one], 0.0, UNKNOWN), NOW))
    views = sum(hits[one][1] for one in range(2000) if infringing[one])
    top = sum(hits[one][1] for one in order[:200] if infringing[one])

    assert top / views >= 0.8
    assert _longest_wait_days(draw) <= 7.0


def _longest_wait_days(draw: Random) -> float:
    """A queue over 35 days: 200 to 400 new cases a day, 310 cleared; how long the one that waited longest did."""
    waiting: list[tuple[float, int]] = []
    longest = 0
    for day in range(35):
        opened = NOW + timedelta(days=day)
        for _ in range(draw.choice((200, 300, 400))):
            matters = priority(draw.uniform(0.5, 0.99), int(draw.paretovariate(0.9) * 100), 0.0, UNKNOWN)
            waiting.append((rank(matters, opened), day))
        waiting.sort(reverse=True)
        done, waiting = waiting[:310], waiting[310:]
        longest = max(longest, *(day - then for _, then in done))
    return max(float(longest), *(35.0 - then for _, then in waiting)) if waiting else float(longest)
