"""Text in pictures, and a sentence model, as reasons of findings: real files, real OCR, a tiny real network."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app import finding, reading
from app.home import Home, open_home
from core.findings import Meaning, Told, Written, judge
from core.records import AiLabel, Finding, Media, Post
from matchers.ocr import available
from store import queries
from store.rows import finding_of
from tests.builders import NOW, brand, post
from tests.matchers.media import video
from tests.matchers.test_ocr import picture
from tests.matchers.test_sentences import folder as tiny_model

pytestmark = pytest.mark.skipif(not available(), reason="the extra `ocr` is not installed")
LABEL = AiLabel(field="aigc", value="true")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home with one brand and nothing seen."""
    with open_home(tmp_path / "home", alone=True) as opened:
        opened.ledger.sync(brand())
        yield opened


def seen(home: Home, path: Path, own: Post) -> str:
    """A post whose clip has arrived; the clip's sha256."""
    [watch] = queries.watches(home.ledger)
    home.ledger.save_posts(watch.id, [(own, "f" * 64)], seen_at=NOW)
    sha256 = home.blobs.copy(path)
    media = Media(
        post=own.id, position=0, sha256=sha256, container="mov", duration_s=6.0, width_px=480, height_px=270,
        size_bytes=path.stat().st_size, fetched_at=NOW,
    )  # fmt: skip
    home.ledger.save_media([media])
    return sha256


def see_through(frame: np.ndarray) -> np.ndarray:
    """RGB as the RGBA that test videos are written from."""
    return np.dstack([frame, np.full(frame.shape[:2], 255, np.uint8)])


def titled(path: Path, *lines: str) -> Path:
    """Six seconds of which the second half shows lettering."""
    plain, shown = see_through(picture()), see_through(picture(*lines))
    return video(path, [plain] * 15 + [shown] * 15, rate=5)


def findings(home: Home) -> list[Finding]:
    """All findings."""
    return [finding_of(row) for row in home.ledger.rows("SELECT * FROM findings ORDER BY post")]


def test_title_drawn_into_a_labelled_clip_makes_a_finding(home: Home, tmp_path: Path) -> None:
    """A caption that names nothing, a generated clip, and the title in its pictures: told with its second."""
    sha256 = seen(
        home, titled(tmp_path / "a.mp4", "LANTERNS", "OF AVELORE"), replace(post(), text="look", ai_label=LABEL)
    )
    finding.find(home)
    [found] = findings(home)
    [reason] = [one for one in found.reasons if one.detail.get("at_s") is not None]

    assert "on-screen text" in reason.sentence
    assert "(shown at 00:0" in reason.sentence
    assert 2.5 <= reason.detail["at_s"] <= 5.5
    assert home.ledger.rows("SELECT found FROM receipts WHERE stage = 'read' AND subject = ?", [sha256]) == [
        {"found": 2}
    ]


def test_clip_of_no_interest_is_not_read(home: Home, tmp_path: Path) -> None:
    """Nothing alludes, nothing is labelled: no work, however plain its lettering."""
    seen(home, titled(tmp_path / "a.mp4", "LANTERNS", "OF AVELORE"), replace(post(), text="look"))
    finding.find(home)

    assert findings(home) == []
    assert home.ledger.count("texts") == 0
    assert home.ledger.count_pending("read", now=NOW) == 0


def test_file_is_read_once(home: Home, tmp_path: Path) -> None:
    """A second post with the same bytes, or a second run, reads nothing again."""
    clip = titled(tmp_path / "a.mp4", "LANTERNS")
    seen(home, clip, replace(post(1), ai_label=LABEL))
    finding.find(home)
    seen(home, clip, replace(post(2), ai_label=LABEL))

    assert reading.read_pictures(home) == {"files": 0, "with text": 0}


def test_broken_file_is_a_failure_and_the_next_is_read(home: Home, tmp_path: Path) -> None:
    """A file that does not decode is told, once; the others are read."""
    broken = tmp_path / "b.mp4"
    broken.write_bytes(b"\x00" * 5000)
    bad = seen(home, broken, replace(post(1), ai_label=LABEL))
    seen(home, titled(tmp_path / "a.mp4", "LANTERNS"), replace(post(2), ai_label=LABEL))
    counts = reading.read_pictures(home)

    assert counts == {"files": 2, "with text": 1}
    assert [row["subject"] for row in home.ledger.rows("SELECT * FROM failures WHERE stage = 'read'")] == [bad]
    assert home.ledger.count_pending("read", now=NOW) == 0


def test_model_of_the_home_says_what_a_caption_means(home: Home, tmp_path: Path) -> None:
    """A caption in the words of a description: a suggesting reason that names model, likeness and threshold."""
    whole = brand()
    gown = replace(whole.franchises[0].elements[0], descriptions=("pale monster",))
    home.ledger.sync(replace(whole, franchises=(replace(whole.franchises[0], elements=(gown,)),)))
    (tmp_path / "model").mkdir()
    settings = home.settings.model_copy(
        update={"match": home.settings.match.model_copy(update={"sentences": str(tiny_model(tmp_path / "model"))})}
    )
    [watch] = queries.watches(home.ledger)
    said = [replace(post(1), text="monster pale", ai_label=LABEL), replace(post(2), text="tea bridge", ai_label=LABEL)]
    home.ledger.save_posts(watch.id, [(one, "f" * 64) for one in said], seen_at=NOW)
    finding.find(replace(home, settings=settings))
    [found] = findings(home)

    assert found.post == said[0].id
    assert found.element == gown.id
    assert any("in other words: 1.00 alike, 0.90 needed, by the model tiny" in one.sentence for one in found.reasons)


def test_text_and_caption_that_say_the_same_count_once() -> None:
    """The title in the caption and again on the screen is one fact, told twice."""
    facts = queries.Known(franchises=brand().franchises, generator_tags=frozenset(), accounts=())
    own = replace(post(), text="Lanterns of Avelore")
    line = Written(offset_s=1.0, text="Lanterns of Avelore", confidence=0.9)
    [plain] = judge(own, (), facts)
    [twice] = judge(own, (), facts, Told(written=[line]))

    assert twice.score == plain.score
    assert len(twice.reasons) == len(plain.reasons) + 1


def test_meaning_of_an_element_of_another_franchise_is_no_finding_of_this_one() -> None:
    """A model's likeness belongs to the franchise whose element it names."""
    facts = queries.Known(franchises=brand().franchises, generator_tags=frozenset(), accounts=())
    meaning = Meaning(element="other/one", description="d", cosine=0.9, threshold=0.5, model="m")

    assert judge(replace(post(), text="look"), (), facts, Told(meaning=meaning)) == ()


def test_changed_rules_judge_every_post_again(home: Home) -> None:
    """A ledger judged by other rules than today's is judged anew, once."""
    [watch] = queries.watches(home.ledger)
    home.ledger.save_posts(watch.id, [(post(), "f" * 64)], seen_at=NOW)
    finding.find(home)
    again = finding.find(home)
    home.ledger.db.execute("PRAGMA user_version = 1")
    after = finding.find(home)

    assert (again["posts"], after["posts"]) == (0, 1)


def test_frames_that_are_read_are_few(tmp_path: Path) -> None:
    """However long the clip, four of its frames are read."""
    shown = [picture(f"LINE {number:03d}") for number in range(40)]
    clip = video(tmp_path / "a.mp4", [see_through(frame) for frame in shown], rate=1)
    lines = reading.read_file(reading.ReadJob(sha256="0" * 64, path=clip))

    assert len(lines) == 4
    assert [line.offset_s for line in lines] == pytest.approx([0, 10, 20, 36], abs=1.0)
