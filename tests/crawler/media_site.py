"""A site that serves clips, and everything a hostile server does instead, on loopback."""

import http.server
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import av
import numpy as np
import psutil

from core.records import Rendition
from crawler.download import Job, Outcome, Refused

Handler: TypeAlias = http.server.BaseHTTPRequestHandler
Route: TypeAlias = Callable[[Handler], None]
CAP = 300_000  # bytes a file may have in these tests


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


def job(url: str, *more: str, attempts: int = 0) -> Job:
    """A job for one or more renditions, each taller than the last."""
    tall = [Rendition(url=one, height_px=240 + 100 * index) for index, one in enumerate((url, *more))]
    return Job(post=url, position=0, renditions=tuple(tall), attempts=attempts)


def classes(outcomes: list[Outcome]) -> dict[str, str]:
    """Each job's path and the class of its outcome."""
    return {
        outcome.job.post.rpartition("/")[2]: outcome.error_class.value if isinstance(outcome, Refused) else "got"
        for outcome in outcomes
    }
