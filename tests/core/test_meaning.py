"""Captions that describe an element without naming it."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.lexicon import head, pieces
from core.meaning import MOST_ELEMENTS, THRESHOLD, likenesses
from core.naming import ELEMENT_NAMED, text_reasons
from core.records import Element, Franchise
from tests.builders import brand

WYRM = "a pale serpent with six wings and antlers of glass coiled around a burning lighthouse"
GOWN = "a young woman in a copper ball gown with an owl mask and long green gloves"
GUARD = "a guard of clockwork in white armour whose head is a lantern"


def franchise(*descriptions: str) -> Franchise:
    """A franchise with an element for each description."""
    elements = tuple(
        Element(id=f"f/{nth}", franchise="f", name=f"Xylo{nth}qua", nature="creature", descriptions=(text,))
        for nth, text in enumerate(descriptions or (WYRM, GOWN, GUARD))
    )
    return replace(brand().franchises[0], id="f", title="Quixotria", aliases={}, hashtags=(), elements=elements)


def described(text: str, of: Franchise | None = None) -> list[str]:
    """The elements a text describes, by id."""
    return [one.element.id for one in likenesses(text, of or franchise())]


@pytest.mark.parametrize(
    ("text", "element"),
    [
        (WYRM, "f/0"),
        ("pale serpents with glass antlers and six wings burn down a lighthouse", "f/0"),
        ("POV a lady at the ball: copper dress, owl mask, green gloves #fyp", "f/1"),
        ("guards in white armor, clockwork bodies and a lantern for a head", "f/2"),
        ("una mujer con vestido cobre, máscara de búho, guantes verdes y largos en el baile", "f/1"),
        ("eine frau im langen kleid, maske, lange grüne handschuhe, auf dem ball", "f/1"),
        ("긴 초록색 장갑과 가면 드레스를 입은 젊은 여자 무도회", "f/1"),
        ("戴面具的女人穿着礼服和绿色长手套去舞会", "f/1"),
    ],
)
def test_paraphrase_is_found(text: str, element: str) -> None:
    """Other forms, other words of the same meaning and other languages lead to the element."""
    assert described(text)[:1] == [element]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wait for the end 😳 pov follow for part 2",
        "the white house has a green door",
        "a pale woman with long hair",
        "long green gloves, on sale now",
        "my lighthouse holiday: six days, burning sun",
        "the snake plant in my glass vase",
        "lantern festival, white lights and green trees",
        "#fyp #viral #ai #seedance",
    ],
)
def test_ordinary_captions_describe_nothing(text: str) -> None:
    """A few words in common are no description."""
    assert described(text) == []


def test_description_in_a_long_caption_is_found() -> None:
    """What stands far around does not hide a description, and its words do not add up from far apart."""
    filler = "today we went to the market and bought bread cheese apples then home by bus " * 10

    assert described(f"{filler} {GUARD} {filler}") == ["f/2"]
    assert described(filler.join(["guard", "clockwork", "armour", "lantern", "head"])) == []


def test_likeness_says_how_near_and_by_which_words() -> None:
    """Score, threshold and the caption's own words are told."""
    (one,) = likenesses("a Guard made of Clockwork, white armour, lantern head", franchise())

    assert THRESHOLD <= one.score <= 1
    assert one.threshold == THRESHOLD
    assert one.carried == ("Guard", "Clockwork", "white", "armour", "lantern", "head")
    assert one.description == GUARD


def test_description_weighs_less_than_a_name() -> None:
    """Even the description word for word is less than the element's name."""
    reasons, element = text_reasons(WYRM, (), franchise())

    assert (reasons[0].kind, element) == ("element", "f/0")
    assert 0 < reasons[0].weight < ELEMENT_NAMED
    assert "describes the creature “Xylo0qua”" in reasons[0].sentence


def test_few_elements_are_told() -> None:
    """A description that many elements share gives the nearest few, always the same."""
    many = franchise(*[f"{GOWN} number {nth}" for nth in range(10)])

    assert len(described(GOWN, many)) == MOST_ELEMENTS
    assert described(GOWN, many) == described(GOWN, many)


@pytest.mark.parametrize(
    ("word", "same"),
    [("gowns", "dress"), ("muñeca", "doll"), ("인형이", "doll"), ("monstera", "monstera"), ("xyz", "xyz")],
)
def test_words_lead_back_to_one_meaning(word: str, same: str) -> None:
    """Synonyms, translations and endings come to one word; others stay."""
    assert head(word.replace("ñ", "n")) == same


def test_run_without_gaps_is_cut_into_words() -> None:
    """Chinese is cut where the list knows a word."""
    assert pieces("巨大的娃娃") == ["giant", "doll"]


@given(st.text(max_size=300))
def test_any_text_is_compared(text: str) -> None:
    """Whatever a caption holds, the answer is the same twice and within its bounds."""
    found = likenesses(text, franchise())

    assert found == likenesses(text, franchise())
    assert all(THRESHOLD <= one.score <= 1 for one in found)


def test_ten_thousand_captions_against_fifty_elements_take_seconds() -> None:
    """A tenth of it here: each caption different, five descriptions an element."""
    told = [WYRM, GOWN, GUARD, WYRM, GOWN]
    elements = tuple(
        replace(element, descriptions=tuple(f"{text} of district{nth} in year{turn}" for turn, text in enumerate(told)))
        for nth, element in enumerate(franchise(*["x"] * 50).elements)
    )
    big = replace(franchise(), elements=elements)
    likenesses("warm", big)
    start = time.process_time()
    for nth in range(1000):
        likenesses(f"my clip number{nth} of a pale dog with long green toys in the garden, a young owl and glass", big)

    assert time.process_time() - start < 3
