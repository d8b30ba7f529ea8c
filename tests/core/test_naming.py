"""Which written form is read as which name, by which rule, and what is left alone."""

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.naming import MOST_REASONS, NAMED, text_reasons, word_reasons
from core.reading import LOOKED_AT
from core.records import AiLabel, Element, Franchise
from core.words import hashtags
from tests.builders import post


def franchise(**changes: Any) -> Franchise:
    """A made-up series with names of every kind: long, short, common, and in many scripts."""
    elements = [("Thornwyrm", "creature"), ("Lady in Silver", "costume"), ("Mira", "character")]
    made = Franchise(
        id="b/lanterns",
        brand="b",
        title="Lanternfall",
        owner="Owner",
        aliases={
            "en": ("The Hollow Crown of Avelore", "Upside Down"),
            "ru": ("Фонарщики", "Падение фонарей"),
            "ko": ("등불의 몰락",),
            "ja": ("ランタンフォール",),
            "zh": ("灯笼陨落",),
            "ar": ("سقوط الفانوس",),
            "he": ("נפילת הפנס",),
            "th": ("โคมไฟร่วง",),
            "hi": ("लालटेन पतन",),
        },
        hashtags=("Lanternfall", "LFall2"),
        elements=tuple(
            Element(id=f"b/lanterns/{nth}", franchise="b/lanterns", name=name, nature=nature)
            for nth, (name, nature) in enumerate(elements)
        ),
    )
    return replace(made, **changes)


def rules(text: str, *tags: str, of: Franchise | None = None) -> list[tuple[str, str]]:
    """The rule and the name of every reason."""
    reasons, _ = text_reasons(text, (*hashtags(text), *tags), of or franchise())
    return [(reason.detail["rule"], reason.detail["name"]) for reason in reasons]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("I love Lanternfall", "name"),
        ("LANTERNFALL!!!", "name"),
        ("Lantern\u200bfall", "name"),
        ("Ｌａｎｔｅｒｎｆａｌｌ", "name"),
        ("Lanternfall's best scene", "name"),
        ("Lаntеrnfаll with foreign letters", "look-alike"),
        ("LΛNTΞRNFΛŁŁ", "look-alike"),
        ("l4nt3rnf4ll but in space", "digits"),
        ("1anternfa11 leaked", "digits"),
        ("L A N T E R N F A L L", "spaced"),
        ("l.a.n.t.e.r.n.f.a.l.l", "spaced"),
        ("l-a_n*t/e~r|n f a l l", "spaced"),
        ("Lanternfalll", "runs"),
        ("Laaanternfaaall", "runs"),
        ("lantern_fall", "apart"),
        ("lanternfallai", "joined"),
        ("netflixlanternfalledit.mp4", "joined"),
        ("#lanternfallseason2trailer", "joined"),
        ("Lanternfalls sind toll", "ending"),
        ("Lanternfallin kausi", "ending"),
        ("mylanternfalldiary", "inside"),
        ("Lanternafll season", "typo"),
        ("lanternfal", "typo"),
    ],
)
def test_written_form_is_read_by_its_rule(text: str, rule: str) -> None:
    """Each way to write the title is read, by the rule that says so."""
    assert rules(text) == [(rule, "Lanternfall")]


@pytest.mark.parametrize(
    ("text", "rule", "name"),
    [
        ("новый сезон Фонарщиков", "ending", "Фонарщики"),
        ("о падении фонарей", "ending", "Падение фонарей"),
        ("등불의 몰락을 봤다", "name", "등불의 몰락"),
        ("등불의몰락 팬아트", "together", "등불의 몰락"),
        ("新しいランタンフォールの予告", "name", "ランタンフォール"),
        ("我的灯笼陨落视频", "name", "灯笼陨落"),
        ("مشهد من سقوط الفانوس", "name", "سقوط الفانوس"),
        ("وسقوط الفانوس", "ending", "سقوط الفانوس"),
        ("פרק בנפילת הפנס", "ending", "נפילת הפנס"),
        ("ดูโคมไฟร่วงกัน", "name", "โคมไฟร่วง"),
        ("नया लालटेन पतन वीडियो", "name", "लालटेन पतन"),
        ("theHollowCrownOfAvelore", "together", "The Hollow Crown of Avelore"),
        ("7h3 h0ll0w cr0wn 0f 4v3l0r3", "digits", "The Hollow Crown of Avelore"),
    ],
)
def test_names_are_read_in_every_script(text: str, rule: str, name: str) -> None:
    """Scripts without gaps, with particles, with prefixes and with endings hold their names too."""
    assert rules(text) == [(rule, name)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lantern festival in the fall",
        "lanterns fall from the sky",
        "upside down cake",
        "turn it upside down and wait",
        "miracle admiration miranda",
        "Mira, look at this",
        "a lady in silver light",
        "the hollow crown",
        "фонари на улице",
        "灯笼节快乐",
        "등불 축제",
        "#upsidedown yoga",
        "l a n t e r n",
        "1an 7ern",
    ],
)
def test_other_words_name_nothing(text: str) -> None:
    """Common words, parts of names and words that only contain one are left alone."""
    assert rules(text) == []


