"""Seconds since 1970 in an answer, as an instant; a field that is no time is named."""

from datetime import datetime

from core.errors import PageChanged
from crawler.captures.capture import instant
from crawler.fields import Fields


def instant_of(item: Fields, path: str) -> datetime:
    """A number of seconds, or the same in digits, as aware UTC; PageChanged names what is neither."""
    told = item.maybe(path, str) if isinstance(item.data.get(path), str) else item.maybe_number(path)
    try:
        return instant(float(told or 0))
    except ValueError:
        raise PageChanged(f"{item.where}: {path!r} is no time: {told!r}; freeze the response and look") from None
