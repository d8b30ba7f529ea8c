"""`refs flood`: which references match too much, why, and what to do."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app import refs, stages
from app.flooding import flooding
from app.home import Home, open_home
from app.progress import track
from core.records import Bank
from tests.builders import brand
from tests.matchers.media import moving, scene, video


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home with fourteen trailers that end in one card, and a black clip."""
    card = scene(99, width_px=160, height_px=90)
    folder = tmp_path / "refs"
    folder.mkdir()
    for seed in range(14):
        video(folder / f"trailer-{seed:02d}.mp4", [*moving(10, seed=seed), *[card] * 10])
    video(folder / "black.mp4", [np.zeros((90, 160), np.uint8)] * 15)
    with open_home(tmp_path / "home", alone=True) as opened:
        opened.ledger.sync(brand())
        stages.register(opened.ledger)
        with track("references") as progress:
            place = {"brand": "brand", "franchise": "Lanterns of Avelore", "element": None}
            refs.add(opened, **place, bank=Bank.POSITIVE, paths=[folder], progress=progress)
        stages.fingerprint_files(opened)
        yield opened


def test_end_card_and_black_clip_are_told_apart(home: Home) -> None:
    """The shared card is common, with its second; the black clip is of low quality; nothing is removed."""
    rows = flooding(home)
    common = [row for row in rows if row.kind == "common"]
    weak = {row.name for row in rows if row.kind == "low quality"}

    assert {row.near for row in common} == {14}
    assert {row.name for row in common} <= {f"trailer-{seed:02d}.mp4" for seed in range(14)}
    assert all(2.0 <= row.at_s <= 4.0 for row in common)
    assert "black.mp4" in weak
    assert home.ledger.count("refs") == 15
