"""Alerts: one row from its first cycle to its end, told once; what was learned stands in the ledger."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.drift import FORGET_DAYS, Alert, Cluster
from core.shapes import shape_of
from store.ledger import Ledger
from store.shapes import MOST_PLACES, Place, learn_cycle, note_alerts, open_alerts, take_unsaid
from tests.builders import NOW

PLACE = Place(platform="mastodon", site="https://site.example", route="api", place="page /api")
GONE = Alert(path="[].uri", kind="vanished", told="[].uri vanished")
WORD = Alert(path="[].type", kind="value", told="[].type has a new value, hologram, beside image, video")
DAY = timedelta(days=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A new one."""
    with Ledger(tmp_path / "ledger.db") as opened:
        yield opened


def test_alert_opens_once_and_ends_once(ledger: Ledger) -> None:
    """Three cycles are one alert; the first cycle without it ends it; each is told once."""
    told = []
    for day, found in enumerate([[GONE], [GONE], [GONE], [], []]):
        note_alerts(ledger, PLACE, found, at=NOW + day * DAY)
        told.append([(one.told, one.cycles, one.closed_at is not None) for one in take_unsaid(ledger)])

    assert told == [[(GONE.told, 1, False)], [], [], [(GONE.told, 3, True)], []]
    assert open_alerts(ledger) == []


def test_new_word_is_shown_for_a_week(ledger: Ledger) -> None:
    """It happened once; it stands where people look until they had time to."""
    note_alerts(ledger, PLACE, [WORD], at=NOW)
    note_alerts(ledger, PLACE, [], at=NOW + DAY)
    soon = [one.told for one in open_alerts(ledger)]
    note_alerts(ledger, PLACE, [], at=NOW + (FORGET_DAYS + 1) * DAY)

    assert (soon, open_alerts(ledger)) == ([WORD.told], [])


def test_places_of_a_site_are_bounded(ledger: Ledger) -> None:
    """A platform that leads us to ever new addresses fills no ledger."""
    one = Cluster(watch="w", shape=shape_of([{"a": 1}]), new=1.0)
    for number in range(MOST_PLACES + 5):
        place = Place(platform="p", site="s", route="api", place=f"page /{number}")
        learn_cycle(ledger, place, [one], at=NOW)

    assert ledger.count("shapes") == MOST_PLACES
