"""Words made comparable."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.lookalikes import letters_for_digits, single, skeleton
from core.reading import one_edit_apart, readings
from core.words import bare, hashtags, mentions, plain, printable, slug, tag


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("Ｂｒｉｄｇｅｒｔｏｎ", "bridgerton"),
        ("BRIDGERTON", "bridgerton"),
        ("Brid\u200bgerton", "bridgerton"),
        ("Ståle  Ünder-world!", "stale under world"),
        ("오징어 게임", "오징어 게임"),
        ("GARİP ŞEYLER", "garip seyler"),
    ],
)
def test_plain_folds_what_looks_the_same(written: str, same: str) -> None:
    """Width, case, accents, invisible letters and punctuation do not make another word."""
    assert plain(written) == same


def test_vowel_signs_do_not_break_words() -> None:
    """Devanagari and Thai vowels stand above and beside letters, inside the word."""
    assert len(plain("ब्रिजर्टन").split()) == 1
    assert len(plain("สควิดเกม").split()) == 1


@given(st.text())
def test_ascii_shortcut_folds_as_the_long_way_does(text: str) -> None:
    """What is plain ASCII takes a shorter way to the same letters."""
    kept = text.encode("ascii", "ignore").decode()

    assert bare(kept) == bare(f"{kept}é")[:-1]


def test_hashtags_are_read_from_a_caption_once_and_in_order() -> None:
    """A caption's tags come folded, each once."""
    assert hashtags("new! #SquidGame #오징어게임 #squidgame #AI_video") == ("squidgame", "오징어게임", "aivideo")


def test_hashtags_are_whole_in_every_script() -> None:
    """A tag in Hindi does not end at its first vowel, and a full-width mark is a mark."""
    assert hashtags("#ब्रिजर्टन ＃SquidGame #___") == (tag("ब्रिजर्टन"), "squidgame")


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


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("Вrіdgеrtоn", "bridgerton"),
        ("СQUІD", "cquid"),
        ("ＳＱＵＩＤ", "squid"),
        ("𝔹𝕣𝕚𝕕𝕘𝕖𝕣𝕥𝕠𝕟", "bridgerton"),
        ("🅱🆁🅸🅳", "brid"),
        ("Бриджертоны", "бриджертоны"),
        ("怪奇物语", "怪奇物语"),
    ],
)
def test_skeleton_is_what_a_reader_sees(written: str, seen: str) -> None:
    """Letters of other scripts are Latin only where the whole word can be read so."""
    assert skeleton(written).casefold() == seen


def test_digits_and_runs_fold_to_letters() -> None:
    """8r1dg3rt0n is bridgerton, and gameeee is game."""
    assert letters_for_digits("8r1dg3rt0n") == letters_for_digits("bridgerton")
    assert single("squiiiid gameeee") == "squid game"


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("bridgerton", "brigderton", True),
        ("bridgerton", "bridgeton", True),
        ("bridgerton", "bridgertons", True),
        ("bridgerton", "bridgerdon", True),
        ("bridgerton", "bridgerton", False),
        ("bridgerton", "bridgetown", False),
        ("abcd", "badc", False),
    ],
)
def test_one_edit_is_one_letter_or_one_swap(one: str, other: str, *, apart: bool) -> None:
    """Damerau and Levenshtein's distance is 1, either way round."""
    assert one_edit_apart(one, other) is one_edit_apart(other, one) is apart


@given(st.text(max_size=60))
def test_readings_lead_back_to_the_caption(text: str) -> None:
    """Whatever a caption holds, every word of every reading says where it was written."""
    for reading in readings(text):
        assert len(reading.starts) == len(reading.ends) == len(reading.spans)
        assert all(0 <= start < end <= len(text) for start, end in reading.spans)
        assert "".join(reading.words()) == reading.letters


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
