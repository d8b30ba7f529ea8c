"""Words made comparable."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.words import hashtags, mentions, plain, printable, slug, tag


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("Ｂｒｉｄｇｅｒｔｏｎ", "bridgerton"),
        ("BRIDGERTON", "bridgerton"),
        ("Brid\u200bgerton", "bridgerton"),
        ("Ståle  Ünder-world!", "stale under world"),
        ("오징어 게임", "오징어 게임"),
    ],
)
def test_plain_folds_what_looks_the_same(written: str, same: str) -> None:
    """Width, case, accents, invisible letters and punctuation do not make another word."""
    assert plain(written) == same


def test_hashtags_are_read_from_a_caption_once_and_in_order() -> None:
    """A caption's tags come folded, each once."""
    assert hashtags("new! #SquidGame #오징어게임 #squidgame #AI_video") == ("squidgame", "오징어게임", "aivideo")


@pytest.mark.parametrize(
    ("text", "phrase", "held"),
    [
        ("the lady in silver dances", "lady in silver", True),
        ("malady in silverware", "lady in silver", False),
        ("오징어게임을 봤다", "오징어게임", True),
        ("anything", "", False),
    ],
)
def test_mentions_holds_whole_words(text: str, phrase: str, *, held: bool) -> None:
    """A phrase is whole words, except in scripts that leave no gaps."""
    assert mentions(text, phrase) is held


@given(st.text())
def test_printable_is_one_harmless_line(text: str) -> None:
    """Whatever a caption holds, a terminal gets one line without control or direction characters."""
    shown = printable(text)

    assert {unicodedata.category(letter) for letter in shown}.isdisjoint({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
    assert len(shown) <= 500


@given(st.text())
def test_tag_and_slug_are_settled(text: str) -> None:
    """Folding twice is folding once."""
    assert tag(tag(text)) == tag(text)
    assert slug(slug(text)) == slug(text)
