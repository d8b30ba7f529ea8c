"""From crawls to the share of a day that was watched, and the gaps with their cause."""

from datetime import timedelta

import pytest

from core.coverage import Crawl, watched
from core.records import Coverage
from tests.builders import NOW

DAY = NOW - timedelta(hours=24)
NEVER = timedelta(0)


def crawl(hours_ago: float, coverage: Coverage = Coverage.OK, **given: object) -> Crawl:
    """A crawl that ended so many hours before now, a minute long."""
    end = NOW - timedelta(hours=hours_ago)
    usual: dict[str, object] = {
        "ground": coverage is Coverage.OK,
        "cause": "" if coverage is Coverage.OK else "trouble",
    }
    return Crawl(
        watch="w",
        started_at=end - timedelta(minutes=1),
        finished_at=end,
        coverage=coverage,
        **(usual | given),  # type: ignore[arg-type]
    )


def share(*crawls: Crawl, slack: timedelta = NEVER) -> float:
    """The share of the last day that was seen."""
    return watched(crawls, since=DAY, until=NOW, slack=slack).share


def test_sound_crawls_cover_all_between_them() -> None:
    """Four crawls a day see all of it; what is newer than the last is seen when it is not yet due."""
    crawls = [crawl(hours) for hours in (30, 24, 18, 12, 6, 0.5)]

    assert share(*crawls, slack=timedelta(hours=6)) == 1.0
    assert 0.97 < share(*crawls) < 0.99


def test_never_asked_is_not_watched() -> None:
    """No crawl at all is no coverage, and the gap says that none ran."""
    seen = watched([], since=DAY, until=NOW, slack=timedelta(hours=6))

    assert (seen.share, [gap.cause for gap in seen.gaps]) == (0.0, ["never asked"])


def test_later_sound_crawl_closes_the_gap_a_blind_one_left() -> None:
    """Blind at noon, sound in the evening and read down to the morning's ground: nothing is missing."""
    crawls = [crawl(26), crawl(13, Coverage.BLIND), crawl(1)]

    assert share(*crawls, slack=timedelta(hours=2)) == 1.0


def test_blind_since_the_morning_is_a_gap_with_its_cause() -> None:
    """Sound until twelve hours ago and blind since: half the day, and why."""
    crawls = [
        crawl(26),
        crawl(12),
        crawl(6, Coverage.BLIND, cause="captcha", why="a captcha"),
        crawl(1, Coverage.BLIND, cause="captcha"),
    ]
    seen = watched(crawls, since=DAY, until=NOW, slack=timedelta(hours=3))

    assert seen.share == pytest.approx(0.5, abs=0.01)
    assert [(gap.cause, gap.why) for gap in seen.gaps] == [("captcha", "a captcha")]


def test_cut_crawl_covers_what_it_saw() -> None:
    """A page budget that ended three hours back leaves the hours before that."""
    cut = crawl(0, Coverage.PARTIAL, cause="cut", seen_from=NOW - timedelta(hours=3))

    assert share(crawl(26), cut) == pytest.approx(3 / 24, abs=0.01)


def test_lost_answers_cover_nothing_sure() -> None:
    """A crawl with holes in it is not counted: nobody knows where they are."""
    holes = crawl(0, Coverage.PARTIAL, cause="trouble", seen_from=DAY)

    assert share(crawl(26), holes) == 0.0


def test_first_crawl_sees_what_there_was() -> None:
    """A first crawl that read the feed to its end has seen the time before it too."""
    assert share(crawl(0.5), slack=timedelta(hours=1)) == 1.0
