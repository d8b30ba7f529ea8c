"""Captions that describe a protected element without naming it, as far as words carry.

TF-IDF on character n-grams (3 to 5, within a word) after words have been led back to one word of
their meaning (core.lexicon). Suggests: it does not understand a sentence, and never fires on
ordinary words alone, since several content words of one description must stand near one another.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from core.lexicon import head, pieces
from core.ordinary import BACKGROUND, FUNCTION
from core.reading import LOOKED_AT, folded
from core.records import Element, Franchise
from core.words import WORD

# Chosen on the captions that bench/words.yml keeps for tuning.
THRESHOLD = 0.53  # geometric mean of the cosine and of the share of the description's weight that is there
LEAST_WORDS = 4  # distinct content words of one description in the caption; 3 where it has no more than SHORT
SHORT = 5
ALIKE = 0.60  # cosine of two words' n-grams at which they count as one: mask and masked
DESCRIBED_LEAST, DESCRIBED_MOST = 0.05, 0.09  # weights; below a name's, since words describe much
MOST_ELEMENTS = 3
MOST_COMPARED = 40  # descriptions of a franchise, those that share most words with the caption
_MOST_WORDS = 1500  # content words of a caption that are compared; a longer one is cut, as LOOKED_AT says
_KNOWN_WORDS = 20_000  # words remembered between captions for each franchise
_LONGEST = 40  # letters of a word that are compared

_TOKEN = re.compile(rf"(?:[{WORD}](?<!_))+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]+")

Vector = dict[str, float]


@dataclass(frozen=True, slots=True)
class Likeness:
    """An element, the description of it that a caption comes close to, how close, and by which words.

    score, threshold    0..1: the geometric mean of cosine and share of the description
    carried             the caption's own words that carried it, in their order
    weight              for the finding's score
    """

    element: Element
    description: str
    score: float
    threshold: float
    carried: tuple[str, ...]
    weight: float


def likenesses(text: str, franchise: Franchise) -> tuple[Likeness, ...]:
    """The elements of a franchise that a text describes, the closest first, at most MOST_ELEMENTS."""
    described = {element.id: element for element in franchise.elements if element.descriptions}
    if not described:
        return ()
    model = _model(tuple((element.id, element.descriptions) for element in described.values()))
    return tuple(
        Likeness(
            element=described[one.element],
            description=one.description,
            score=one.score,
            threshold=THRESHOLD,
            carried=one.carried,
            weight=one.weight,
        )
        for one in model.nearest(content(text))
    )


@lru_cache(maxsize=8)  # one post is compared for every franchise
def content(text: str) -> tuple[tuple[str, str], ...]:
    """Content words in order: as compared, and as written."""
    return tuple(_words(text[:LOOKED_AT]))[:_MOST_WORDS]


def _words(text: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(text):
        word = folded(match[0])
        if word in FUNCTION or word.isdigit():
            continue
        if _UNSPACED.search(word):
            for run in _UNSPACED.findall(word):
                yield from ((piece, piece) for piece in pieces(run))
        elif len(word) > 2 or not word.isascii():
            yield head(word[:_LONGEST]), match[0]


def _grams(word: str) -> list[str]:
    """Character n-grams of one word with its edges: 3 to 5, and pairs where a syllable is a letter."""
    edged = f" {word} "
    sizes = (3, 4, 5) if word.isascii() or len(word) > 4 else (2, 3)
    return [edged[at : at + size] for size in sizes for at in range(len(edged) - size + 1)] or [edged]


def _unit(vector: Vector) -> Vector:
    length = math.sqrt(sum(value * value for value in vector.values())) or 1.0
    return {gram: value / length for gram, value in vector.items()}


def _dot(one: Vector, other: Vector) -> float:
    short, long = (one, other) if len(one) < len(other) else (other, one)
    return sum(value * long[gram] for gram, value in short.items() if gram in long)


@dataclass(frozen=True, slots=True)
class _Near:
    """A Likeness with the element's id alone: models know nothing else of an element."""

    element: str
    description: str
    score: float
    carried: tuple[str, ...]

    @property
    def weight(self) -> float:
        """Its share of a finding's score, below a name's."""
        span = (self.score - THRESHOLD) / (1 - THRESHOLD)
        return round(DESCRIBED_LEAST + (DESCRIBED_MOST - DESCRIBED_LEAST) * min(1.0, span), 3)


@dataclass(frozen=True, slots=True)
class _Description:
    element: str
    text: str
    words: frozenset[str]
    vector: Vector
    total: float


