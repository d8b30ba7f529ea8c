"""Values on their way into a letter: one line each, in letters a person can see, with no power over its form.

A handle, an address or a label was written by somebody who may not like the letter: none of them can
add a line, a heading, a link or a placeholder to it. Never drops a value: what cannot be written
safely and exactly is None, and the notice says so.
"""

import re
import unicodedata
from datetime import datetime
from urllib.parse import quote, urlsplit

from core.words import printable

MOST = 4000  # characters; longer than any sentence people write into a form, shorter than an attack
OPEN, CLOSE = "\ue000", "\ue001"  # around each value until the letter is checked; private letters never get through
_ACTIVE = re.compile(r"([\\`*\[\]<|~]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|#(?=#))")
# At the head of a list entry these would begin a list, a heading, a quotation or a rule; "+1 555" does not.
_LEADING = re.compile(r"^(?:\d+(?=[.)])|(?=[=#>]|-(?!\d)|\+(?:\s|$)))")
_LEGAL = "/:?#[]@!$&'()*+,;=%-._~"


class Safe(str):
    """Text that is already fit for the page."""

    __slots__ = ()


def line(value: object) -> str:
    """A value as one line of visible text: instants in UTC, no control or direction characters."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return printable(str(value), most=MOST)


def prose(value: object) -> Safe:
    """A value inside a sentence: what Markdown would act on is escaped, the rest stays as it is."""
    return Safe(_LEADING.sub(r"\g<0>\\", _ACTIVE.sub(r"\\\1", line(value))))


def exact(value: object) -> Safe:
    """A value to be copied letter by letter, in a code span; only a backtick is written otherwise."""
    return Safe(f"`{line(value).replace('`', chr(0x2CB))}`")


def address(url: str) -> str | None:
    """A web address, exact and harmless; None when it is none, or hides where it leads.

    What may not stand in an address is percent-encoded, as every browser would.
    """
    visible = "".join(letter for letter in url.strip() if unicodedata.category(letter) not in {"Cc", "Cf", "Zl", "Zp"})
    try:
        parts = urlsplit(visible)
        port = f":{parts.port}" if parts.port else ""
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:
        return None
    if visible != url.strip() or parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        return None
    if not re.fullmatch(r"[\w.-]+|[0-9a-f:.]+", host, re.ASCII):
        return None
    host = f"[{host}]" if ":" in host else host
    return quote(parts._replace(netloc=host + port).geturl(), safe=_LEGAL)


def link(url: str) -> Safe:
    """A web address as the letter shows it."""
    known = address(url)
    if known is None:
        raise ValueError(f"{line(url)!r} is no web address; draft.missing should have said so")
    return Safe(f"<{known}>")
