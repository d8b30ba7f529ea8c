"""What a source has shown lately, in place of a canary that nobody can name."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.coverage import Crawl
from core.records import Coverage
from crawler.canaries import EMPTY, remembered
from crawler.platform import now
from crawler.runs import Lost, WatchRun
from crawler.spiders.dailymotion import DailymotionSpider
from crawler.spiders.mastodon import MastodonSpider
from store.coverage import save_crawl
from store.ledger import Ledger
from tests.builders import brand, watch


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of one watch."""
    with Ledger(tmp_path / "ledger.db") as opened:
        opened.sync(brand())
        yield opened


def spider(ledger: Ledger, *, shown: int, days: float, **changes: object) -> MastodonSpider:
    """A spider whose watch was shown so many posts so many days ago, none since then, and none in this crawl."""
    for posts, age in ((shown, days), (0, days / 2)):
        at = now() - timedelta(days=age)
        save_crawl(
            ledger,
            Crawl(watch=watch().id, started_at=at, finished_at=at, coverage=Coverage.OK, pages=1, posts=posts),
        )
    run = WatchRun(watch=watch(), ground_at=None, started_at=now(), pages=1)
    for name, value in changes.items():
        setattr(run, name, value)
    return MastodonSpider(runs={run.watch.id: run}, ledger=ledger)


def test_all_that_was_shown_lately_is_gone_at_once(ledger: Ledger) -> None:
    """Three posts yesterday and none today: the silence is doubted, and the sentence says how many they were."""
    doubt = remembered(spider(ledger, shown=3, days=1))["https://site.example"]

    assert doubt.verdict == EMPTY
    assert "3 posts were shown" in doubt.why


@pytest.mark.parametrize(
    ("shown", "days", "changes"),
    [
        (2, 1, {}),
        (9, 8, {}),
        (9, 1, {"told": 1}),
        (9, 1, {"blind": Lost("refused", "why")}),
        (9, 1, {"pages": 0}),
    ],
)
def test_what_may_be_so_is_not_doubted(ledger: Ledger, shown: int, days: float, changes: dict[str, object]) -> None:
    """Few posts, or long ago, or one still shown, or a watch that says itself why: nothing is doubted."""
    assert remembered(spider(ledger, shown=shown, days=days, **changes)) == {}


def test_source_with_a_canary_needs_no_memory(ledger: Ledger) -> None:
    """Where a question must bring posts, it is asked; listings that begin at known ground are empty by right."""
    own = spider(ledger, shown=9, days=1)

    assert remembered(DailymotionSpider(runs=own.runs, ledger=ledger)) == {}
