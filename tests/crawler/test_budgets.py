"""Caps that nothing passes: not parallel crawls, kills, retries, dear answers, nor a clock that is set."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.budgets import allowed_by_now, period
from store.ledger import Ledger
from store.spending import book, settle, spent

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SINCE = NOW - timedelta(hours=12)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger's file."""
    with Ledger(tmp_path / "ledger.db"):
        return tmp_path / "ledger.db"


def booked(ledger: Ledger, units: float, *, most: float = 100.0, thing: str = "", at: datetime = NOW) -> int | None:
    """Book units of one allowance."""
    return book(ledger, "x", "dollars", units, thing=thing, since=SINCE, at=at, most=most)


def test_cap_holds_to_the_last_unit(path: Path) -> None:
    """A hundred fit; the hundred and first does not, nor half a one."""
    with Ledger(path) as ledger:
        fitted = sum(booked(ledger, 1.0) is not None for _ in range(120))

        assert (fitted, booked(ledger, 0.5), spent(ledger, "x", "dollars", SINCE)) == (100, None, 100.0)


def test_parallel_processes_never_pass_it_together(path: Path) -> None:
    """Four processes that book as fast as they can spend the cap, and not a unit more."""
    code = (
        "import sys; from pathlib import Path; from store.ledger import Ledger\n"
        "from tests.crawler.test_budgets import booked\n"
        "with Ledger(Path(sys.argv[1])) as ledger:\n"
        "    print(sum(booked(ledger, 1.0) is not None for _ in range(60)))\n"
    )

    def run(_: int) -> int:
        command = [sys.executable, "-c", code, str(path)]
        return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)

    with ThreadPoolExecutor(4) as pool:
        fitted = sum(pool.map(run, range(4)))
    with Ledger(path) as ledger:
        assert (fitted, spent(ledger, "x", "dollars", SINCE)) == (100, 100.0)


def test_booking_that_was_never_settled_stays_spent(path: Path) -> None:
    """Killed between booking and answer, the most it could have cost counts."""
    with Ledger(path) as ledger:
        booked(ledger, 80.0)
    with Ledger(path) as ledger:
        assert booked(ledger, 30.0) is None


def test_settling_gives_back_but_never_takes_more(path: Path) -> None:
    """An answer that cost less frees the rest; one that claims more, or less than nothing, changes nothing else."""
    with Ledger(path) as ledger:
        for said, counts in ((20.0, 20.0), (500.0, 50.0), (-3.0, 0.0)):
            number = booked(ledger, 50.0, most=1000.0)
            assert number is not None
            before = spent(ledger, "x", "dollars", SINCE) - 50.0
            settle(ledger, number, said)

            assert spent(ledger, "x", "dollars", SINCE) - before == pytest.approx(counts)


def test_thing_is_paid_for_once(path: Path) -> None:
    """Thirty hashtags a week: the same one again is free, a new one is not; a week later it costs again."""
    with Ledger(path) as ledger:
        for number in range(30):
            assert booked(ledger, 1.0, thing=f"tag{number}", most=30.0) is not None

        assert booked(ledger, 1.0, thing="tag7", most=30.0) is not None
        assert booked(ledger, 1.0, thing="another", most=30.0) is None
        later = NOW + timedelta(days=7)
        assert book(ledger, "x", "dollars", 1.0, thing="tag7", since=NOW + timedelta(days=1), at=later, most=30.0)
        assert spent(ledger, "x", "dollars", NOW + timedelta(days=1)) == 1.0


def test_clock_set_back_opens_no_purse(path: Path) -> None:
    """What was spent "tomorrow" counts today."""
    with Ledger(path) as ledger:
        booked(ledger, 100.0, at=NOW + timedelta(days=1))

        assert booked(ledger, 1.0) is None


@pytest.mark.parametrize(
    ("now", "since", "hours"),
    [
        ("2026-11-20T07:59:00+00:00", "2026-11-19T08:00:00+00:00", 24),
        ("2026-11-20T08:00:00+00:00", "2026-11-20T08:00:00+00:00", 24),
        ("2026-03-08T20:00:00+00:00", "2026-03-08T08:00:00+00:00", 23),  # clocks go forward
        ("2026-11-01T20:00:00+00:00", "2026-11-01T07:00:00+00:00", 25),  # and back
    ],
)
def test_day_begins_at_midnight_of_its_zone(now: str, since: str, hours: int) -> None:
    """YouTube's day is Pacific; it has 23 hours once a year, and 25 once."""
    span = period("day", "America/Los_Angeles", datetime.fromisoformat(now))

    assert span.since == datetime.fromisoformat(since)
    assert span.until - span.since == timedelta(hours=hours)


def test_month_and_rolling_week() -> None:
    """A month ends with the month; a rolling week is the last seven days."""
    month, week = period("month", "UTC", NOW), period("7d", "UTC", NOW)

    assert (month.since.day, month.until.month, month.until.day) == (1, 12, 1)
    assert (week.until, week.until - week.since) == (NOW, timedelta(days=7))
    with pytest.raises(ValueError, match="no period"):
        period("year", "UTC", NOW)


def test_morning_does_not_eat_the_evening() -> None:
    """Early in the day a part is open, at its end all; a rolling period is open whole."""
    span = period("day", "UTC", NOW)
    early, late = (allowed_by_now(100, "day", span, span.since + timedelta(hours=hour)) for hour in (0, 23.99))

    assert early == 15
    assert 99 < late <= 100
    assert allowed_by_now(30, "7d", period("7d", "UTC", NOW), NOW) == 30