@pytest.mark.parametrize(
    "text",
    ["Lanternfall and Mira", "Mira #LFall2", "Mira #aivideo", "Mira made by AI", "Mira in the upside down"],
)
def test_common_name_counts_with_something_beside_it(text: str) -> None:
    """A short name is meant where the title, its hashtag, or a generator stands beside it."""
    assert ("name", "Mira") in rules(text)


@pytest.mark.parametrize("text", ["upside down season 2", "the Upside Down is here", "Up5ide D0wn", "upside down #ai"])
def test_common_phrase_counts_when_marked(text: str) -> None:
    """A phrase is a name beside talk of a series, in capitals of its own, or where somebody hides it."""
    assert [name for _, name in rules(text)] == ["Upside Down"]


def test_label_supports_a_common_name() -> None:
    """The platform's own AI label says as much as a generator's tag."""
    labelled = post(text="Mira", hashtags=(), ai_label=AiLabel(field="aigc", value="1"))
    reasons, element = word_reasons(labelled, franchise())

    assert (reasons[0].kind, element) == ("element", "b/lanterns/2")


def test_reason_tells_what_was_written_and_how_it_was_read() -> None:
    """A person sees the written form, the name and the rule."""
    reasons, element = text_reasons("the 7h0rnwyrm returns", (), franchise())

    assert reasons[0].sentence == (
        "“7h0rnwyrm” in the caption read as the creature “Thornwyrm”: digits or signs for letters"
    )
    assert element == "b/lanterns/0"


def test_added_letters_are_told() -> None:
    """What stands around a name in a joined tag is quoted."""
    reasons, _ = text_reasons("#netflixlanternfalledit", (), franchise())

    assert reasons[0].sentence.endswith("joined with “netflix” and “edit”")


def test_looser_rules_weigh_less() -> None:
    """The name as it is weighs most; a slip of a letter least."""
    weights = [
        text_reasons(text, (), franchise())[0][0].weight
        for text in ("Lanternfall", "l4nternfall", "lantern_fall", "lanternfal")
    ]

    assert weights == sorted(set(weights), reverse=True)
    assert weights[0] == NAMED


def test_tag_outside_the_caption_counts() -> None:
    """Some platforms give hashtags beside the text."""
    assert rules("look", "lanternfallai") == [("joined", "Lanternfall")]
    assert rules("look", "LFall2") == [("hashtag", "LFall2")]


def test_own_hashtag_is_told_once() -> None:
    """The title inside the brand's own hashtag is no second reason; outside it is one."""
    assert rules("#lanternfall") == [("hashtag", "Lanternfall")]
    assert rules("l4nternfall #lfall2") == [("hashtag", "LFall2"), ("digits", "Lanternfall")]


def test_written_form_is_shown_without_tricks() -> None:
    """Direction marks and escapes in a caption do not reach a sentence."""
    reasons, _ = text_reasons("x l4nter\u202enfall \x1b[31m", (), franchise())

    assert "l4nter nfall" in reasons[0].sentence


def test_reasons_are_few() -> None:
    """A caption that names everything in every way gives a page's worth, strongest first."""
    everything = " ".join(name for names in franchise().aliases.values() for name in names) + " Lanternfall Thornwyrm"
    reasons, _ = text_reasons(everything, (), franchise())

    assert len(reasons) == MOST_REASONS
    assert [one.weight for one in reasons] == sorted((one.weight for one in reasons), reverse=True)


@given(st.text(max_size=200))
def test_any_caption_is_read(text: str) -> None:
    """Whatever a caption holds, it is read, and reads the same again."""
    assert text_reasons(text, (), franchise()) == text_reasons(text, (), franchise())


@given(st.text(alphabet="lanternfaLАе410 .-#_!|\u200b", max_size=60))
def test_what_is_quoted_stands_in_the_caption(text: str) -> None:
    """No reason quotes what nobody wrote, however the name is disguised."""
    reasons, _ = text_reasons(text, (), franchise())
    squeezed = {letter for letter in text if letter.isalnum()}

    assert all(set(filter(str.isalnum, reason.detail["written"])) <= squeezed for reason in reasons)


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "#", "#a ", "lanternfall", "lanternfal", "l a n t e r n f a l ", "upside ", "1!", "_", "$!@", "🦑"),
        *("b\u200b", "a\u0301", "灯笼陨", "الفانو", "\ud800", "\ufdfa"),
    ],
)
def test_hostile_caption_is_read_at_once(piece: str) -> None:
    """A megabyte made to be slow costs no more than the part that is looked at."""
    text = piece * (1_000_000 // len(piece))
    start = time.process_time()
    text_reasons(text, (text[:500_000],) * 500, franchise())

    assert time.process_time() - start < 1


def test_only_the_beginning_is_read() -> None:
    """What stands beyond the longest caption of any platform is not looked at, as LOOKED_AT says."""
    assert rules("x " * (LOOKED_AT // 2) + "Lanternfall") == []


def test_many_captions_are_read_quickly() -> None:
    """Ten thousand captions take seconds; here a thousand, each different."""
    texts = [
        f"my clip number {nth} of the day with my dog and lanterns in the fall ✨ #fyp{nth}" for nth in range(1000)
    ]
    start = time.process_time()
    for text in texts:
        text_reasons(text, (), franchise())

    assert time.process_time() - start < 2
