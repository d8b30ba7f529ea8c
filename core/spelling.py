"""One name in one reading of a caption: whether it stands there, and by which rule.

The rules go from the name as it is to one letter wrong; each has a share of the full weight. A name
never counts as a piece of another word unless what is left over is something people add to names.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from core.lookalikes import letters_for_digits
from core.names import LOOSE, Key
from core.ordinary import ADDED, ORDINARY, listed
from core.reading import WIDEST_GAP, Reading, one_edit_apart


@dataclass(frozen=True, slots=True)
class Rule:
    """How a written form is read: in words for the reason, and its share of the name's weight."""

    words: str
    share: float


RULES = {
    "name": Rule("as it is", 1.0),
    "together": Rule("written as one word", 1.0),
    "joined": Rule("joined with", 0.9),
    "ending": Rule("with the ending", 0.9),
    "look-alike": Rule("letters that look alike", 0.9),
    "digits": Rule("digits or signs for letters", 0.9),
    "spaced": Rule("letters set apart", 0.9),
    "runs": Rule("letters repeated", 0.8),
    "apart": Rule("written in pieces", 0.75),
    "inside": Rule("inside a longer word", 0.6),
    "typo": Rule("one letter differs", 0.6),
}
_INSIDE = 9  # the same for standing inside an unknown word
_LONGEST_ENDING = 3
_LONGEST_ADDED = 60  # letters; no hashtag that people write is longer
_ENDINGS = frozenset(listed("s es n en in an er ern ns e a i y ta da de te la na"))
# Arabic and Hebrew put "and", "the", "in", "to" before a name without a gap.
_CLITICS = frozenset(listed("و ف ب ل ك ال وال بال لل فال كال ו ה ב ל מ ש כ וה בה שה"))
_VOWELS = "аеёиоуыэюяйьαεηιουωςaeiou"
_READING_RULE = {"seen": "look-alike", "digits": "digits", "runs": "runs"}


@dataclass(frozen=True, slots=True)
class Spelled:
    """Where a name stands in the caption, by which rule, and what was written before and after it."""

    rule: str
    span: tuple[int, int]
    added: tuple[str, str] = ("", "")


def read_as(reading: Reading, key: Key) -> Spelled | None:
    """Where a reading holds every letter of a name, by the strictest rule; None where it does not."""
    letters = key.letters if reading.kind in {"plain", "seen"} else getattr(key, reading.kind)
    if letters and letters in reading.letters:
        found = [one for at in reading.finds(letters) if (one := _at(reading, key, letters, at))]
        if found:
            best = max(found, key=lambda one: RULES[one.rule].share)
            dodged = _READING_RULE.get(reading.kind)
            return Spelled(dodged, best.span) if dodged and RULES[best.rule].share >= RULES["spaced"].share else best
    return None


def read_loosely(reading: Reading, key: Key) -> Spelled | None:
    """Where a reading holds a name with other endings or a slip; to be asked when no reading holds it whole."""
    if reading.kind not in {"plain", "seen"}:
        return None
    return _inflected(reading, key) or _mistyped(reading, key)


def _at(reading: Reading, key: Key, letters: str, at: int) -> Spelled | None:
    end = at + len(letters)
    first, last = reading.at(at), reading.at(end - 1)
    before, after = reading.letters[reading.starts[first] : at], reading.letters[end : reading.ends[last]]
    inner = {start - at for start in reading.starts[first + 1 : last + 1]}
    span = (reading.spans[first][0], reading.spans[last][1])
    cuts = key.run_cuts if reading.kind == "runs" else key.cuts
    if _widest(reading, first, last) > WIDEST_GAP:
        return None
    if key.script == "unspaced":
        return Spelled("name" if inner <= cuts else "spaced", span)
    if not before and not after:
        rule = _whole(inner, cuts, len(letters))
        return Spelled(rule, span) if rule else None
    if not inner <= cuts:
        return None
    if key.script == "hangul":
        # A particle may follow at once; nothing of one word comes before another.
        return Spelled("name", span) if not before and len(letters) >= 2 and len(after) <= 4 else None
    rule = _partly(key, before, after, reading.kind)
    return Spelled(rule, span, (before, after)) if rule else None


