"""A franchise's names as keys to look for: letters run together, and what kind of name each is."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Literal

from core.lookalikes import letters_for_digits, single
from core.ordinary import ORDINARY
from core.reading import folded
from core.records import Franchise
from core.words import WORD

Script = Literal["latin", "letters", "unspaced", "hangul"]
# Written without gaps between words: Thai, Lao, Khmer, Myanmar, kana, Han.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_HANGUL = re.compile("[\u1100-\u11ff\uac00-\ud7af]")
_WORD = re.compile(rf"[{WORD}]+")
LOOSE = 8  # letters a name needs before pieces and slips count; shorter words are a letter from one another
SHORTEST = {"latin": 5, "letters": 5, "unspaced": 3, "hangul": 3}  # letters; a shorter name is a common word


@dataclass(frozen=True, slots=True)
class Key:
    """One name of a franchise or an element.

    letters     its words run together, folded
    parts       its words, folded
    digits      `letters` as the reading "digits" has them; "" where that reading cannot hold it
    runs        the same for the reading "runs"
    cuts        where in `letters` a word of the name ends and the next begins
    run_cuts    the same in `runs`
    halves      what stands there still when one letter is wrong; empty where one wrong letter is another word
    common      "word" or "phrase" where it is also one; "" where it can only be a name
    is_title    whether it is the franchise's own title, not an alias or an element
    """

    shown: str
    letters: str
    parts: tuple[str, ...]
    digits: str
    runs: str
    cuts: frozenset[int]
    run_cuts: frozenset[int]
    halves: tuple[str, ...]
    script: Script
    common: Literal["", "word", "phrase"]
    is_title: bool
    element: str | None
    nature: str


def keys(franchise: Franchise) -> tuple[Key, ...]:
    """Every name of a franchise and its elements, each once, the title first."""
    aliases = tuple(name for names in franchise.aliases.values() for name in names)
    elements = tuple((element.id, element.name, element.nature) for element in franchise.elements)
    return _keys(franchise.title, aliases, franchise.hashtags, elements)


@lru_cache(maxsize=1024)  # franchises; each is asked for with every post
def _keys(
    title: str, aliases: tuple[str, ...], tags: tuple[str, ...], elements: tuple[tuple[str, str, str], ...]
) -> tuple[Key, ...]:
    made: dict[tuple[str, str | None], Key] = {}
    for name in (title, *aliases):
        key = _key(name, None, "", is_title=not made)
        made.setdefault((key.letters, None), key)
    for name in tags:
        key = _key(name, None, "", is_title=False)
        # Hashtags count as such anyway; those that only lengthen a name would hide which name it was.
        if not any(map(str.isdigit, name)) and not any(letters in key.letters for letters, _ in made):
            made[key.letters, None] = key
    for element, name, nature in elements:
        key = _key(name, element, nature, is_title=False)
        made.setdefault((key.letters, element), key)
    return tuple(key for key in made.values() if key.letters)


def _key(name: str, element: str | None, nature: str, *, is_title: bool) -> Key:
    parts = tuple(folded(part) for part in _WORD.findall(name.replace("_", " ")))
    parts = tuple(part for part in parts if part)
    letters = "".join(parts)
    script = _script(letters)
    disguised = script == "latin" and len(letters) >= SHORTEST["latin"] and not any(map(str.isdigit, letters))
    common = _common(parts, script)
    folded_parts = [single(letters_for_digits(part)) for part in parts]
    return Key(
        shown=name,
        letters=letters,
        parts=parts,
        digits=letters_for_digits(letters) if disguised else "",
        runs="".join(folded_parts) if disguised else "",
        cuts=_cuts(parts),
        run_cuts=_cuts(folded_parts),
        halves=_halves(letters) if script in {"latin", "letters"} and common != "word" else (),
        script=script,
        common=common,
        is_title=is_title,
        element=element,
        nature=nature,
    )


def _cuts(parts: Sequence[str]) -> frozenset[int]:
    return frozenset(accumulate(map(len, parts[:-1])))


def _halves(letters: str) -> tuple[str, ...]:
    """Both halves, and the whole with the two letters at the seam swapped: any slip spares one of them."""
    if len(letters) < LOOSE:
        return ()
    half = len(letters) // 2
    swapped = letters[: half - 1] + letters[half] + letters[half - 1] + letters[half + 1 :]
    return letters[:half], letters[half:], swapped


def _script(letters: str) -> Script:
    if _UNSPACED.search(letters):
        return "unspaced"
    if _HANGUL.search(letters):
        return "hangul"
    return "latin" if letters.isascii() else "letters"


def _common(parts: tuple[str, ...], script: Script) -> Literal["", "word", "phrase"]:
    letters = "".join(parts)
    short = len(letters) < SHORTEST[script] or not any(
        unicodedata.category(letter).startswith("L") for letter in letters
    )
    if len(parts) == 1:
        return "word" if short or parts[0] in ORDINARY else ""
    return "phrase" if short or all(part in ORDINARY or part.isdigit() for part in parts) else ""
