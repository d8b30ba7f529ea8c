"""Downloads by real yt-dlp in real processes from real, and hostile, HTTP servers on loopback."""

import gzip
import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from crawler.download import DownloadSettings, ErrorClass, Got, Job, Refused, download
from tests.crawler.media_site import (
    CAP,
    Handler,
    Site,
    answer,
    classes,
    drip,
    endless,
    endless_page,
    job,
    murder,
    shorter,
)


def changed(settings: DownloadSettings, **values: Any) -> DownloadSettings:
    """The same settings but for these."""
    names = DownloadSettings.__dataclass_fields__
    return DownloadSettings(**{name: values.get(name, getattr(settings, name)) for name in names})


def workers() -> list[psutil.Process]:
    """The download processes: the forkserver's children, whichever test started it."""
    servers = [
        child for child in psutil.Process().children() if "multiprocessing.forkserver" in " ".join(child.cmdline())
    ]
    return [worker for server in servers for worker in server.children()]


def test_clip_arrives_byte_for_byte(site: Site, settings: DownloadSettings, clip: bytes) -> None:
    """The bytes as received, their hash, and what the header says; the file is there until the next outcome."""
    (got,) = [
        (outcome.path.read_bytes(), outcome)
        for outcome in download([job(site.url("/ok.mp4"))], settings=settings)
        if isinstance(outcome, Got)
    ]
    seen = got[1]

    assert (got[0], seen.sha256, seen.size_bytes, seen.container, seen.duration_s, seen.width_px, seen.height_px) == (
        (clip, hashlib.sha256(clip).hexdigest(), len(clip), "mov", 2.0, 320, 240)
    )


def test_direct_file_is_asked_for_once(site: Site, settings: DownloadSettings) -> None:
    """A file's address needs no extractor and no second request: half the load on the platform."""
    list(download([job(site.url("/ok.mp4"))], settings=settings))

    assert site.asked == ["/ok.mp4"]


def test_attempts_folder_is_empty_afterwards(site: Site, settings: DownloadSettings) -> None:
    """Nothing of a finished attempt stays, whatever came of it."""
    list(download([job(site.url("/ok.mp4")), job(site.url("/missing.mp4"))], settings=settings))

    assert list(settings.attempts.iterdir()) == []


def test_closing_early_kills_and_cleans(site: Site, settings: DownloadSettings) -> None:
    """Ctrl-C or a closed iterator leaves no worker and no folder."""
    site.routes["/drip.mp4"] = drip
    outcomes = download([job(site.url(path)) for path in ["/ok.mp4", *["/drip.mp4"] * 8]], settings=settings)
    next(outcomes)
    assert len(workers()) == settings.workers
    outcomes.close()  # type: ignore[attr-defined]  # it is a generator

    assert (list(settings.attempts.iterdir()), workers()) == ([], [])


def test_endless_iterator_is_not_read_ahead(site: Site, settings: DownloadSettings) -> None:
    """Jobs are taken as hands come free: at most two a worker are out."""
    taken: list[int] = []

    def jobs() -> Iterator[Job]:
        for number in range(1_000_000):
            taken.append(number)
            yield job(site.url("/ok.mp4"))

    outcomes = download(jobs(), settings=settings)
    for _ in range(5):
        next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]  # it is a generator

    assert len(taken) <= 5 + 2 * settings.workers


def test_drip_is_killed_in_time_and_the_pool_goes_on(site: Site, settings: DownloadSettings) -> None:
    """A byte each 50 ms keeps every socket timeout happy; only the clock ends it, and the others are not held up."""
    site.routes["/drip.mp4"] = drip
    jobs = [job(site.url(path)) for path in ("/drip.mp4", "/drip.mp4?2", "/drip.mp4?3", "/ok.mp4", "/ok.mp4?2")]
    started = time.monotonic()
    outcomes = list(download(jobs, settings=changed(settings, max_seconds=1.0)))
    spent_s = time.monotonic() - started
    expected = {"drip.mp4": "too-slow", "drip.mp4?2": "too-slow", "drip.mp4?3": "too-slow"}

    assert (classes(outcomes), spent_s < 8) == (expected | {"ok.mp4": "got", "ok.mp4?2": "got"}, True)


