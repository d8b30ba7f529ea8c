"""Captions that change between two crawls: the post is judged anew, and no edit takes a hit or a decision away."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.casing import group_hits
from app.crawling import crawl
from app.demo.platform import serve
from app.demo.posts import plant
from app.finding import find
from app.hits import daily
from app.hits_files import as_json
from app.home import Home, open_home
from app.stages import now, register
from core.findings import HIT_SCORE
from core.records import AiLabel, Post, Verdict
from store import acts, queries
from store.captions import captions_of
from store.ledger import Ledger
from tests.builders import FRANCHISE, NOW, brand, match, media, post, reference, watch

NAMING, PLAIN = "Lanterns of Avelore, my new clip", "cooking with eggs"
TAGGED = ("seedance",)
TAG = "TheHollowChoir"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home with a brand, and nothing to decode."""
    with open_home(tmp_path, alone=True) as opened:
        opened.ledger.sync(brand())
        register(opened.ledger)
        yield opened


def say(home: Home, day: int, text: str, *tags: str, label: AiLabel | None = None) -> None:
    """The one post says this on a day, and is judged."""
    seen = post(1, text=text, hashtags=tags, ai_label=label)
    home.ledger.save_posts(watch().id, [(seen, f"{day:064d}")], seen_at=NOW + timedelta(days=day))
    find(home)
    group_hits(home)


def found(home: Home) -> queries.HitRow:
    """Its only finding."""
    (row,) = home.ledger.rows("SELECT id FROM findings")
    return queries.finding_called(home.ledger, row["id"])


def test_caption_that_comes_to_name_a_title_makes_a_hit(home: Home) -> None:
    """With the words and the tag of the new caption, none of them said to be past."""
    say(home, 0, PLAIN)
    before = home.ledger.count("findings")
    say(home, 1, NAMING, *TAGGED)

    assert (before, found(home).finding.score >= HIT_SCORE, home.ledger.count("queue")) == (0, True, 1)
    assert not [one for one in found(home).finding.reasons if "said until" in one.sentence]


def test_hit_stays_when_the_title_is_edited_away_and_says_until_when(home: Home) -> None:
    """At the least score that is a hit: what holds now is less, and what was said was said."""
    say(home, 0, NAMING, *TAGGED)
    before = found(home).finding
    say(home, 3, PLAIN)
    after = found(home).finding

    assert (before.score > HIT_SCORE, after.score) == (True, HIT_SCORE)
    assert [one.sentence for one in after.reasons] == [
        f"{one.sentence} (said until 2026-11-23)" for one in before.reasons
    ]
    assert after.ai_evidence == ("Generator tag #seedance (said until 2026-11-23)",)


def test_only_what_is_past_is_said_to_be(home: Home) -> None:
    """The tag went, the title stays; and a later caption that is a hit by itself needs no earlier one."""
    say(home, 0, NAMING, *TAGGED)
    say(home, 3, NAMING)
    past = ["said until" in one.sentence for one in found(home).finding.reasons]
    say(home, 4, NAMING, *TAGGED)

    assert sorted(past) == [False, True]
    assert not [one for one in found(home).finding.reasons if "said until" in one.sentence]


def test_decision_stays_whatever_is_edited(home: Home) -> None:
    """The verdict, its note, and the case it was taken on."""
    say(home, 0, NAMING, *TAGGED)
    ruling = acts.Ruling(case="", verdict=Verdict.INFRINGING, person="eve", note="the gown")
    acts.decide_one(home.ledger, found(home).finding.id, ruling, at=NOW)
    say(home, 1, PLAIN)
    say(home, 2, "")

    assert found(home).verdict == "infringing"
    assert home.ledger.rows("SELECT status, members FROM queue") == [{"status": "infringing", "members": 1}]


def test_copy_is_scored_by_its_pictures_whatever_it_says(home: Home) -> None:
    """What a hash proves no caption changes."""
    say(home, 0, NAMING)
    home.ledger.save_references([reference()])
    home.ledger.save_media([media(post(1).id)])
    proved = replace(post(1), text=PLAIN)
    home.ledger.save_posts(watch().id, [(proved, "9" * 64)], seen_at=NOW)
    home.ledger.save_matches("match", "a" * 64, "phash", 1, [match()], at=NOW)
    find(home)

    assert (found(home).finding.basis, found(home).finding.franchise) == ("copy", FRANCHISE)
    assert found(home).finding.score > 0.9


def test_list_for_programs_tells_what_was_said(home: Home) -> None:
    """`hits --json`: the earlier text with its times, beside the present one."""
    say(home, 0, NAMING, *TAGGED)
    say(home, 3, PLAIN)
    told = as_json(daily(home.ledger, now().date(), now()))
    (hit,) = told["suggestions"]

    assert (hit["text"], hit["edits"]["edits"], hit["edits"]["since"][:10]) == (PLAIN, 1, "2026-11-23")
    assert [(one["text"], one["until_at"][:10]) for one in hit["edits"]["earlier"]] == [(NAMING, "2026-11-23")]


def test_crawl_that_meets_an_edited_post_keeps_both_texts(tmp_path: Path) -> None:
    """On real HTTP: a post that the platform shows with another text the second time."""
    files = tmp_path / "media"
    files.mkdir()
    for one in plant(NOW):
        (files / one.media).write_bytes(b"x")
    with serve(plant(NOW), files) as site:
        settings = f'allowed_hosts = ["{urlsplit(site.base_url).netloc}"]\n[crawl]\ndelay_s = 0\n'
        (tmp_path / "clipwarden.toml").write_text(settings, encoding="utf-8")
        with open_home(tmp_path, alone=True) as home:
            home.ledger.sync(brand(watch(TAG, site=site.base_url)))
            crawl(home, queries.watches(home.ledger))
            feed = site.feed("mastodon", TAG)
            edited = replace(feed.posts[-1], text=f"nothing to see here #{TAG}")
            feed.posts[-1] = site.posts[edited.post_id] = edited
            crawl(home, queries.watches(home.ledger))
            said = captions_of(home.ledger, edited.post_id)
            others = home.ledger.rows("SELECT post FROM edits WHERE post <> ?", [edited.post_id])

            assert queries.post(home.ledger, edited.post_id).text.startswith("nothing to see here")
            assert (len(said), others) == (1, [])


def test_caption_that_changes_while_it_is_judged_is_due_still(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crawl writes in another process; what it brings between a post's reading and its receipt is not lost."""
    home.ledger.save_posts(watch().id, [(post(1, text=PLAIN), "0" * 64)], seen_at=NOW)

    def read_then_edit(ledger: Ledger, name: str) -> Post:
        read = queries_post(ledger, name)
        with Ledger(home.ledger.path) as crawl:
            crawl.save_posts(watch().id, [(post(1, text=NAMING, hashtags=TAGGED), "1" * 64)], seen_at=NOW)
        return read

    queries_post = queries.post
    monkeypatch.setattr(queries, "post", read_then_edit)
    find(home)
    monkeypatch.undo()
    left = home.ledger.pending("find", now=NOW)
    find(home)

    assert (len(left), found(home).finding.score > HIT_SCORE) == (1, True)