class _Model:
    """The descriptions of one franchise, weighed against one another and against ordinary captions."""

    def __init__(self, elements: tuple[tuple[str, tuple[str, ...]], ...]) -> None:
        texts = [(element, text) for element, descriptions in elements for text in descriptions]
        contents = [frozenset(word for word, _ in _words(text)) for _, text in texts]
        rest = [frozenset(word for word, _ in _words(line)) for line in BACKGROUND]
        self._count = len(contents) + len(rest)
        self._words = Counter(word for content in (*contents, *rest) for word in content)
        self._grams = Counter(gram for word in self._words for gram in set(_grams(word)))
        self._vectors: dict[str, Vector] = {}
        self._alike: dict[str, tuple[str, ...]] = {}
        self._holding: dict[str, list[int]] = defaultdict(list)  # a description's word: which descriptions
        self._by_gram: dict[str, list[str]] = defaultdict(list)
        self._descriptions = [
            _Description(element, text, content, self._vector(content), math.fsum(map(self._weight, content)))
            for (element, text), content in zip(texts, contents, strict=True)
        ]
        for nth, content in enumerate(contents):
            for word in content:
                self._holding[word].append(nth)
        for word in self._holding:
            for gram in set(_grams(word)):
                self._by_gram[gram].append(word)

    def nearest(self, content: tuple[tuple[str, str], ...]) -> tuple[_Near, ...]:
        """The elements that content words describe, the closest first."""
        places = [(at, alike) for at, (word, _) in enumerate(content) for alike in self._same(word)]
        counts = Counter[int]()
        for alike in {alike for _, alike in places}:
            counts.update(self._holding[alike])
        best: dict[str, _Near] = {}
        vectors: dict[tuple[int, int], Vector] = {}  # the same stretch is compared with many descriptions
        likely = sorted((-count, nth) for nth, count in counts.items() if count >= LEAST_WORDS - 1)
        for _, nth in likely[:MOST_COMPARED]:
            one = self._compare(self._descriptions[nth], content, places, vectors)
            if one and one.score > getattr(best.get(one.element), "score", 0.0):
                best[one.element] = one
        ranked = sorted(best.values(), key=lambda one: (-one.score, one.element))
        return tuple(ranked[:MOST_ELEMENTS])

    def _compare(
        self,
        description: _Description,
        content: tuple[tuple[str, str], ...],
        places: list[tuple[int, str]],
        vectors: dict[tuple[int, int], Vector],
    ) -> _Near | None:
        own = [place for place in places if place[1] in description.words]
        inside = self._densest(own, max(12, 2 * len(description.words)))
        shared = {word for _, word in inside}
        share = math.fsum(map(self._weight, shared)) / description.total
        least = LEAST_WORDS if len(description.words) > SHORT else LEAST_WORDS - 1
        if len(shared) < least or share < THRESHOLD**2:
            return None
        # What stands between the shared words belongs to the description that is tried; what stands around may not.
        window = inside[0][0], inside[-1][0] + 1
        if window not in vectors:
            vectors[window] = self._vector({word for word, _ in content[slice(*window)]})
        score = math.sqrt(_dot(vectors[window], description.vector) * share)
        if score < THRESHOLD:
            return None
        carried = tuple(dict.fromkeys(content[at][1] for at, _ in inside))
        return _Near(description.element, description.text, round(score, 3), carried)

    def _densest(self, places: list[tuple[int, str]], width: int) -> list[tuple[int, str]]:
        """The places within `width` words that hold the most distinct words of a description."""
        best, low, held = (0, 0, 0), 0, Counter[str]()
        for high, (at, word) in enumerate(places):
            held[word] += 1
            while at - places[low][0] >= width:
                held[places[low][1]] -= 1
                held += Counter()
                low += 1
            best = max(best, (len(held), low, high + 1), key=lambda found: found[0])
        return places[best[1] : best[2]]

    def _weight(self, word: str) -> float:
        return math.log((1 + self._count) / (1 + self._words[word])) + 1

    def _vector(self, words: Iterable[str]) -> Vector:
        """A unit vector of n-grams, in which each word weighs as much as it is rare."""
        total: Vector = defaultdict(float)
        for word in sorted(words):  # sums of floats depend on their order, and results must not
            weight = self._weight(word)
            for gram, value in self._word(word).items():
                total[gram] += weight * value
        return _unit(total)

    def _word(self, word: str) -> Vector:
        known = self._vectors.get(word)
        if known is None:
            most = len(self._words)
            known = _unit({gram: math.log((1 + most) / (1 + self._grams[gram])) + 1 for gram in _grams(word)})
            if word in self._holding:  # the descriptions' own words only: captions bring any number of others
                self._vectors[word] = known
        return known

    def _same(self, word: str) -> tuple[str, ...]:
        """The descriptions' words that a caption's word is, or is nearly."""
        known = self._alike.get(word)
        if known is None:
            if len(self._alike) >= _KNOWN_WORDS:
                self._alike.clear()
            vector = self._word(word)
            near = {other for gram in vector for other in self._by_gram.get(gram, ())}
            known = tuple(sorted(other for other in near if _dot(vector, self._word(other)) >= ALIKE))
            self._alike[word] = known
        return known


@lru_cache(maxsize=1024)  # franchises; each is asked for with every post
def _model(elements: tuple[tuple[str, tuple[str, ...]], ...]) -> _Model:
    return _Model(elements)
