"""Ask yt-dlp what an address lists, or what it says of one entry: in a process that can be killed, plain values back.

Never downloads, writes a file or starts a program, and never raises out of `look`: a DownloadError does not pickle,
and an error's class says more.
"""

import math
import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, islice
from typing import Any, TypeAlias

import yt_dlp
import yt_dlp.version
from yt_dlp.extractor import gen_extractor_classes
from yt_dlp.utils import PagedList, unsmuggle_url

from crawler import download_worker, egress
from crawler.download_classes import NotMedia, classify
from crawler.download_worker import NICE_S, GuardedDL, Limits
from crawler.outcomes import ErrorClass

Info: TypeAlias = dict[str, Any]

ENTRIES = 50  # a page of ours; what is fetched for it is the extractor's own page, of 30 to 100
MOST_OPEN = 8  # listings kept half read, so that the next page of one does not ask for those before it again
MOST_HOPS = 5  # from an address to the one that lists
MOST_TEXT = 20_000  # characters; no platform takes a longer caption
MOST_WORDS = 2_000  # of any other text: a title, a name, an address
MOST_TAGS = 100
LINKS = frozenset({"url", "url_transparent"})
LISTINGS = frozenset({"playlist", "compat_list"})  # a multi_video is one clip in parts
TEXTS = (
    "id", "title", "description", "uploader", "uploader_id", "uploader_url", "channel", "channel_id", "channel_url",
    "webpage_url", "upload_date", "release_date", "language", "live_status", "availability", "extractor",
    "extractor_key",
)  # fmt: skip
NUMBERS = (
    "timestamp", "release_timestamp", "duration", "view_count", "like_count", "repost_count", "comment_count",
    "age_limit",
)  # fmt: skip

_ydl: GuardedDL | None = None  # one a process, as its makers want it
_open: dict[tuple[str, str], "_Listing"] = {}


def prepare(allowed_hosts: frozenset[str], limits: Limits, delay_s: float, parent: int) -> None:
    """Make this process fit to ask: guarded, limited, silent, and gone with its parent. Called once, by the pool."""
    global _ydl  # noqa: PLW0603  one process, one instance
    download_worker.prepare(allowed_hosts, limits)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # our parent's own output is read line by line, by its parent
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    _ydl = made(limits, delay_s)
    _key_of("https://warm.example/")  # 1,800 patterns are made at their first use: not in a question's time


def made(limits: Limits, delay_s: float) -> GuardedDL:
    """A yt-dlp that lists: what a download takes, and one request after another with a pause between them."""
    own = {"noplaylist": False, "ignore_no_formats_error": True, "sleep_interval_requests": delay_s}
    return GuardedDL(download_worker.options(limits, lambda _: None) | own)


def _die_with(parent: int) -> None:
    """End with the process that asked, however that ends; where the system cannot tell, the alarm clock does."""
    if hasattr(os, "pidfd_open"):
        with suppress(ProcessLookupError):
            select.select([os.pidfd_open(parent)], [], [])
        os._exit(1)


def look(asked: Info, limits: Limits) -> Info:
    """Answer one question, as JSON has it.

    asked    url (an address, or what an extractor calls one), key (the extractor it is for, or ""), start (entries to
             leave out); whatever else it holds is echoed
    returns  yt_dlp (its version), asked, kind, and
             of a "listing": `listing` (what it says of itself), `entries`, `next` (its next page's start, or None)
             of a "post": `post`
             of an "error": `error` with class (an ErrorClass), message, retry_after_s
    """
    signal.alarm(int(limits.max_seconds) + NICE_S)
    egress.take_refusals()
    said: Info = {"yt_dlp": yt_dlp.version.__version__, "asked": asked}
    try:
        return said | _look(str(asked["url"]), str(asked.get("key") or ""), int(asked.get("start") or 0))
    except Exception as error:  # noqa: BLE001  every failure becomes a named one; the message keeps it
        error_class, message, asked_s = classify(error)
        turned_away = egress.take_refusals()
        if turned_away and error_class in {ErrorClass.TEMPORARY, ErrorClass.BROKEN}:
            error_class, message = ErrorClass.PRIVATE_ADDRESS, turned_away[0]
        told = {"class": str(error_class), "message": message, "retry_after_s": asked_s}
        return said | {"kind": "error", "error": told}
    finally:
        signal.alarm(0)


