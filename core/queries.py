"""From a brand's words to the questions asked of platforms, past what a title search alone would miss.

Filters of the generators and of the platforms look for titles; authors answer with other languages, spelling
tricks, joined hashtags, or by describing what they show. Each query says where it comes from. Pure: what is asked,
how often and at what cost is decided elsewhere.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from core.meaning import content
from core.ordinary import ORDINARY
from core.records import AuthorClass, Brand, Element, Franchise, WatchKind
from core.words import plain, tag

MOST_WORDS = 4  # a search that must hold every word finds little with a fifth
LEAST_WORDS = 3  # and anything at all with two
SHORTEST = 4  # letters: a shorter name finds everything when it is spelled otherwise
JOINED = ("ai", "aivideo", "seedance")  # what authors write behind a title in one word
# How people write letters so that a filter does not read them; the first that a title holds is what is asked.
_DIGITS = str.maketrans({"o": "0", "i": "1", "e": "3", "a": "4", "s": "5"})
_ONE_DIGIT = {"o": "0", "e": "3", "i": "1", "a": "4"}
_CYRILLIC = str.maketrans({"a": "а", "e": "е", "o": "о", "c": "с", "p": "р", "i": "і", "y": "у", "x": "х", "s": "ѕ"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question.

    group      titles, tags, generated, spellings, descriptions or vendors
    franchise  id of the franchise it is for; "" where it is for all of the brand
    why        where it comes from, for a person
    """

    kind: WatchKind
    text: str
    group: str
    franchise: str
    why: str


def queries(brand: Brand, groups: Sequence[str], *, platform: str = "") -> tuple[Query, ...]:
    """The questions of some groups, each once, in turns over the franchises so that a cap cuts all alike.

    groups    names of GROUPS, the most wanted first
    platform  whose vendor accounts are meant
    raises    KeyError for a group there is not
    """
    found: dict[tuple[WatchKind, str], Query] = {}
    for group in groups:
        if group == "vendors":
            each = [list(_vendors(brand, platform))]
        else:
            each = [list(GROUPS[group](brand, franchise)) for franchise in brand.franchises]
        for row in zip_longest(*each):
            for query in row:
                if query is not None:
                    found.setdefault((query.kind, query.text.casefold()), query)
    return tuple(found.values())


def _names(franchise: Franchise) -> Iterator[tuple[str, str]]:
    """Every name of a franchise, and the language it is of; the title first, each once."""
    seen = set[str]()
    named = [("", franchise.title)]
    named += [(language, name) for language, names in franchise.aliases.items() for name in names]
    for language, name in named:
        if plain(name) not in seen:
            seen.add(plain(name))
            yield name, language


def _titles(brand: Brand, franchise: Franchise) -> Iterator[Query]:  # noqa: ARG001 - one form for all groups
    for name, language in _names(franchise):
        why = f"a name of {franchise.title} ({language})" if language else "the title"
        yield Query(kind=WatchKind.KEYWORD, text=name, group="titles", franchise=franchise.id, why=why)


def _tags(brand: Brand, franchise: Franchise) -> Iterator[Query]:  # noqa: ARG001
    own = {tag(name): name for name in franchise.hashtags}
    for name in own.values():
        yield Query(
            kind=WatchKind.HASHTAG, text=name, group="tags", franchise=franchise.id, why="the brand's own hashtag"
        )
    for name, language in _names(franchise):
        joined = tag(name)
        if joined not in own and len(joined) >= 2:
            own[joined] = name
            why = f"{name} as one word" + (f" ({language})" if language else "")
            yield Query(kind=WatchKind.HASHTAG, text=joined, group="tags", franchise=franchise.id, why=why)


def _generated(brand: Brand, franchise: Franchise) -> Iterator[Query]:
    for generator in brand.generator_tags:
        yield Query(
            kind=WatchKind.KEYWORD, text=f"{franchise.title} {generator}", group="generated", franchise=franchise.id,
            why=f"the title with the generator tag {generator}",
        )  # fmt: skip
    joined = tag(franchise.title)
    for ending in JOINED:
        yield Query(
            kind=WatchKind.HASHTAG, text=joined + ending, group="generated", franchise=franchise.id,
            why=f"the title and {ending} in one word",
        )  # fmt: skip


def _spellings(brand: Brand, franchise: Franchise) -> Iterator[Query]:  # noqa: ARG001
    """The title as it is written to be overlooked; titles in other scripts are seldom bent so."""
    title = plain(franchise.title)
    if len(tag(title)) < SHORTEST or not title.isascii():
        return
    for text, why in _bent(title):
        if text != title:
            yield Query(kind=WatchKind.KEYWORD, text=text, group="spellings", franchise=franchise.id, why=why)


def _bent(title: str) -> Iterator[tuple[str, str]]:
    for letter, digit in _ONE_DIGIT.items():
        if letter in title:
            yield title.replace(letter, digit, 1), f"{digit} for the first {letter}"
            break
    yield title.translate(_DIGITS), "digits for letters"
    yield title.translate(_CYRILLIC), "Cyrillic letters that look alike"
    yield " ".join(tag(title)), "letters set apart"
    yield ".".join(tag(title)), "letters with dots between"
    yield tag(title), "as one word"


def _descriptions(brand: Brand, franchise: Franchise) -> Iterator[Query]:  # noqa: ARG001
    """What each element looks like, in the words an author would use, and never the title."""
    own = {word for name, _ in _names(franchise) for word in plain(name).split()}
    for rank in range(max((len(part.descriptions) for part in franchise.elements), default=0)):
        for element in franchise.elements:
            if rank < len(element.descriptions):
                yield from _described(franchise, element, element.descriptions[rank], own)


def _described(franchise: Franchise, element: Element, text: str, own: set[str]) -> Iterator[Query]:
    shared = Counter(word for one in element.descriptions for word in {word for word, _ in content(one)})
    words = {word: written for word, written in content(text) if plain(written) not in own}

    def worth(word: str) -> tuple[bool, bool, int]:
        # What every description of the element says; then what people say in captions; then the longer word.
        return shared[word] > 1, plain(words[word]) in ORDINARY, len(words[word])

    chosen = set(sorted(words, key=worth, reverse=True)[:MOST_WORDS])
    if len(chosen) >= LEAST_WORDS:
        asked = " ".join([*(written for word, written in words.items() if word in chosen), "ai"])
        why = f"what {element.name} looks like: {text}"
        yield Query(kind=WatchKind.KEYWORD, text=asked, group="descriptions", franchise=franchise.id, why=why)


def _vendors(brand: Brand, platform: str) -> Iterator[Query]:
    for account in brand.accounts:
        if account.author_class is AuthorClass.RESPONDENT_OFFICIAL and account.platform == platform:
            yield Query(
                kind=WatchKind.ACCOUNT,
                text=account.handle,
                group="vendors",
                franchise="",
                why="the vendor's own account",
            )
    for name in brand.generator_tags:
        yield Query(kind=WatchKind.HASHTAG, text=name, group="vendors", franchise="", why="the vendor's promotion tag")


Group = Callable[[Brand, Franchise], Iterable[Query]]
GROUPS: dict[str, Group] = {
    "titles": _titles,
    "tags": _tags,
    "generated": _generated,
    "spellings": _spellings,
    "descriptions": _descriptions,
}
NAMES = (*GROUPS, "vendors")