def test_endless_body_stops_at_the_cap(site: Site, settings: DownloadSettings) -> None:
    """Without a Content-Length the cap still holds, on the disk too."""
    site.routes["/endless.mp4"] = endless
    written = [
        (sum(file.stat().st_size for file in settings.attempts.rglob("*") if file.is_file()), outcome)
        for outcome in download([job(site.url("/endless.mp4"))], settings=settings)
    ]

    assert (classes([written[0][1]]), 0 < written[0][0] <= CAP) == ({"endless.mp4": "too-large"}, True)


def test_sizes_that_lie_are_told_apart(site: Site, settings: DownloadSettings) -> None:
    """Too much announced is against our rule; less sent than announced, or nothing, is the network's fault."""
    site.routes["/announced.mp4"] = answer(body=b"\0" * (CAP + 1))
    site.routes["/shorter.mp4"] = shorter
    site.routes["/empty.mp4"] = answer()
    outcomes = list(download([job(site.url(path)) for path in site.routes if path != "/ok.mp4"], settings=settings))

    assert classes(outcomes) == {
        "announced.mp4": "too-large",
        "shorter.mp4": "temporary",
        "empty.mp4": "temporary",
    }


def test_full_disk_is_refused_before_a_byte(site: Site, settings: DownloadSettings) -> None:
    """What must stay free stays free, and the platform is not even asked."""
    (outcome,) = download([job(site.url("/ok.mp4"))], settings=changed(settings, min_free_bytes=2**60))

    assert (classes([outcome]), site.asked) == ({"ok.mp4": "disk"}, [])


def test_private_addresses_are_refused_on_every_road(site: Site, settings: DownloadSettings) -> None:
    """Named outright, by a name that points inside, or by a redirect: our rule, said as such, never retried."""
    port = site.host.partition(":")[2]
    site.routes["/to-metadata"] = answer(302, Location="http://169.254.169.254/latest/meta-data")
    site.routes["/to-other-port"] = answer(302, Location="http://127.0.0.1:1/x.mp4")
    site.routes["/to-name"] = answer(302, Location=f"http://localhost:{port}/ok.mp4")
    urls = [site.url("/to-metadata"), site.url("/to-other-port"), site.url("/to-name")]
    urls += ["http://127.0.0.1:1/direct", f"http://localhost:{port}/name", "http://[::ffff:127.0.0.1]/mapped"]
    outcomes = list(download([job(url) for url in urls], settings=settings))
    retries = {outcome.retry_after_s for outcome in outcomes if isinstance(outcome, Refused)}

    assert (set(classes(outcomes).values()), retries, len(outcomes)) == ({"private-address"}, {None}, 6)


def test_other_schemes_are_refused_on_every_road(site: Site, settings: DownloadSettings, tmp_path: Path) -> None:
    """file:, ftp: and data:, asked for or redirected to, read nothing."""
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"secret")
    site.routes["/to-file"] = answer(302, Location=f"file://{secret}")
    site.routes["/to-ftp"] = answer(302, Location="ftp://93.184.216.34/a.mp4")
    urls = [site.url("/to-file"), site.url("/to-ftp"), f"file://{secret}", "ftp://93.184.216.34/a", "data:video/mp4,x"]
    outcomes = list(download([job(url) for url in urls], settings=settings))

    assert (set(classes(outcomes).values()), len(outcomes)) == ({"scheme"}, 5)


STATUSES = {
    401: "login",
    403: "rate-limited",
    404: "gone",
    410: "gone",
    412: "rate-limited",
    416: "broken",
    429: "rate-limited",
    451: "geo-blocked",
    500: "temporary",
    503: "temporary",
}


def test_statuses_have_their_classes(site: Site, settings: DownloadSettings) -> None:
    """A blocked or failing server never reads as a clip that is gone."""
    for status in STATUSES:
        site.routes[f"/{status}"] = answer(status)
    outcomes = list(download([job(site.url(f"/{status}")) for status in STATUSES], settings=settings))

    assert classes(outcomes) == {str(status): name for status, name in STATUSES.items()}