def _whole(inner: set[int], cuts: frozenset[int], length: int) -> str | None:
    """The rule by which whole words are the name."""
    if inner == cuts:
        return "name"
    if inner < cuts:
        return "together"
    pieces = len(inner) + 1
    if pieces >= 4 and pieces >= length - 1:
        return "spaced"
    # "we bridge r ton s": few pieces of a long name, and none of them where a word of the name ends.
    return "apart" if length >= LOOSE and pieces <= 2 * (len(cuts) + 1) + 1 else None


def _partly(key: Key, before: str, after: str, kind: str) -> str | None:
    """The rule by which a name with something added at once is the name."""
    if not before and set(after) == {key.letters[-1]}:
        return "runs"
    if not before and after in _ENDINGS:
        return "ending"
    folded = kind in {"digits", "runs"}
    if (
        len(before) + len(after) <= _LONGEST_ADDED
        and _is_added(before, folded=folded)
        and _is_added(after, folded=folded)
    ):
        return "joined"
    if not before and len(key.letters) >= LOOSE and len(after) <= _LONGEST_ENDING:
        return "ending"
    if before in _CLITICS and len(after) <= 2 and len(key.letters) >= 4:
        return "ending"
    return "inside" if len(key.letters) >= _INSIDE and not key.common else None


_ADDED_FOLDED = frozenset(letters_for_digits(word) for word in ADDED)


@lru_cache(maxsize=32768)
def _is_added(rest: str, *, folded: bool) -> bool:
    """Whether what is left of a word is nothing but what people add to names; nothing is."""
    known, longest = (_ADDED_FOLDED if folded else ADDED), 16
    reached = [True] + [False] * len(rest)
    for end in range(1, len(rest) + 1):
        reached[end] = any(
            reached[start] and (rest[start:end] in known or (rest[start:end].isdigit() and end - start <= 4))
            for start in range(max(0, end - longest), end)
        )
    return reached[-1]


def _widest(reading: Reading, first: int, last: int) -> int:
    """The widest gap in the caption between the words first to last, characters."""
    spans = reading.spans[first : last + 1]
    return max((after[0] - before[1] for before, after in pairwise(spans)), default=0)


def _inflected(reading: Reading, key: Key) -> Spelled | None:
    """A name whose every word may have another ending: Очень странных дел. Cyrillic and Greek only."""
    if key.script != "letters" or len(key.letters) < 6:
        return None
    stems = [_stem(part) for part in key.parts]
    for at in reading.finds(stems[0]):
        first = reading.at(at)
        words = range(first, first + len(stems))
        if reading.starts[first] != at or words[-1] >= len(reading.starts):
            continue
        read = [reading.letters[reading.starts[nth] : reading.ends[nth]] for nth in words]
        fits = all(
            word.startswith(stem) and len(word) <= len(part) + 2 and len(word) - len(stem) <= _LONGEST_ENDING
            for word, stem, part in zip(read, stems, key.parts, strict=True)
        )
        if fits and _widest(reading, first, words[-1]) <= WIDEST_GAP:
            endings = "-".join(word[len(stem) :] for word, stem in zip(read, stems, strict=True))
            return Spelled("ending", (reading.spans[first][0], reading.spans[words[-1]][1]), ("", endings))
    return None


def _stem(part: str) -> str:
    stem = part
    while len(stem) > 4 and len(part) - len(stem) < 2 and stem[-1] in _VOWELS:
        stem = stem[:-1]
    return stem


def _mistyped(reading: Reading, key: Key) -> Spelled | None:
    """A name of at least eight letters with one letter added, lost or changed, or two swapped."""
    for half in key.halves:
        if half not in reading.letters:
            continue
        for at in reading.finds(half, 20):
            middle = reading.at(at)
            for count in {1, len(key.parts)}:
                for first in range(max(0, middle - count + 1), min(middle, len(reading.starts) - count) + 1):
                    last = first + count - 1
                    written = reading.letters[reading.starts[first] : reading.ends[last]]
                    if one_edit_apart(written, key.letters) and _is_slip(reading, key, first, count):
                        return Spelled("typo", (reading.spans[first][0], reading.spans[last][1]))
    return None


def _is_slip(reading: Reading, key: Key, first: int, count: int) -> bool:
    """Whether the words that differ are no words of their own: “a stranger thing” is no slip of a title's."""
    if _widest(reading, first, first + count - 1) > WIDEST_GAP:
        return False
    words = (reading.letters[reading.starts[nth] : reading.ends[nth]] for nth in range(first, first + count))
    other = [word for word in words if word not in key.parts]
    return bool(other) and not any(word in ORDINARY or word.isdigit() for word in other)
