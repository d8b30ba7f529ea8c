"""One download in one killable process: yt-dlp behind the guard, limits that hold, plain values back.

Never raises out of `fetch`: a DownloadError does not pickle, and an outcome says more. Never starts a program, reads
a config, a cookie or a plugin, or lets a name from the network become a path.
"""

import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

import yt_dlp
import yt_dlp.globals
from yt_dlp.extractor.generic import GenericIE
from yt_dlp.utils import DownloadError

from core.records import Rendition
from crawler import egress
from crawler.download_classes import DiskLow, NotMedia, TooLarge, classify
from crawler.download_probe import digest, probe
from crawler.egress_proxy import guard_process
from crawler.outcomes import ErrorClass, Got, Job, Outcome, Refused, best_first, in_order, is_manifest, refused

Info: TypeAlias = dict[str, Any] | None

NAME = "media"  # the one file name; titles, ids and Content-Disposition stay out of the file system
NICE_S = 5  # seconds after max_seconds when the kernel ends a worker whose pool died before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one attempt may take.

    least_height_px     the lowest rendition that the matchers can use
    user_agent          None: yt-dlp's own
    proxy, ca_file      see egress_proxy.guard_process
    """

    max_file_bytes: int
    max_seconds: float
    min_free_bytes: int
    memory_bytes: int
    socket_timeout_s: float
    least_height_px: int
    user_agent: str | None
    proxy: str = ""
    ca_file: str = ""


class GuardedDL(yt_dlp.YoutubeDL):  # type: ignore[misc]  # yt-dlp has no types
    """yt-dlp with one way out: the requests handler, for http(s) URLs that `check_url` lets pass.

    Its other handlers read file:, data: and ftp:, or (curl) open sockets that the guard cannot see.
    """

    def build_request_director(self, handlers: Any, preferences: Any = None) -> Any:  # noqa: ANN401  yt-dlp's own
        """Keep the requests handler only."""
        return super().build_request_director([kind for kind in handlers if kind.RH_KEY == "Requests"], preferences)

    stumbled: Exception | None = None  # what the last request failed with; None when it went well

    def urlopen(self, req: Any) -> Any:  # noqa: ANN401  yt-dlp's own
        """Check every address that yt-dlp asks for: pages, manifests, fragments, keys."""
        egress.check_url(req if isinstance(req, str) else req.url, _allowed)
        try:
            response = super().urlopen(req)
        except Exception as error:
            self.stumbled = error
            raise
        self.stumbled = None
        return response


class _Silent:
    """yt-dlp's logger: what matters comes as an exception."""

    def debug(self, message: str) -> None:
        """Say nothing."""

    info = warning = error = debug


_allowed = egress.Allowed()
_way_out = ""  # the proxy of this process, where the operator has one


def prepare(allowed_hosts: frozenset[str], limits: Limits) -> None:
    """Make this process fit to download: guarded, limited, without plugins. Called once, by the pool."""
    global _allowed, _way_out  # noqa: PLW0603  one process, one rule
    _way_out = guard_process(allowed_hosts, proxy=limits.proxy, ca_file=limits.ca_file, no_children=True)
    _allowed = egress.Allowed.of(allowed_hosts)
    yt_dlp.globals.plugin_dirs.value = []  # by default it runs what lies in the user's config folder
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.max_file_bytes, limits.max_file_bytes))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def fetch(job: Job, attempt: str, limits: Limits) -> Outcome:
    """Download one attachment into the folder `attempt`, hash it and read its header."""
    signal.alarm(int(limits.max_seconds) + NICE_S)
    egress.take_refusals()
    try:
        os.chdir(attempt)
        return _first_that_is_there(job, Path(attempt), limits)
    except Exception as error:  # noqa: BLE001  every failure becomes a classed outcome; the message keeps it
        error_class, message, asked_s = classify(error)
        # What the operator's proxy refuses today it may pass tomorrow; our own rule (its 403, by proxy) stays.
        turned_away = [told for told in egress.take_refusals() if "network.proxy" not in told]
        if turned_away and error_class in {ErrorClass.TEMPORARY, ErrorClass.BROKEN, ErrorClass.RATE_LIMITED}:
            return refused(job, ErrorClass.PRIVATE_ADDRESS, turned_away[0])
        return refused(job, error_class, message, asked_s)
    finally:
        signal.alarm(0)


def _first_that_is_there(job: Job, folder: Path, limits: Limits) -> Outcome:
    """Try the renditions in order; only a missing one lets the next have its turn."""
    if job.page is not None:
        return _got(job, folder, _save(job.page, limits, by_page=True, best=job.best), None)
    if not job.renditions:
        message = f"{job.post} #{job.position} names neither a rendition nor a page"
        return Refused(job=job, error_class=ErrorClass.NOT_MEDIA, message=message, retry_after_s=None)
    choices = best_first(job.renditions) if job.best else in_order(job.renditions, limits.least_height_px)
    for rendition in choices[:-1]:
        try:
            return _got(job, folder, _save(rendition.url, limits, best=job.best), rendition)
        except Exception as error:
            if classify(error)[0] is not ErrorClass.GONE:
                raise
    return _got(job, folder, _save(choices[-1].url, limits, best=job.best), choices[-1])