def test_refused_connection_is_temporary(site: Site, settings: DownloadSettings) -> None:
    """A server that is down may come back."""
    (outcome,) = download(
        [job("http://127.0.0.1:1/x")], settings=changed(settings, allowed_hosts=frozenset({"127.0.0.1:1"}))
    )

    assert isinstance(outcome, Refused)
    assert (outcome.error_class, outcome.retry_after_s, outcome.message[:9]) == (
        ErrorClass.TEMPORARY,
        60.0,
        "HTTPConne",
    )


def test_retry_after_is_kept(site: Site, settings: DownloadSettings) -> None:
    """What the server asks for, in seconds or as a date, takes the place of our own guess."""
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=1000), usegmt=True)
    site.routes["/seconds"] = answer(429, Retry_After="77")
    site.routes["/date"] = answer(503, Retry_After=at)
    site.routes["/none"] = answer(429)
    jobs = [job(site.url(path), attempts=2) for path in ("/seconds", "/date", "/none")]
    outcomes = [outcome for outcome in download(jobs, settings=settings) if isinstance(outcome, Refused)]
    asked = {outcome.job.post.rpartition("/")[2]: outcome.retry_after_s or 0.0 for outcome in outcomes}

    assert asked == {"seconds": 77.0, "date": pytest.approx(1000, abs=10), "none": 1200.0}


def test_page_in_place_of_a_clip_is_not_media(site: Site, settings: DownloadSettings) -> None:
    """A login page with 200 is no clip, and the video embedded in it is not the post's."""
    page = f'<!doctype html><title>Log in</title><video src="{site.url("/ok.mp4")}"></video>'.encode()
    site.routes["/login.mp4"] = answer(body=page, Content_Type="text/html")
    site.routes["/message.mp4"] = answer(body=b'{"error": "come back later"}', Content_Type="video/mp4")
    outcomes = list(download([job(site.url("/login.mp4")), job(site.url("/message.mp4"))], settings=settings))

    assert (classes(outcomes), "/ok.mp4" in site.asked) == (
        {"login.mp4": "not-media", "message.mp4": "not-media"},
        False,
    )


def test_bytes_that_no_demuxer_takes_are_kept(site: Site, settings: DownloadSettings) -> None:
    """Undecodable is for the matchers to say; the download has the bytes and no sizes."""
    site.routes["/odd.mp4"] = answer(body=bytes(range(256)) * 40)
    (outcome,) = download([job(site.url("/odd.mp4"))], settings=settings)

    assert isinstance(outcome, Got)
    assert (outcome.container, outcome.duration_s, outcome.width_px, outcome.size_bytes) == (
        "unknown",
        None,
        None,
        10240,
    )


def test_playlist_of_local_files_is_not_opened(site: Site, settings: DownloadSettings) -> None:
    """A renamed concat script or playlist makes no demuxer read its neighbours."""
    site.routes["/concat.mp4"] = answer(body=b"ffconcat version 1.0\nfile /etc/passwd\n")
    (outcome,) = download([job(site.url("/concat.mp4"))], settings=settings)

    assert classes([outcome]) == {"concat.mp4": "not-media"}


def test_missing_rendition_lets_the_next_have_its_turn(site: Site, settings: DownloadSettings) -> None:
    """Only "not there" goes on to the next; a block does not invite more requests."""
    site.routes["/blocked.mp4"] = answer(429)
    jobs = [job(site.url("/small.mp4"), site.url("/ok.mp4")), job(site.url("/blocked.mp4"), site.url("/ok.mp4"))]
    outcomes = list(download(jobs, settings=settings))
    got = [outcome.url for outcome in outcomes if isinstance(outcome, Got)]

    assert (classes(outcomes), got, site.asked.count("/ok.mp4")) == (
        {"small.mp4": "got", "blocked.mp4": "rate-limited"},
        [site.url("/ok.mp4")],
        1,
    )


def test_killed_worker_is_an_outcome_and_the_pool_goes_on(site: Site, settings: DownloadSettings) -> None:
    """The kernel's kill costs one job one attempt, and nobody else anything."""
    site.routes["/murder.mp4"] = murder
    urls = ["/ok.mp4", "/murder.mp4", "/ok.mp4?2", "/murder.mp4?2", "/ok.mp4?3", "/ok.mp4?4"]
    outcomes = list(download([job(site.url(url)) for url in urls], settings=settings))
    expected = {url[1:]: "temporary" if "murder" in url else "got" for url in urls}

    assert classes(outcomes) == expected


