"""The ways to read a caption: as it stands, as it looks, with digits for letters, with runs folded.

Each reading is the caption's words run together, with where each word began, so that a name is
found by one search however its letters were set apart. Linear in the caption's length.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from core.lookalikes import SHAPED, SYMBOLS, letters_for_digits, single, skeleton
from core.words import INVISIBLE, WORD, bare

LOOKED_AT = 10_000  # characters of a caption that are read; the longest any platform we know allows
_KEPT = 60  # letters of the longest word that is remembered: a hostile caption must not fill the memory
WIDEST_GAP = 5  # characters between two parts of one name: " 🦑 " or ". #", not a sentence

Kind = Literal["plain", "seen", "digits", "runs"]
_WORD = re.compile(rf"(?:[{WORD}{SHAPED}{INVISIBLE}](?<!_))+")
_CHUNK = re.compile(rf"(?:[{WORD}{SHAPED}{INVISIBLE}{SYMBOLS}](?<!_))+")
_EDGE = "!|+(@"  # at a word's edge these are what they are
_SIGN = re.compile(rf"[\d{SYMBOLS}]")
_THRICE = re.compile(r"([^\W\d_])\1\1", re.IGNORECASE)
_FORMS = re.compile("[\u0622\u0623\u0625\u0649\u06cc\u06a9\u0629\u0640]")
_ARABIC = str.maketrans(
    {"\u0622": "\u0627", "\u0623": "\u0627", "\u0625": "\u0627"}
    | {"\u0649": "\u064a", "\u06cc": "\u064a", "\u06a9": "\u0643", "\u0629": "\u0647", "\u0640": ""}
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A caption's words run together.

    letters     what is searched
    starts, ends    where each word begins and ends in `letters`
    spans       where each word stands in the caption
    """

    kind: Kind
    letters: str
    starts: list[int]
    ends: list[int]
    spans: list[tuple[int, int]]

    def words(self) -> list[str]:
        """The words as read."""
        return [self.letters[start:end] for start, end in zip(self.starts, self.ends, strict=True)]

    def at(self, offset: int) -> int:
        """The word that holds a letter."""
        return bisect_right(self.starts, offset) - 1

    def finds(self, key: str, most: int = 200) -> Iterator[int]:
        """Where a key begins, at most so many times: a caption of nothing but names says no more."""
        offset = self.letters.find(key)
        while offset >= 0 and most:
            yield offset
            offset, most = self.letters.find(key, offset + 1), most - 1


def folded(word: str) -> str:
    """A word as names are kept: bare, its Arabic letters in one form."""
    return _folded(word) if len(word) <= _KEPT else _folded.__wrapped__(word)


@lru_cache(maxsize=32768)
def _folded(word: str) -> str:
    found = bare(word)
    return found.translate(_ARABIC) if _FORMS.search(found) else found


def _seen(word: str) -> str:
    return _looked(word) if len(word) <= _KEPT else _looked.__wrapped__(word)


@lru_cache(maxsize=32768)
def _looked(word: str) -> str:
    return bare(skeleton(word))


def _digits(chunk: str) -> str:
    return letters_for_digits(_seen(chunk.rstrip(_EDGE).lstrip(_EDGE)))


@lru_cache(maxsize=8)  # one post is read for every franchise; a hostile one takes megabytes
def readings(text: str) -> tuple[Reading, ...]:
    """The readings of a caption that differ, the strictest first; twice LOOKED_AT characters are read."""
    text = text[: 2 * LOOKED_AT]  # a caption, and after it tags that do not stand in it
    words = [(match[0], match.span()) for match in _WORD.finditer(text)]
    made = [_reading("plain", [(folded(word), span) for word, span in words])]
    if not text.isascii():
        seen = _reading("seen", [(_seen(word), span) for word, span in words])
        if seen.letters != made[0].letters:
            made.append(seen)
    signs, runs = bool(_SIGN.search(text)), bool(_THRICE.search(bare(text)))
    if signs or runs:
        chunks = [(_digits(match[0]), match.span()) for match in _CHUNK.finditer(text)]
        if signs:
            made.append(_reading("digits", chunks))
        if runs:
            made.append(_reading("runs", [(single(chunk), span) for chunk, span in chunks]))
    return tuple(made)


def _reading(kind: Kind, words: list[tuple[str, tuple[int, int]]]) -> Reading:
    starts, ends, spans, at = [], [], [], 0
    for word, span in words:
        if word:
            starts.append(at)
            at += len(word)
            ends.append(at)
            spans.append(span)
    return Reading(kind, "".join(word for word, _ in words), starts, ends, spans)


def one_edit_apart(one: str, other: str) -> bool:
    """Whether two words differ by one letter added, lost, changed, or two neighbours swapped."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    short, long = sorted((one, other), key=len)
    head = next((nth for nth, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) < len(long):
        return short[head:] == long[head + 1 :]
    swapped = long[head : head + 2][::-1]
    return short[head + 1 :] == long[head + 1 :] or (
        short[head : head + 2] == swapped and short[head + 2 :] == long[head + 2 :]
    )