def _look(url: str, key: str, start: int) -> Info:
    assert _ydl  # noqa: S101 - for mypy; `prepare` made it
    listing = _open.pop((url, key), None)
    if listing is None or listing.at > start:
        found = _found(_ydl, url, key)
        if found.get("_type") not in LISTINGS:
            return {"kind": "post", "post": _kept(found)}
        listing = _Listing(found)
    entries = list(listing.take(start))
    # A page that is not full is the last: looking for one entry more would cost a request of the site.
    more = listing.at == start + ENTRIES
    if more:
        _open[(url, key)] = listing
        while len(_open) > MOST_OPEN:
            del _open[next(iter(_open))]
    kept = [_entry(_ydl, entry, listing.key) for entry in entries if isinstance(entry, dict)]
    return {"kind": "listing", "listing": listing.head, "entries": kept, "next": listing.at if more else None}


class _Listing:
    """A listing that is read lazily; `at` entries of it have been taken."""

    def __init__(self, found: Info) -> None:
        self.head, self.key, self.at = _kept(found), str(found.get("extractor_key") or "Generic"), 0
        self.entries = _each(found.get("entries") or ())

    def take(self, start: int) -> Iterator[Any]:
        """The next ENTRIES from `start` on; those before are passed over."""
        for _ in islice(self.entries, start - self.at):
            self.at += 1
        for entry in islice(self.entries, ENTRIES):
            self.at += 1
            yield entry


def _each(entries: Any) -> Iterator[Any]:  # noqa: ANN401 - a list, a generator, or a list with pages
    if not isinstance(entries, PagedList):
        yield from entries
        return
    for start in count(0, ENTRIES):
        some = entries.getslice(start, start + ENTRIES)
        yield from some
        if len(some) < ENTRIES:
            return


def _found(ydl: GuardedDL, url: str, key: str) -> Info:
    """What stands at an address, its entries not asked for."""
    over: Info = {}
    for _ in range(MOST_HOPS):
        found: Info = ydl.extract_info(url, download=False, process=False, ie_key=key or None)
        if not found:
            raise NotMedia(f"yt-dlp found nothing at {url}")
        kind = found.get("_type")
        if kind not in LINKS:
            return found | over
        if kind == "url_transparent":  # the page that links knows better than the one with the file
            over = {name: value for name, value in found.items() if name in (*TEXTS, *NUMBERS) and value} | over
            if "title" in over and "timestamp" in over:
                return over
        url, key = str(found["url"]), str(found.get("ie_key") or "")
    raise NotMedia(f"{url} leads on and on")


def _entry(ydl: GuardedDL, entry: Info, listed_by: str) -> Info:
    """An entry as it is listed: `key` its extractor's, `url` its address, `ask` what to ask for all of it."""
    kept = _kept(entry)
    if entry.get("_type") not in LINKS:
        return kept | {"key": str(entry.get("extractor_key") or listed_by), "url": kept.get("webpage_url", "")}
    ask = str(entry.get("url") or "")[:MOST_TEXT]
    url, _ = unsmuggle_url(ask)
    key = str(entry.get("ie_key") or "") or _key_of(url)
    if "id" not in kept and key != "Generic":
        kept |= _kept({"id": ydl.get_info_extractor(key).get_temp_id(url)})
    return kept | {"key": key, "url": url, "ask": ask}


def _key_of(url: str) -> str:
    """The extractor that takes an address; Generic takes any."""
    return str(next(kind.ie_key() for kind in gen_extractor_classes() if kind.suitable(url)))


def _kept(info: Info) -> Info:
    """What says something of a post, cut to a size; addresses of files and their keys are left out."""
    kept: Info = {}
    for name in TEXTS:
        value = info.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):  # some give ids as numbers
            kept[name] = str(value)[: MOST_TEXT if name == "description" else MOST_WORDS]
    for name in NUMBERS:
        value = info.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            kept[name] = value
    tags = info.get("tags")
    if isinstance(tags, list):
        kept["tags"] = [tag[:MOST_TAGS] for tag in tags[:MOST_TAGS] if isinstance(tag, str)]
    if info.get("is_live") is True:
        kept["live_status"] = "is_live"
    return kept
