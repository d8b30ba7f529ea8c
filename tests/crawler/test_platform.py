"""What a crawl says of itself, and that it loses no post in silence."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.records import Coverage, Metrics
from crawler.pipelines import BATCH, LedgerPipeline
from crawler.runs import Lost, Sighted, WatchRun
from crawler.spiders.mastodon import MastodonSpider
from store.ledger import Ledger
from tests.builders import NOW, brand, post, watch

LOST = Lost("trouble", "why")


def run(**changes: object) -> WatchRun:
    """A watch's crawl as it stands."""
    made = WatchRun(watch=watch(), ground_at=None, started_at=NOW)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("state", "coverage", "ground"),
    [
        ({"pages": 2}, Coverage.OK, True),
        ({}, Coverage.BLIND, False),
        ({"open_requests": 1}, Coverage.BLIND, False),
        ({"pages": 1, "posts": 40, "open_requests": 1}, Coverage.PARTIAL, False),
        ({"pages": 2, "posts": 40, "lost": [LOST]}, Coverage.PARTIAL, False),
        ({"pages": 2, "cut": LOST}, Coverage.PARTIAL, True),
        ({"pages": 2, "cut": LOST, "ground_at": NOW}, Coverage.PARTIAL, False),
        ({"pages": 1, "blind": LOST}, Coverage.BLIND, False),
    ],
)
def test_outcome_is_ok_only_when_all_was_seen(state: dict[str, object], coverage: Coverage, *, ground: bool) -> None:
    """A watch never asked, cut short or refused is not "ok", and the next crawl does not stop at it."""
    told = run(**state).outcome(NOW)

    assert (told.coverage, told.ground) == (coverage, ground)
    assert bool(told.why) == bool(told.cause) == (coverage is not Coverage.OK)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[LedgerPipeline]:
    """A pipeline on a real ledger."""
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.sync(brand())
        spider = MastodonSpider(runs={watch().id: run(pages=1)}, ledger=ledger)
        yield LedgerPipeline(SimpleNamespace(spider=spider))  # type: ignore[arg-type]


def test_batch_that_could_not_be_written_is_kept(pipeline: LedgerPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails once costs nothing: the posts are written with the next."""
    posts = tuple(post(number) for number in range(BATCH))
    with monkeypatch.context() as full_disk:
        full_disk.setattr(Ledger, "save_posts", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            pipeline.process_item(Sighted(watch=watch().id, posts=posts, raw_sha256="f" * 64))
    pipeline.close_spider()

    assert pipeline.ledger.count("posts") == BATCH


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "half a \ud83d character"},
        {"author_handle": "\udcff"},
        {"hashtags": ("\ud800",)},
        {"metrics": Metrics(views=10**30)},
        {"metrics": Metrics(likes=-(10**19))},
    ],
)
def test_post_made_to_break_the_writing_is_told_and_the_others_kept(changes: dict[str, Any]) -> None:
    """One post that no ledger can hold costs itself alone, and the crawl is not whole."""
    own = run(pages=1)
    spider = MastodonSpider(runs={watch().id: own})
    kept = list(spider._storable(own, [post(1), replace(post(2), **changes), post(3)]))

    assert [one.id for one in kept] == [post(1).id, post(3).id]
    assert "cannot be stored" in own.lost[0].why
