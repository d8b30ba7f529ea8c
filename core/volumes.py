"""Whether a watch brings far less than it used to: a suspicion, since a tag may also just have gone quiet.

New posts a day come in bursts, so their count is held to a negative binomial whose spread is learned too.
"""

import math
from collections.abc import Sequence

LEARNED_DAYS = 14
LEAST_DAYS = 7  # that must be known
WINDOWS = (1, 2, 4)  # days that are looked at together: a silence shows in one, a fall to a tenth in four
LEAST_A_DAY = 3.0  # below it, a day without posts is a day
CHANCE = 1e-5  # of so few by chance, for each window; the same quiet day is 24 cycles of an hourly watch
DOUBT = 1.5  # two weeks tell how bursty a watch is within a factor of about this
GUESS, GUESS_DAYS = 0.4, 4.0  # how bursty a watch is taken to be, as long as few days are known


def fallen(days: Sequence[int]) -> tuple[float, int, int] | None:
    """What a watch used to bring a day, what it brought, and in how many days, if that cannot be chance; else None.

    days   new posts of each day of 24 h, today's first, as far back as the watch was seen
    """
    for window in WINDOWS:
        before, count = days[window : window + LEARNED_DAYS], sum(days[:window])
        if len(before) < LEAST_DAYS:
            continue
        mean = sum(before) / len(before)
        if mean < LEAST_A_DAY or count >= mean * window / 3:
            continue
        spread = sum((one - mean) ** 2 for one in before) / (len(before) - 1)
        bursty = DOUBT * max((spread - mean) / mean**2, 0.0)
        bursty = (bursty * len(before) + GUESS * GUESS_DAYS) / (len(before) + GUESS_DAYS)
        # The mean itself is only known so well; the lower it may be, the less does a quiet day say.
        lower = mean - 2 * math.sqrt((mean + bursty * mean**2) / len(before))
        # Quiet days come together: four of them are worth two.
        if lower > 0 and _at_most(count, lower * window, bursty / math.sqrt(window)) < CHANCE:
            return mean, count, window
    return None


def _at_most(count: int, mean: float, bursty: float) -> float:
    """Chance of `count` or fewer of a negative binomial with variance mean + bursty * mean**2."""
    size = 1 / bursty
    total, term = 0.0, -size * math.log1p(mean * bursty)  # log of the chance of none
    for number in range(count + 1):
        total += math.exp(term)
        term += math.log((size + number) / (number + 1)) + math.log(mean / (size + mean))
    return total
