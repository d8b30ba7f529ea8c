"""Downloads by real yt-dlp in real processes from real, and hostile, HTTP servers on loopback."""

import gzip
import hashlib
import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
import psutil
import pytest

from core.records import Rendition
from crawler.download import DownloadSettings, ErrorClass, Got, Job, Outcome, Refused, download, sweep
from crawler.download_worker import Limits, options
from crawler.outcomes import in_order, refused, retry_after

Handler: TypeAlias = http.server.BaseHTTPRequestHandler
Route: TypeAlias = Callable[[Handler], None]
CAP = 300_000


def make_clip(path: Path, **options_: str) -> None:
    """Draw two seconds of 320x240 noise at 12 frames a second."""
    random = np.random.default_rng(7)
    with av.open(str(path), "w", options=options_) as container:
        stream = container.add_stream("libx264", rate=12, options={"g": "4", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for _ in range(24):
            pixels = random.integers(0, 255, (15, 20, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        container.mux(stream.encode())


def answer(status: int = 200, body: bytes = b"", **headers: str) -> Route:
    """A route that always says the same; header names are written with _ for -."""

    def route(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return route


def drip(handler: Handler) -> None:
    """One byte each 50 ms, for ever: every recv is in time."""
    handler.send_response(200)
    handler.send_header("Content-Type", "video/mp4")
    handler.end_headers()
    while True:
        handler.wfile.write(b"\0")
        handler.wfile.flush()
        time.sleep(0.05)


def endless(handler: Handler) -> None:
    """Bytes without end and without a Content-Length."""
    handler.send_response(200)
    handler.send_header("Content-Type", "video/mp4")
    handler.end_headers()
    while True:
        handler.wfile.write(b"\0" * 65536)


def endless_page(handler: Handler) -> None:
    """A page without end."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.end_headers()
    handler.wfile.write(b"<!doctype html><html><body>")
    while True:
        handler.wfile.write(b"<p>more</p>" * 8192)


def shorter(handler: Handler) -> None:
    """Promises 100,000 bytes and sends 1,000."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b"\0" * 1000)


def murder(handler: Handler) -> None:
    """Find the process at the other end and kill it, mid-download."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"\0" * 1000)
    handler.wfile.flush()
    peer = handler.client_address[1]
    ends = [end for end in psutil.net_connections("tcp") if end.laddr and end.laddr.port == peer]
    os.kill(next(end.pid for end in ends if end.pid), signal.SIGKILL)


class Site:
    """A loopback server whose routes are functions; it remembers what was asked."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.asked: list[str] = []
        site = self

        class Page(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"  # the end of the connection ends a body without Content-Length

            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                site.asked.append(self.path)
                try:
                    site.routes.get(self.path.partition("?")[0], answer(404))(self)
                except OSError:
                    self.close_connection = True

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, path: str) -> str:
        """The address of a path here."""
        return f"http://{self.host}{path}"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real mp4."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    make_clip(path)
    return path.read_bytes()


@pytest.fixture
def site(clip: bytes) -> Iterator[Site]:
    """A site with one good clip at /ok.mp4."""
    site = Site()
    site.routes["/ok.mp4"] = answer(body=clip, Content_Type="video/mp4")
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.fixture
def settings(site: Site, tmp_path: Path) -> DownloadSettings:
    """Small limits; the site is the only allowed host."""
    return DownloadSettings(
        attempts=tmp_path / "attempts",
        allowed_hosts=frozenset({site.host}),
        max_file_bytes=CAP,
        max_seconds=4.0,
        min_free_bytes=1,
        socket_timeout_s=3.0,
    )


def job(url: str, *more: str, attempts: int = 0) -> Job:
    """A job for one or more renditions, each taller than the last."""
    tall = [Rendition(url=one, height_px=240 + 100 * index) for index, one in enumerate((url, *more))]
    return Job(post=url, position=0, renditions=tuple(tall), attempts=attempts)


def changed(settings: DownloadSettings, **values: Any) -> DownloadSettings:
    """The same settings but for these."""
    names = DownloadSettings.__dataclass_fields__
    return DownloadSettings(**{name: values.get(name, getattr(settings, name)) for name in names})


def classes(outcomes: list[Outcome]) -> dict[str, str]:
    """Each job's path and the class of its outcome."""
    return {
        outcome.job.post.rpartition("/")[2]: outcome.error_class.value if isinstance(outcome, Refused) else "got"
        for outcome in outcomes
    }


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


@pytest.fixture
def hls(site: Site, tmp_path: Path) -> Site:
    """The site with a real HLS stream under /hls/, cut by the muxer."""
    folder = tmp_path / "hls"
    folder.mkdir()
    make_clip(folder / "list.m3u8", hls_time="0.6", hls_list_size="0")
    for file in folder.iterdir():
        site.routes[f"/hls/{file.name}"] = answer(body=file.read_bytes())
    return site


def test_hls_is_joined_without_ffmpeg(hls: Site, settings: DownloadSettings) -> None:
    """yt-dlp fetches the fragments itself; the file is their bytes, one after the other."""
    (outcome,) = download([job(hls.url("/hls/list.m3u8"))], settings=settings)
    fragments = sum("/hls/list" in path and path.endswith(".ts") for path in hls.asked)

    assert isinstance(outcome, Got)
    assert (outcome.container, outcome.width_px, fragments >= 3) == ("mpegts", 320, True)


def test_hls_fragments_are_counted_together(hls: Site, settings: DownloadSettings) -> None:
    """Many small fragments are one large file."""
    body = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n" + b"#EXTINF:1,\n/hls/big.ts\n" * 100 + b"#EXT-X-ENDLIST\n"
    hls.routes["/many.m3u8"] = answer(body=body)
    hls.routes["/hls/big.ts"] = answer(body=b"\0" * 20_000)
    (outcome,) = download([job(hls.url("/many.m3u8"))], settings=settings)

    assert (classes([outcome]), hls.asked.count("/hls/big.ts") <= 1 + CAP // 20_000) == (
        {"many.m3u8": "too-large"},
        True,
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("http://127.0.0.1:1/a.ts", "private-address"),
        ("http://169.254.169.254/a.ts", "private-address"),
        ("file:///etc/passwd", "scheme"),
        ('#EXT-X-KEY:METHOD=AES-128,URI="file:///etc/passwd"\n/hls/list0.ts', "scheme"),
        ('#EXT-X-MAP:URI="http://127.0.0.1:1/init.mp4"\n/hls/list0.ts', "private-address"),
    ],
)
def test_hls_that_points_inside_is_refused(hls: Site, settings: DownloadSettings, line: str, expected: str) -> None:
    """Fragments, keys and headers named by a manifest meet the same rule as the manifest."""
    body = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{line}\n#EXT-X-ENDLIST\n".encode()
    hls.routes["/evil.m3u8"] = answer(body=body)
    (outcome,) = download([job(hls.url("/evil.m3u8"))], settings=settings)

    assert classes([outcome]) == {"evil.m3u8": expected}


def test_hls_variant_is_the_lowest_that_will_do(hls: Site, settings: DownloadSettings) -> None:
    """Of a master playlist's variants the smallest that is tall enough is fetched; the best is asked its length."""
    variants = "".join(
        f"#EXT-X-STREAM-INF:BANDWIDTH={height}000,RESOLUTION=100x{height}\n/hls/list.m3u8?{height}\n"
        for height in (720, 360, 144)
    )
    hls.routes["/master.m3u8"] = answer(body=f"#EXTM3U\n{variants}".encode())
    (outcome,) = download([job(hls.url("/master.m3u8"))], settings=settings)
    fetched = [path for path in hls.asked if path.startswith("/hls/list.m3u8")]

    assert (classes([outcome]), fetched[-1]) == ({"master.m3u8": "got"}, "/hls/list.m3u8?360")


def test_page_is_read_by_yt_dlp(hls: Site, settings: DownloadSettings) -> None:
    """Where a post names only its page, yt-dlp's extractors find the file and take the lowest that will do."""
    sources = "".join(
        f'<source src="{hls.url("/ok.mp4")}?{height}" type="video/mp4" label="{height}p" height="{height}">'
        for height in (720, 360, 144)
    )
    hls.routes["/watch/1"] = answer(
        body=f"<html><title>../../x</title><video>{sources}</video></html>".encode(), Content_Type="text/html"
    )
    page = hls.url("/watch/1")
    one = Job(post="p", position=0, renditions=(Rendition(url=page),), page=page)
    (outcome,) = download([one], settings=settings)

    assert isinstance(outcome, Got)
    assert (outcome.url.partition("?")[0], outcome.height_px) == (hls.url("/ok.mp4"), 240)


def test_page_without_a_video_is_not_media(site: Site, settings: DownloadSettings) -> None:
    """A page that shows nothing to fetch says so."""
    site.routes["/watch/2"] = answer(body=b"<html><p>words</p></html>", Content_Type="text/html")
    (outcome,) = download([Job(post="watch/2", position=0, page=site.url("/watch/2"))], settings=settings)

    assert classes([outcome]) == {"2": "not-media"}


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
