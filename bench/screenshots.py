"""The pictures of README and docs, taken from a home that the demo made: ./run bench screenshots HOME.

`./run demo --once --home X` makes one under X/demo/home. Nobody is asked to sign in; the desk is served on loopback.
"""

import argparse
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import Request
from playwright.sync_api import sync_playwright

from app.browser import find_browser
from app.desk import Pictures, lend
from app.home import open_home
from review.desk import create
from review.rights import ROLES, Person

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {"desk": "/review?basis=copy"}
SIZE = (1280, 900)


def main(arguments: Sequence[str] | None = None) -> None:
    """Take them anew, as JPEG files in docs/."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path, help="the home of a finished demo")
    asked = parser.parse_args(arguments)
    with served(asked.home) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        for name, path in PAGES.items():
            page.goto(address + path)
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(3000)  # pictures are made when they are first asked for
            page.screenshot(path=DOCS / f"{name}.jpg", type="jpeg", quality=82)
            print(f"wrote docs/{name}.jpg")
        browser.close()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The desk of a home, on a port of its own, where everybody is a reviewer."""

    async def who(_: Request) -> Person:
        return Person(name="ada", role="counsel", rights=ROLES["counsel"], csrf="-")

    with open_home(folder) as home:
        pictures = Pictures(home)
        desk = lend(home, pictures, screen=lambda _: {}, add=lambda **_: None)
        server = uvicorn.Server(uvicorn.Config(create(desk, who), port=0, log_level="warning"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
            pictures.close()


if __name__ == "__main__":
    main()
