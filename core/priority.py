"""In which order the desk shows cases: what matters most first, and nothing waits for ever.

A priority doubles every half day that a case waits. Since it does so for all of them alike, the order of two cases
never changes while they wait, and the rank is one number that stands in an index and needs no clock.
"""

from datetime import datetime
from math import log2

from core.records import AuthorClass

DOUBLES_EVERY_DAYS = 0.5  # 2**14 in a week: more than lies between the least priority and the largest
LEAST_PROBABILITY = 0.05
# A vendor's own account shows what the vendor stands for; an account the brand trusts is rarely a case at all.
WEIGHT = {
    AuthorClass.RESPONDENT_OFFICIAL: 2.0, AuthorClass.UNKNOWN: 1.0, AuthorClass.PRESS: 0.25,
    AuthorClass.LICENSED: 0.1, AuthorClass.OWN: 0.05,
}  # fmt: skip


def priority(score: float, views: int, views_a_day: float, author_class: AuthorClass) -> float:
    """How much a case matters: probability x log views x velocity x account class.

    score        0..1, of the surest finding
    views        of all its members together
    views_a_day  how fast they grow; 0 where that is not known
    """
    velocity = 1 + log2(1 + max(views_a_day, 0.0)) / 10
    return max(score, LEAST_PROBABILITY) * log2(2 + max(views, 0)) * velocity * WEIGHT[author_class]


def rank(priority: float, opened_at: datetime) -> float:
    """The place in the queue: the larger, the earlier. Doubling a priority is worth half a day of waiting."""
    return log2(max(priority, 1e-6)) - opened_at.timestamp() / 86_400 / DOUBLES_EVERY_DAYS
