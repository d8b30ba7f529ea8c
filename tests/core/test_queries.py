"""From a brand's words to questions: many languages, spellings, descriptions, and never more than asked for."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.brands import load
from core.naming import text_reasons
from core.queries import MOST_WORDS, NAMES, queries
from core.records import AuthorClass, Brand, WatchKind
from core.words import plain, tag
from tests.builders import account, brand

EXAMPLE = Path(__file__).parents[2] / "data" / "brands" / "example.yml"
KINDS = {"mastodon": frozenset(WatchKind), "peertube": frozenset(WatchKind), "x": frozenset(WatchKind)}


@pytest.fixture
def example() -> Brand:
    """The example brand: four titles in many scripts."""
    return load(EXAMPLE, KINDS)


def test_titles_of_every_language_are_asked(example: Brand) -> None:
    """Each alias of each franchise is a question, the titles themselves first."""
    asked = [query.text for query in queries(example, ["titles"])]

    assert asked[:4] == [franchise.title for franchise in example.franchises]
    assert {"오징어 게임", "イカゲーム", "Игра в кальмара", "لعبة الحبار", "स्क्विड गेम"} <= set(asked)


def test_generator_tags_stand_beside_the_title(example: Brand) -> None:
    """Every generator tag with every title, and the joined hashtags authors make."""
    asked = {(query.kind, query.text) for query in queries(example, ["generated"])}

    assert (WatchKind.KEYWORD, "Squid Game 即梦") in asked
    assert (WatchKind.HASHTAG, "strangerthingsai") in asked


def test_descriptions_never_name_the_title(example: Brand) -> None:
    """A description's question holds few words, none of a title's, and says that it is generated."""
    asked = queries(example, ["descriptions"])
    titles = {word for franchise in example.franchises for word in plain(franchise.title).split()}

    assert any({"pale", "monster", "flower", "teeth"} <= set(query.text.split()) for query in asked)
    assert all(len(query.text.split()) <= MOST_WORDS + 1 and query.text.endswith(" ai") for query in asked)
    assert not [query for query in asked if titles & set(plain(query.text).split()) - {"game", "things", "demon"}]


def test_spelled_otherwise_is_still_read_as_the_title(example: Brand) -> None:
    """What the spelling questions would bring is recognised by the rules that judge captions."""
    by_id = {franchise.id: franchise for franchise in example.franchises}
    missed = [
        query.text
        for query in queries(example, ["spellings"])
        if not text_reasons(f"{query.text} #ai", ("ai",), by_id[query.franchise], generated=True)[0]
    ]

    assert missed == []


def test_vendors_accounts_are_asked_where_they_are(example: Brand) -> None:
    """The respondent's own account on its platform, and its promotion tags on every one."""
    on_x = queries(example, ["vendors"], platform="x")
    elsewhere = queries(example, ["vendors"], platform="peertube")

    assert on_x[0].text == "BytePlusGlobal"
    assert {query.kind for query in elsewhere} == {WatchKind.HASHTAG}


def test_each_question_is_asked_once(example: Brand) -> None:
    """Groups overlap; no question stands twice, and all say where they come from."""
    asked = queries(example, NAMES, platform="x")
    keys = [(query.kind, query.text.casefold()) for query in asked]

    assert len(keys) == len(set(keys)) > 150
    assert all(query.why for query in asked)


@pytest.mark.parametrize("title", ["", "X", "it", "基", "a" * 300, "'; DROP TABLE posts; --"])
def test_odd_titles_make_no_odd_questions(title: str) -> None:
    """Whatever a title is, its questions hold letters, and a short name is never bent."""
    whole = brand()
    odd = replace(whole, franchises=(replace(whole.franchises[0], title=title, aliases={}, hashtags=()),))
    asked = queries(odd, NAMES)

    assert all(tag(query.text) for query in asked if query.group not in {"titles"})
    assert not [query for query in asked if query.group == "spellings" and len(tag(title)) < 4]


def test_vendor_is_told_from_own_accounts() -> None:
    """Only a respondent's account is watched as a vendor's."""
    own, vendor = account(AuthorClass.OWN, "us"), account(AuthorClass.RESPONDENT_OFFICIAL, "them")
    asked = queries(brand(accounts=(own, vendor)), ["vendors"], platform="mastodon")

    assert [query.text for query in asked if query.kind is WatchKind.ACCOUNT] == ["them"]
