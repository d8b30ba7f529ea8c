"""Words as people write them, made comparable. Knows no language; never guesses a meaning."""

import re
import unicodedata
from functools import lru_cache


def _marks() -> str:
    """Every mark of the scripts in use, as a class: vowels of Devanagari or Thai, which re's \\w leaves out."""
    blocks = (range(0x0300, 0x1C00), range(0x20D0, 0x2100), range(0x3099, 0x309B), range(0xA800, 0xAC00))
    found = [code for block in blocks for code in block if unicodedata.category(chr(code)).startswith("M")]
    known = set(found)
    starts = [code for code in found if code - 1 not in known]
    ends = [code for code in found if code + 1 not in known]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


# What shows nothing, so that a word can be broken without being seen: soft hyphens, joiners, direction
# marks, variation selectors, Hangul fillers, tags. As the inside of a regular expression's class.
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef"
)
WORD = rf"\w{_marks()}"  # the inside of a class too: what a word is made of, in every script

_HIDDEN = re.compile(f"[{INVISIBLE}]")
_TAG = re.compile(rf"[#＃]([{WORD}]+)")
_GAP = re.compile(rf"[^{WORD}]+")


def bare(text: str) -> str:
    """Text with width, case, accents and invisible characters folded; what stands between words stays."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", _HIDDEN.sub("", text)).casefold()
    kept = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", kept)


def plain(text: str) -> str:
    """Text for comparison: `bare`, and one space between words."""
    return _GAP.sub(" ", bare(text)).strip()


def tag(text: str) -> str:
    """A hashtag for comparison: plain, without its mark and without gaps."""
    # A crawl sees the same few tags thousands of times; what is longer than any tag is not kept.
    return _tag(text) if len(text) <= 200 else _tag.__wrapped__(text)


@lru_cache(maxsize=8192)
def _tag(text: str) -> str:
    return plain(text.lstrip("#＃")).replace(" ", "").replace("_", "")


def hashtags(text: str) -> tuple[str, ...]:
    """The hashtags of a caption, in order, each once, as `tag` makes them."""
    found = (tag(match) for match in _TAG.findall(_HIDDEN.sub("", text)))
    return tuple(dict.fromkeys(name for name in found if name))


def slug(text: str) -> str:
    """A name as part of an id: lower case, everything but letters and digits as '-'."""
    return "-".join(plain(text).replace("_", " ").split())


def mentions(text: str, phrase: str) -> bool:
    """Whether plain text holds a plain phrase as whole words.

    Scripts without spaces (Chinese, Japanese, Thai, and Korean with its particles) are held as a
    substring, since no gap marks where a word ends.
    """
    if not phrase:
        return False
    if any(ord(letter) > 0x0E00 for letter in phrase):
        return phrase in text
    return f" {phrase} " in f" {text} "


def printable(text: str, *, most: int = 500) -> str:
    """Text that is safe on one terminal line: no control, escape or direction characters."""
    kept = "".join(
        letter if unicodedata.category(letter) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} else " "
        for letter in text[: most * 2]
    )
    line = " ".join(kept.split())
    return line if len(line) <= most else line[: most - 1] + "…"
