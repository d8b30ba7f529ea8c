"""The plan file and its arithmetic of instants."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SettingsWrong
from schedules.plan import DEFAULT, Job, load, missed, next_fires

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MISTAKEN = """\
jobs:
  crawl:
    cron: "61 * * * *"
    what: send
    limit: 2 hours
  weekday:
    cron: "0 0 * * 7"
    every: 2h
  A/B:
    cron: "0 0 30 2 *"
    limit: 1h
  short:
    cron: "0 0"
    limit: 1h
  short:
    cron: "0 0 1 * mon"
    limit: 1h
"""


def job(cron: str, name: str = "crawl") -> Job:
    return Job(name=name, cron=cron, what="run", limit_s=60)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plan.yml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(path: Path) -> list[str]:
    """Each mistake without the file's own path."""
    with pytest.raises(SettingsWrong) as caught:
        load(path)
    return [line.removeprefix(f"{path}:") for line in str(caught.value).splitlines()]


def test_tracked_plan_can_be_kept() -> None:
    """The plan that comes with the checkout is without a mistake."""
    plan = load(DEFAULT)

    assert [(one.name, one.what, one.limit_s) for one in plan] == [("crawl", "run", 6600)]


def test_mistakes_are_named_by_line_and_field_all_at_once(tmp_path: Path) -> None:
    """Whoever repairs a plan repairs it once."""
    path = written(tmp_path, MISTAKEN)

    assert [line.split(": ")[:2] for line in mistakes(path)] == [
        ["3", "jobs.crawl.cron"],
        ["4", "jobs.crawl.what"],
        ["5", "jobs.crawl.limit"],
        ["6", "jobs.weekday.limit"],
        ["7", "jobs.weekday.cron"],
        ["8", "jobs.weekday.every"],
        ["9", "jobs.A/B"],
        ["10", "jobs.A/B.cron"],
        ["12", "jobs.short"],
        ["13", "jobs.short.cron"],
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1: file: Input should be"),
        ("jobs: {}\n", "1: jobs: "),
        ("jobs: [\n", "2: not YAML: "),
        ("jobs:\n  a: {cron: '* * * * *', limit: 1m, 1: 2}\n", "2: jobs.a.1: "),
    ],
)
def test_plan_that_is_none_says_where(tmp_path: Path, text: str, told: str) -> None:
    """An empty, broken or strange file is a mistake with a line, not a crash and not an empty plan."""
    assert mistakes(written(tmp_path, text))[0].startswith(told)


def test_plan_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A mistyped path does not become an empty plan."""
    with pytest.raises(SettingsWrong, match=r"absent\.yml"):
        load(tmp_path / "absent.yml")


def test_next_fires_are_soonest_first() -> None:
    """What happens next stands on top."""
    plan = [job("0 0 * * *", "daily"), job("0 */2 * * *"), job("*/5 * * * * *", "quick")]

    assert [(fire.job, fire.at) for fire in next_fires(plan, NOON)] == [
        ("quick", NOON + timedelta(seconds=5)),
        ("crawl", NOON + timedelta(hours=2)),
        ("daily", NOON + timedelta(hours=12)),
    ]


def test_weekday_name_is_that_weekday() -> None:
    """The 23rd of November 2026 is a Monday."""
    fire = next_fires([job("0 6 * * mon")], NOON)[0]

    assert fire.at == datetime(2026, 11, 23, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "is_missed"),
    [
        (None, False),
        (NOON, False),
        (NOON + timedelta(milliseconds=40), False),
        (NOON + timedelta(minutes=59), False),
        (NOON - timedelta(milliseconds=1), True),
        (NOON - timedelta(days=9), True),
    ],
)
def test_missed_when_a_fire_lies_between(last: datetime | None, *, is_missed: bool) -> None:
    """A job of every even hour, asked at 12:59."""
    asked_at = NOON + timedelta(minutes=59)

    assert missed(job("0 */2 * * *"), last, asked_at) is is_missed


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(["0 */2 * * *", "*/7 3 * * *", "30 0 1 * *"]))
def test_missed_agrees_with_next_fires(back_s: int, ahead_s: int, cron: str) -> None:
    """A job is missed exactly from the moment of the fire that followed its last run."""
    last, now = NOON - timedelta(seconds=back_s), NOON + timedelta(seconds=ahead_s)
    fire = next_fires([job(cron)], last)[0].at

    assert missed(job(cron), last, now) is (fire <= now)