def test_killed_idle_workers_are_replaced(site: Site, settings: DownloadSettings) -> None:
    """pebble gives its whole pool up when an idle worker is killed; the jobs then in hand run again in a new one."""
    outcomes = download([job(site.url(f"/ok.mp4?{number}")) for number in range(12)], settings=settings)
    seen = [next(outcomes)]
    time.sleep(0.5)  # what is in hand is done by now: the workers are idle
    for worker in workers():
        worker.kill()
    seen += list(outcomes)

    assert (len(seen), set(classes(seen).values())) == (12, {"got"})


def test_workers_that_cannot_start_are_an_error(site: Site, settings: DownloadSettings) -> None:
    """A limit that the system does not take is said aloud, not tried for ever."""
    with pytest.raises(RuntimeError, match="died without one outcome"):
        list(download([job(site.url("/ok.mp4"))], settings=changed(settings, memory_bytes=2**70)))


def test_job_with_nothing_to_fetch_is_not_media(site: Site, settings: DownloadSettings) -> None:
    """An attachment without an address is told once, and never tried again."""
    (outcome,) = download([Job(post="p", position=0)], settings=settings)

    assert isinstance(outcome, Refused)
    assert (outcome.error_class, outcome.retry_after_s) == (ErrorClass.NOT_MEDIA, None)


ORPHAN = """
import sys
from pathlib import Path
from core.records import Rendition
from crawler.download import DownloadSettings, Job, download
if __name__ == "__main__":
    settings = DownloadSettings(attempts=Path(sys.argv[2]), allowed_hosts=frozenset({sys.argv[1]}), min_free_bytes=1,
                                workers=1, max_seconds=1.0)
    one = Job(post="p", position=0, renditions=(Rendition(url=f"http://{sys.argv[1]}/drip.mp4"),))
    list(download([one], settings=settings))
"""


def test_worker_outlives_its_killed_parent_by_seconds(site: Site, settings: DownloadSettings, tmp_path: Path) -> None:
    """With the pool gone nobody kills a dripping worker but its own alarm."""
    pids: list[int] = []

    def route(handler: Handler) -> None:
        ends = [
            end for end in psutil.net_connections("tcp") if end.laddr and end.laddr.port == handler.client_address[1]
        ]
        pids.extend(end.pid for end in ends if end.pid)
        parent.kill()
        drip(handler)

    site.routes["/drip.mp4"] = route
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)
    parent = subprocess.Popen([sys.executable, str(script), site.host, str(settings.attempts)], env={"PYTHONPATH": "."})
    parent.wait(20)
    worker = psutil.Process(pids[0])

    assert worker.wait(12) is None  # raises TimeoutExpired when it lives on


def test_compressed_bomb_is_counted_unpacked(site: Site, settings: DownloadSettings) -> None:
    """A few kilobytes that unpack to more than the cap are too large."""
    site.routes["/bomb.mp4"] = answer(body=gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip")
    (outcome,) = download([job(site.url("/bomb.mp4"))], settings=settings)

    assert classes([outcome]) == {"bomb.mp4": "too-large"}


def test_endless_page_stops_at_the_memory_limit(site: Site, settings: DownloadSettings) -> None:
    """A page is read into memory, where no file size holds: the process's own limit does."""
    site.routes["/page"] = endless_page
    narrow = changed(settings, memory_bytes=700 * 1024**2, max_seconds=20.0)
    (outcome,) = download([Job(post="/page", position=0, page=site.url("/page"))], settings=narrow)

    assert classes([outcome]) == {"page": "too-large"}


def test_name_from_the_network_is_no_path(site: Site, settings: DownloadSettings, clip: bytes) -> None:
    """Titles, paths and Content-Disposition never reach the file system."""
    site.routes["/..%2f..%2fescape.mp4"] = answer(
        body=clip, Content_Type="video/mp4", Content_Disposition='attachment; filename="../../../escape.sh"'
    )
    names = [
        sorted(str(path.relative_to(settings.attempts).name) for path in settings.attempts.rglob("*") if path.is_file())
        for _ in download([job(site.url("/..%2f..%2fescape.mp4"))], settings=settings)
    ]

    assert names == [["media"]]