def _got(job: Job, folder: Path, url: str, rendition: Rendition | None) -> Got:
    path = folder / NAME
    sha256, size_bytes = digest(path)
    container, duration_s, width_px, height_px = probe(path)
    return Got(
        job=job,
        path=path,
        sha256=sha256,
        size_bytes=size_bytes,
        container=container,
        duration_s=duration_s,
        width_px=width_px,
        height_px=height_px,
        url=url,
        rendition=rendition,
    )


def _save(url: str, limits: Limits, *, by_page: bool = False, best: bool = False) -> str:
    """Download `url` as ./media and return the address of the bytes."""
    egress.check_url(url, _allowed)
    for leftover in Path().iterdir():
        leftover.unlink()
    hook = _watch(limits)
    hook({})
    with GuardedDL(options(limits, hook, best=best), auto_init=by_page) as ydl:
        try:
            info = _extract(ydl, url, by_page=by_page)
        except DownloadError as error:
            # The retry loop of yt-dlp's downloaders keeps the words and drops the error with its Retry-After.
            raise error from (ydl.stumbled if "Got error: " in str(error) else error.__cause__)
    if not Path(NAME).is_file():
        raise NotMedia(f"{url} led to no file")
    done = (info or {}).get("requested_downloads") or [{}]
    return str(done[0].get("url") or url)


def _extract(ydl: GuardedDL, url: str, *, by_page: bool) -> Info:
    """Let yt-dlp fetch a page's video, a manifest's stream, or a file."""
    if by_page:
        return cast(Info, ydl.extract_info(url))
    if is_manifest(url):
        ydl.add_info_extractor(GenericIE())
        return cast(Info, ydl.extract_info(url))
    # Straight to the bytes: one request instead of two, none of yt-dlp's 1,754 patterns, and no searching for some
    # other video in whatever page stands where the file was.
    return cast(Info, ydl.process_ie_result({"id": NAME, "title": NAME, "url": url, "ext": "mp4", "extractor": NAME}))


def options(limits: Limits, hook: Callable[[dict[str, Any]], None], *, best: bool = False) -> dict[str, Any]:
    """Every yt-dlp option we set, with nothing left to a default that opens a door."""
    tall, up = f"[height>={limits.least_height_px}]", "" if best else "+"
    chosen: dict[str, Any] = {
        "outtmpl": {"default": NAME},
        "paths": {},
        "restrictfilenames": True,
        "noplaylist": True,
        "playlist_items": "1",
        # One file as the platform serves it: nothing is merged, so the hash is of the bytes as received. Where only
        # separate streams exist the picture is taken and the sound left.
        # Sorted smallest first, so `b` is the smallest that will do, and `w` the tallest of those that are too small.
        "format": "b/bv" if best else f"b{tall}/w[height>0]/b/bv{tall}/wv[height>0]/bv",
        "format_sort": [f"{up}res", f"{up}size", f"{up}br"],
        "format_sort_force": True,
        "check_formats": False,
        "fixup": "never",
        "postprocessors": [],
        "external_downloader": {"default": "native"},
        "hls_prefer_native": True,
        "concurrent_fragment_downloads": 1,
        "skip_unavailable_fragments": False,
        "js_runtimes": {},
        "remote_components": [],
        "enable_file_urls": False,
        "allow_unplayable_formats": False,
        "cookiefile": None,
        "cookiesfrombrowser": None,
        "geo_bypass": False,  # it would lie about where we are, in X-Forwarded-For
        "usenetrc": False,
        "netrc_cmd": None,
        "cachedir": False,
        "continuedl": False,
        "overwrites": True,
        "updatetime": False,
        "writethumbnail": False,
        "writesubtitles": False,
        "writeinfojson": False,
        "writelink": False,
        "socket_timeout": limits.socket_timeout_s,
        # Our own backoff decides; a worker that sleeps inside yt-dlp is a worker lost.
        "retries": 0,
        "fragment_retries": 1,
        "extractor_retries": 1,
        "file_access_retries": 0,
        "proxy": _way_out,  # "": straight out, whatever the environment says
        "ignoreerrors": False,
        "nocheckcertificate": False,
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "color": {"stdout": "never", "stderr": "never"},
        "logger": _Silent(),
        "progress_hooks": [hook],
    }
    if limits.ca_file:
        chosen["compat_opts"] = {"no-certifi"}  # its list would stand in the place of the operator's
    if limits.user_agent is not None:
        chosen["http_headers"] = {"User-Agent": limits.user_agent}
    return chosen


def _watch(limits: Limits) -> Callable[[dict[str, Any]], None]:
    """Make the hook that yt-dlp calls after each block: it raises once a limit is passed.

    max_filesize is not used: yt-dlp ignores it without a Content-Length and for every HLS stream, and where it does
    hold it returns as if all were well.
    """

    def hook(progress: dict[str, Any]) -> None:
        total = progress.get("total_bytes") or 0
        taken = progress.get("downloaded_bytes") or 0
        if max(total, taken) > limits.max_file_bytes:
            raise TooLarge(f"{max(total, taken)} bytes is more than the {limits.max_file_bytes} allowed a file")
        room = os.statvfs(".")
        free_bytes = room.f_bavail * room.f_frsize
        if free_bytes < limits.min_free_bytes:
            raise DiskLow(f"{free_bytes} bytes are free, {limits.min_free_bytes} must stay free; make room")

    return hook
