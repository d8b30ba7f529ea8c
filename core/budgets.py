"""When a period of an allowance began and ends, and how much of it may be spent by now. Pure: the clock is given."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

ROLLING = {
    "7d": timedelta(days=7),
    "24h": timedelta(hours=24),
    "hour": timedelta(hours=1),
    # A second more than it is called: what we send a minute apart may arrive closer together.
    "minute": timedelta(seconds=61),
}
WAITED = frozenset({"minute"})  # a request waits for it; what opens later than the crawl lasts is refused instead
SLACK = 1e-9  # units; sums of floats are not exact
A_MOMENT = timedelta(milliseconds=2)  # what was booked at an instant counts up to the period's end, and it included
HEAD_START = 0.15  # of a day's or month's allowance may be spent at its very beginning; the rest as it goes on


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when what is spent counts together, aware UTC; a rolling one ends when its oldest part leaves it."""

    since: datetime
    until: datetime


def period(per: str, zone: str, now: datetime) -> Period:
    """The period that `now` lies in.

    per     day or month of the zone, or 7d, 24h, hour or minute, rolling
    zone    IANA name; a day there has 23, 24 or 25 hours
    raises  ValueError for another period
    """
    if per in ROLLING:
        return Period(now - ROLLING[per], now)
    local = now.astimezone(ZoneInfo(zone))
    start = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if per == "day":
        end = start + timedelta(days=1)  # the same wall clock a day later, whatever the hours between
    elif per == "month":
        start = start.replace(day=1)
        end = (start + timedelta(days=32)).replace(day=1)
    else:
        raise ValueError(f"no period {per!r}; there are: day, month, {', '.join(ROLLING)}")
    return Period(start.astimezone(UTC), end.astimezone(UTC))


def allowed_by_now(most: float, per: str, span: Period, now: datetime) -> float:
    """How much of an allowance may be spent so far, so that the morning does not eat the evening.

    A rolling one paces itself: all of it may be spent.
    """
    if per in ROLLING:
        return most
    gone = (now - span.since) / (span.until - span.since)
    return most * min(1.0, HEAD_START + (1 - HEAD_START) * max(0.0, gone))


def opens_at(
    bookings: Iterable[tuple[datetime, float]], units: float, most: float, per: str, now: datetime
) -> datetime | None:
    """When a rolling period holds `units` more: now, later, or (None) never.

    bookings  when and how much, of this period and of the future, the oldest first
    """
    held = list(bookings)
    too_much = sum(spent for _, spent in held) + units - most
    if too_much <= SLACK:
        return now
    for at, spent in held:
        too_much -= spent
        if too_much <= SLACK:
            return at + ROLLING[per] + A_MOMENT
    return None
