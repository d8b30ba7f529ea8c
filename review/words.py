"""What strangers wrote, made fit to show: one readable line, or an address that a click may follow."""

import re
import unicodedata
from urllib.parse import urlsplit

# Characters that turn the reading direction of what follows: the tool of those who disguise a name. The
# other invisible ones stay, since emoji and Persian words are made of them.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BROKEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_NONE = "\ufffe\uffff"  # no letters at all: XML, and so the feed, cannot hold them
MOST_ADDRESS = 2_000  # letters; longer ones are no address of a post


def readable(text: str, *, most: int) -> str:
    """Other people's text in one piece: no control or turning character, at most `most` letters."""
    kept = "".join(
        " " if unicodedata.category(letter) in _BROKEN or letter in _NONE else letter
        for letter in _TURNING.sub("", text[: most + 1])
    )
    return kept.strip() if len(text) <= most else kept[: most - 1].strip() + "…"


def address(url: str) -> str | None:
    """The address if a click can only lead to a web page; None for script, data, passwords, control characters."""
    if len(url) > MOST_ADDRESS or not url.isprintable() or any(letter in url for letter in " \\\"'<>"):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in {"http", "https"} and parts.netloc and "@" not in parts.netloc else None
