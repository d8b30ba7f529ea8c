"""Playlists and pages in place of files: real yt-dlp, and manifests that point where they must not."""

from pathlib import Path

import pytest

from core.records import Rendition
from crawler.download import DownloadSettings, Got, Job, download
from tests.crawler.media_site import CAP, Site, answer, classes, job, make_clip


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
