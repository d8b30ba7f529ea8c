"""Times in an answer: seconds since 1970 as an instant, and whether a listing by time has come to known ground."""

from datetime import datetime, timedelta

from core.errors import PageChanged
from crawler.captures.capture import instant
from crawler.fields import Fields

OVERLAP = timedelta(hours=1)  # some platforms show a post a while after its time


def instant_of(item: Fields, path: str) -> datetime:
    """A number of seconds, or the same in digits, as aware UTC; PageChanged names what is neither."""
    told = item.maybe(path, str) if isinstance(item.data.get(path), str) else item.maybe_number(path)
    try:
        return instant(float(told or 0))
    except ValueError:
        raise PageChanged(f"{item.where}: {path!r} is no time: {told!r}; freeze the response and look") from None


def is_known(at: datetime, ground: datetime | None) -> bool:
    """Whether all before `at` was seen: a page without a clip has no post that would say so."""
    return ground is not None and at < ground - OVERLAP
