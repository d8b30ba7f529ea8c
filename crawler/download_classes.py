"""Read what yt-dlp, the network or the system raised, and name its class.

Never lets a message decide where a status, an errno or an exception type can.
"""

import errno
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from yt_dlp.networking.exceptions import HTTPError, NoSupportingHandlers, TransportError, UnsupportedRequest
from yt_dlp.utils import ContentTooShortError, GeoRestrictedError, UnsupportedError

from crawler.egress import AddressRefused, UrlRefused
from crawler.outcomes import ErrorClass, retry_after


class TooLarge(Exception):
    """Raised by the progress hook: the file, or the sum of its fragments, passed the cap."""


class DiskLow(Exception):
    """Raised before and while writing: less is free than the settings keep free."""


class NotMedia(Exception):
    """The server answered 200 with a page or a message, not with a file."""


STATUS = {
    401: ErrorClass.LOGIN,
    # 403 is what a CDN says to an expired signature, to a crawler and to a wrong country: a block that may pass,
    # never proof that the clip is gone or private.
    403: ErrorClass.RATE_LIMITED,
    404: ErrorClass.GONE,
    407: ErrorClass.RATE_LIMITED,
    408: ErrorClass.TEMPORARY,
    410: ErrorClass.GONE,
    412: ErrorClass.RATE_LIMITED,  # Bilibili's block
    425: ErrorClass.TEMPORARY,
    429: ErrorClass.RATE_LIMITED,
    451: ErrorClass.GEO_BLOCKED,  # withheld by law, here at least
}
ERRNO = {
    errno.EFBIG: ErrorClass.TOO_LARGE,  # RLIMIT_FSIZE
    errno.ENOSPC: ErrorClass.DISK,
    errno.EDQUOT: ErrorClass.DISK,
}
# In this order: "sign in to confirm you're not a bot" is a block, and "private video. Sign in" is private.
WORDS = (
    (ErrorClass.RATE_LIMITED, r"not a bot|captcha|rate.?limit|too many requests|ip address is blocked|unusual traffic"),
    (ErrorClass.GEO_BLOCKED, r"not (made this video )?available (in|from) your|geo.?restrict|in your country"),
    (ErrorClass.PRIVATE, r"\bprivate\b|\bprotected (account|tweet|post)|only available (for|to) (friends|followers)"),
    (ErrorClass.LOGIN, r"log.?in|sign in|registered users|authentication is required|cookies|members.only"),
    (ErrorClass.TEMPORARY, r"did not get any data|file is empty|more expected|timed out|connection (reset|aborted)"),
    (ErrorClass.NOT_MEDIA, r"no (video|media)|unsupported url"),
    (ErrorClass.GONE, r"video unavailable|been removed|no longer available|does(n.t| not) exist|been deleted"),
)
TYPES: tuple[tuple[type[BaseException], ErrorClass], ...] = (
    (TooLarge, ErrorClass.TOO_LARGE),
    (MemoryError, ErrorClass.TOO_LARGE),
    (DiskLow, ErrorClass.DISK),
    (NotMedia, ErrorClass.NOT_MEDIA),
    (AddressRefused, ErrorClass.PRIVATE_ADDRESS),
    (UrlRefused, ErrorClass.SCHEME),
    (GeoRestrictedError, ErrorClass.GEO_BLOCKED),
    (UnsupportedError, ErrorClass.NOT_MEDIA),
    (ContentTooShortError, ErrorClass.TEMPORARY),
)


def classify(error: BaseException, now: datetime | None = None) -> tuple[ErrorClass, str, float | None]:
    """Name the class of a failed attempt.

    returns  the class, the message, and what Retry-After asked for in seconds (None: nothing)
    """
    message = _clean(str(error) or type(error).__name__)
    links = list(_chain(error))
    for kind, error_class in TYPES:
        found = next((link for link in links if isinstance(link, kind)), None)
        if found is not None:
            return error_class, _clean(str(found)) or message, None
    status = next((link for link in links if isinstance(link, HTTPError)), None)
    if status is not None:
        asked_s = retry_after(status.response.get_header("Retry-After"), now or datetime.now(UTC))
        return _by_status(status.status), message, asked_s
    numbered = next((ERRNO[link.errno] for link in links if isinstance(link, OSError) and link.errno in ERRNO), None)
    if numbered is not None:
        return numbered, message, None
    return _by_words(message, links), message, None


def _by_status(status: int) -> ErrorClass:
    if status in STATUS:
        return STATUS[status]
    return ErrorClass.TEMPORARY if status >= 500 else ErrorClass.BROKEN


def _by_words(message: str, links: list[BaseException]) -> ErrorClass:
    if any(isinstance(link, (UnsupportedRequest, NoSupportingHandlers)) for link in links):
        return ErrorClass.SCHEME
    if "no connection adapters" in message.lower():  # requests' words for a redirect away from http(s)
        return ErrorClass.SCHEME
    if any(isinstance(link, (TransportError, TimeoutError, ConnectionError)) for link in links):
        return ErrorClass.TEMPORARY
    for error_class, words in WORDS:
        if re.search(words, message, re.IGNORECASE):
            return error_class
    return ErrorClass.BROKEN


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Every exception that this one carries: yt-dlp keeps them in exc_info and cause, requests in args."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        link = waiting.pop(0)
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        exc_info = getattr(link, "exc_info", None) or ()
        waiting += [*exc_info, getattr(link, "cause", None), link.__cause__, link.__context__]
        waiting += [getattr(link, "reason", None), *link.args]


def _clean(message: str) -> str:
    """One line without terminal escapes, yt-dlp's prefix and its pleas for a bug report."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", message)
    plain = re.split(r"; please report this issue|\(caused by", plain)[0]
    plain = re.sub(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+", " ", plain)
    return re.sub(r"^(ERROR: )?\s*(\[download\] Got error: )?", "", plain).strip()[:500]
