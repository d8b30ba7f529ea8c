"""Words as people write them, made comparable. Knows no language; never guesses a meaning."""

import re
import unicodedata
from functools import lru_cache

_TAG = re.compile(r"#(\w+)")
_GAP = re.compile(r"[^\w]+")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad]")


def plain(text: str) -> str:
    """Text for comparison: width, case, accents and invisible characters folded, one space between words."""
    folded = unicodedata.normalize("NFKD", _INVISIBLE.sub("", text)).casefold()
    bare = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return _GAP.sub(" ", unicodedata.normalize("NFC", bare)).strip()


@lru_cache(maxsize=8192)  # a crawl sees the same few tags thousands of times
def tag(text: str) -> str:
    """A hashtag for comparison: plain, without its mark and without gaps."""
    return plain(text.lstrip("#")).replace(" ", "").replace("_", "")


def hashtags(text: str) -> tuple[str, ...]:
    """The hashtags of a caption, in order, each once, as `tag` makes them."""
    return tuple(dict.fromkeys(tag(match) for match in _TAG.findall(_INVISIBLE.sub("", text))))


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
