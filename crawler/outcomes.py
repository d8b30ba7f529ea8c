"""What can come of a download: the file, or why not and when to try again.

Pure: no clock, no network, no yt-dlp. Never says "gone" for what was only blocked, broken or slow.
"""

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from core.records import Rendition


class ErrorClass(StrEnum):
    """Why there is no file. The last five are our own rules, not the platform's."""

    GONE = "gone"
    PRIVATE = "private"
    GEO_BLOCKED = "geo-blocked"
    LOGIN = "login"
    RATE_LIMITED = "rate-limited"
    TEMPORARY = "temporary"
    BROKEN = "broken"  # the extractor no longer understands the page
    NOT_MEDIA = "not-media"
    TOO_LARGE = "too-large"
    TOO_SLOW = "too-slow"
    PRIVATE_ADDRESS = "private-address"
    SCHEME = "scheme"
    DISK = "disk"


# Seconds before the second attempt; it doubles with each one after that. Not named here: never again.
FIRST_RETRY_S = {
    ErrorClass.GEO_BLOCKED: 86_400.0,
    ErrorClass.RATE_LIMITED: 300.0,
    ErrorClass.TEMPORARY: 60.0,
    ErrorClass.BROKEN: 86_400.0,  # an extractor is mended by an update, not by insisting
    ErrorClass.NOT_MEDIA: 3_600.0,  # often a login or error page that stands there for an hour
    ErrorClass.TOO_SLOW: 3_600.0,
    ErrorClass.DISK: 600.0,
}
LONGEST_RETRY_S = 7 * 86_400.0
MANIFESTS = (".m3u8", ".mpd")  # an address that stands for several renditions
MOST_ATTEMPTS = 6  # 60 s doubling: half an hour of outage; a day's block is tried for a month


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One attachment to fetch: one of its renditions or, where only a page shows it, what yt-dlp finds there.

    page        when given it is read by yt-dlp's extractors, and the renditions are not looked at
    attempts    how often it was tried before
    best        fetch the tallest rendition, not the lowest that serves
    """

    post: str
    position: int
    renditions: tuple[Rendition, ...] = ()
    page: str | None = None
    attempts: int = 0
    best: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """A file as received, and what its header says (container "unknown" and None where it says nothing).

    path        in the attempt's directory: move it before asking for the next outcome
    url         the address that the bytes came from
    rendition   which of the job's renditions this is; None when it came by the page
    """

    job: Job
    path: Path
    sha256: str
    size_bytes: int
    container: str
    duration_s: float | None
    width_px: int | None
    height_px: int | None
    url: str
    rendition: Rendition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No file: the class, one sentence, and seconds until it is worth trying again (None: never)."""

    job: Job
    error_class: ErrorClass
    message: str
    retry_after_s: float | None


Outcome: TypeAlias = Got | Refused


def refused(job: Job, error_class: ErrorClass, message: str, asked_s: float | None = None) -> Refused:
    """Make the outcome of a failed attempt.

    asked_s     what the server's Retry-After asked for, in seconds: it takes the place of our own guess
    """
    first_s = FIRST_RETRY_S.get(error_class)
    retry_s = None
    if first_s is not None and job.attempts + 1 < MOST_ATTEMPTS:
        retry_s = min(first_s * 2**job.attempts if asked_s is None else asked_s, LONGEST_RETRY_S)
    return Refused(job=job, error_class=error_class, message=message[:500], retry_after_s=retry_s)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header: seconds, or the HTTP date to wait for; None when absent or unreadable.

    now     aware UTC
    source  RFC 9110, 10.2.3
    """
    text = (value or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:  # "-0000": the sender does not know its zone
        return None
    return max(0.0, (until - now).total_seconds())


def in_order(renditions: tuple[Rendition, ...], least_height_px: int) -> list[Rendition]:
    """Lowest sufficient first, then the higher ones, then the tallest of those below, unknown heights last."""

    def rank(rendition: Rendition) -> tuple[int, int, int]:
        size = rendition.size_bytes or 0
        if rendition.height_px is None:
            return 2, 0, size
        if rendition.height_px >= least_height_px:
            return 0, rendition.height_px, size
        return 1, -rendition.height_px, size

    return sorted(renditions, key=rank)


def best_first(renditions: tuple[Rendition, ...]) -> list[Rendition]:
    """Tallest first, among equals the largest; unknown heights last, as platforms name their best."""
    return sorted(renditions, key=lambda one: (-(one.height_px or 0), -(one.size_bytes or 0)))


def best_already(renditions: tuple[Rendition, ...], least_height_px: int) -> bool:
    """Say whether the lowest rendition that serves is the best one too: then there is nothing more to fetch."""
    if not renditions:
        return True
    first, best = in_order(renditions, least_height_px)[0], best_first(renditions)[0]
    return first == best and not is_manifest(best.url)


def is_manifest(url: str) -> bool:
    """Say whether an address names a list of streams, not a file."""
    return url.partition("?")[0].partition("#")[0].lower().endswith(MANIFESTS)
