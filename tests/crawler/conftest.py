"""A site with one good clip, and settings that allow downloads from it alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.download import DownloadSettings
from tests.crawler.media_site import CAP, Site, answer, make_clip


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
