"""What becomes of a download that ended: which rendition is next, when it is tried again, what is swept away."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.records import Rendition
from crawler.download import ErrorClass, sweep
from crawler.download_worker import Limits, options
from crawler.outcomes import in_order, refused, retry_after
from tests.crawler.media_site import job


def test_sweep_removes_dead_attempts_and_follows_no_link(tmp_path: Path) -> None:
    """What a dead process left goes; what its links point to, and what is not ours, stays."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    attempts = tmp_path / "attempts"
    (attempts / "attempt-1").mkdir(parents=True)
    (attempts / "attempt-1" / "link").symlink_to(kept)
    (attempts / "attempt-2").symlink_to(kept)
    (attempts / "other").mkdir()
    removed = sweep(attempts)

    assert (removed, [path.name for path in attempts.iterdir()], (kept / "file").read_text()) == (2, ["other"], "x")


def test_renditions_stand_lowest_sufficient_first() -> None:
    """240 before 720 before 144 before unknown: enough to match, as little as possible to fetch."""
    heights = [None, 720, 144, 240, 100]
    renditions = tuple(Rendition(url=str(height), height_px=height) for height in heights)

    assert [rendition.height_px for rendition in in_order(renditions, 240)] == [240, 720, 144, 100, None]


def test_backoff_doubles_and_ends() -> None:
    """Each attempt waits twice as long, and the sixth is the last."""
    waits = [refused(job("p", attempts=attempts), ErrorClass.TEMPORARY, "x").retry_after_s for attempts in range(7)]

    assert waits == [60, 120, 240, 480, 960, None, None]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("²", None),
        ("Fri, 20 Nov 2026 12:01:00 GMT", 60.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0),
        ("9" * 400, 999_999_999.0),
    ],
)
def test_retry_after_is_read_or_absent(value: str | None, expected: float | None) -> None:
    """Seconds, a date, or nothing; rubbish is nothing."""
    assert retry_after(value, datetime(2026, 11, 20, 12, tzinfo=UTC)) == expected


def test_yt_dlp_options_are_these() -> None:
    """A snapshot: whoever opens a door has to say so here."""
    limits = Limits(
        max_file_bytes=1,
        max_seconds=1,
        min_free_bytes=1,
        memory_bytes=1,
        socket_timeout_s=20,
        least_height_px=240,
        user_agent="clipwarden",
    )
    chosen = options(limits, lambda _: None)
    del chosen["logger"], chosen["progress_hooks"]

    assert chosen == {
        "allow_unplayable_formats": False,
        "cachedir": False,
        "check_formats": False,
        "color": {"stdout": "never", "stderr": "never"},
        "concurrent_fragment_downloads": 1,
        "continuedl": False,
        "cookiefile": None,
        "cookiesfrombrowser": None,
        "enable_file_urls": False,
        "external_downloader": {"default": "native"},
        "extractor_retries": 1,
        "file_access_retries": 0,
        "fixup": "never",
        "format": "b[height>=240]/w[height>0]/b/bv[height>=240]/wv[height>0]/bv",
        "format_sort": ["+res", "+size", "+br"],
        "format_sort_force": True,
        "fragment_retries": 1,
        "geo_bypass": False,
        "hls_prefer_native": True,
        "http_headers": {"User-Agent": "clipwarden"},
        "ignoreerrors": False,
        "js_runtimes": {},
        "netrc_cmd": None,
        "no_warnings": True,
        "nocheckcertificate": False,
        "noplaylist": True,
        "noprogress": True,
        "outtmpl": {"default": "media"},
        "overwrites": True,
        "paths": {},
        "playlist_items": "1",
        "postprocessors": [],
        "proxy": "",
        "quiet": True,
        "remote_components": [],
        "restrictfilenames": True,
        "retries": 0,
        "skip_unavailable_fragments": False,
        "socket_timeout": 20,
        "updatetime": False,
        "usenetrc": False,
        "writeinfojson": False,
        "writelink": False,
        "writesubtitles": False,
        "writethumbnail": False,
    }
