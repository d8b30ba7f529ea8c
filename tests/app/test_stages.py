"""Download, fingerprint, match and find on real files: one bad clip never stops the others."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app import finding, matching, refs, stages
from app.demo.platform import LoopbackPlatform, serve
from app.demo.posts import plant
from app.home import Home, open_home
from app.progress import track
from core.findings import HIT_SCORE
from core.records import Attachment, Bank, Post, Rendition
from store import queries
from tests.builders import NOW, brand, post, watch


@pytest.fixture
def site(demo_folder: Path) -> Iterator[LoopbackPlatform]:
    """The demo's platform, with its real media."""
    with serve(plant(NOW), demo_folder / "media") as running:
        yield running


@pytest.fixture
def home(site: LoopbackPlatform, tmp_path: Path, demo_folder: Path) -> Iterator[Home]:
    """A home with one official trailer, and nothing seen yet."""
    with made(tmp_path, site) as opened:
        reference(opened, demo_folder / "references")
        yield opened


@contextmanager
def made(folder: Path, site: LoopbackPlatform) -> Iterator[Home]:
    """A home that may fetch from the loopback platform."""
    text = f'allowed_hosts = ["{urlsplit(site.base_url).netloc}"]\n'
    (folder / "clipwarden.toml").write_text(text, encoding="utf-8")
    with open_home(folder, alone=True) as opened:
        opened.ledger.sync(brand())
        stages.register(opened.ledger)
        yield opened


def reference(home: Home, folder: Path, bank: Bank = Bank.POSITIVE) -> None:
    """Add the horror trailer to a bank, and fingerprint it."""
    path = next(folder.rglob("trailer-choir.mp4"))
    with track("references") as progress:
        place = {"brand": "brand", "franchise": "Lanterns of Avelore", "element": None}
        refs.add(home, **place, bank=bank, paths=[path], progress=progress)
    stages.fingerprint_files(home)


def seen(home: Home, site: LoopbackPlatform, *files: str) -> list[Post]:
    """Posts, one a file, as a crawl would have left them."""
    posts = [carrying(number, f"{site.base_url}/media/{file}") for number, file in enumerate(files, 1)]
    home.ledger.save_posts(watch().id, [(one, "f" * 64) for one in posts], seen_at=NOW)
    return posts


def carrying(number: int, *urls: str) -> Post:
    """A post with one attachment for each address."""
    attachments = tuple(
        Attachment(position=position, kind="video", renditions=(Rendition(url=url),))
        for position, url in enumerate(urls)
    )
    host = urls[0].rsplit("/", 2)[0]
    return post(number, attachments=attachments, url=f"{host}/@a/{number}")


def on_to_find(home: Home) -> None:
    """All stages after the crawl."""
    stages.fetch(home)
    stages.fingerprint_files(home)
    matching.match_files(home)
    finding.find(home)


def failures(home: Home) -> dict[str, str]:
    """Subject -> error class."""
    return {row["subject"]: row["error"] for row in queries.failures(home.ledger)}


def findings(home: Home) -> dict[str, float]:
    """Post -> score."""
    return {row["post"]: row["score"] for row in home.ledger.rows("SELECT post, score FROM findings")}


def test_copy_goes_all_the_way_and_the_unrelated_does_not(home: Home, site: LoopbackPlatform) -> None:
    """A bordered copy becomes a finding; a stranger's dunes do not."""
    copy, _ = seen(home, site, "choir-border.mp4", "dunes.mp4")
    on_to_find(home)

    assert [post for post, score in findings(home).items() if score >= HIT_SCORE] == [copy.id]


def test_gone_clip_is_a_final_failure_and_the_rest_goes_on(home: Home, site: LoopbackPlatform) -> None:
    """A 404 is said and never tried again."""
    gone, there = seen(home, site, "never-was.mp4", "dunes.mp4")
    stages.fetch(home)

    assert failures(home) == {gone.id: "gone"}
    assert [row["post"] for row in home.ledger.rows("SELECT post FROM media")] == [there.id]
    assert home.ledger.pending("download", now=stages.now()) == []


def test_file_that_does_not_decode_is_a_failure_row(home: Home, site: LoopbackPlatform) -> None:
    """Bytes that call themselves a clip cost one failure; the next file is fingerprinted."""
    site.fault(
        "/media/birches.mp4",
        body=b"\x00\x00\x00\x18ftypmp42" + b"\xff" * 5000,
        headers={"Content-Type": "video/mp4"},
        times=9,
    )
    seen(home, site, "birches.mp4", "dunes.mp4")
    stages.fetch(home)
    counts = stages.fingerprint_files(home)

    assert counts == {"files": 1, "unreadable": 1}
    assert list(failures(home).values()) == ["unreadable"]


def test_rate_limited_host_is_left_alone_without_blame(home: Home, site: LoopbackPlatform) -> None:
    """After a 429 the host's other posts wait in the work, with no failure against them."""
    site.fault("/media/", status=429, headers={"Retry-After": "600"}, times=99)
    many = seen(home, site, *["dunes.mp4"] * 12)
    stages.fetch(home)
    blamed = failures(home)
    stages.fetch(home)

    assert set(blamed.values()) == {"rate-limited"}
    assert len(blamed) < len(many)
    assert failures(home) == blamed


def test_gallery_keeps_what_came(home: Home, site: LoopbackPlatform) -> None:
    """One attachment gone, the other there: what came is evidence."""
    both = carrying(1, f"{site.base_url}/media/never-was.mp4", f"{site.base_url}/media/dunes.mp4")
    home.ledger.save_posts(watch().id, [(both, "f" * 64)], seen_at=NOW)
    stages.fetch(home)

    assert [row["position"] for row in home.ledger.rows("SELECT position FROM media")] == [1]


def test_lowest_sufficient_rendition_is_fetched(home: Home, site: LoopbackPlatform) -> None:
    """Of 144 and 270 lines, the first that serves the matchers."""
    base = f"{site.base_url}/media/choir-reencode"
    offered = (Rendition(url=f"{base}-144p.mp4", height_px=144), Rendition(url=f"{base}.mp4", height_px=240))
    one = carrying(1, f"{base}.mp4")
    one = replace(one, attachments=(replace(one.attachments[0], renditions=offered),))
    home.ledger.save_posts(watch().id, [(one, "f" * 64)], seen_at=NOW)
    stages.fetch(home)

    assert home.ledger.rows("SELECT height_px FROM media") == [{"height_px": 240}]


def test_bytes_are_kept_as_received(home: Home, site: LoopbackPlatform, demo_folder: Path) -> None:
    """The blob equals what the platform served, byte for byte."""
    seen(home, site, "choir-exact.mp4")
    stages.fetch(home)
    (row,) = home.ledger.rows("SELECT sha256 FROM media")

    assert home.blobs.get(row["sha256"]).read_bytes() == (demo_folder / "media" / "choir-exact.mp4").read_bytes()


def test_reference_added_late_finds_what_was_gathered_before(
    site: LoopbackPlatform, tmp_path: Path, demo_folder: Path
) -> None:
    """A new trailer is swept over old media."""
    with made(tmp_path, site) as home:
        (copy,) = seen(home, site, "choir-caption.mp4")
        on_to_find(home)
        before = findings(home)
        reference(home, demo_folder / "references")
        on_to_find(home)

        assert (before, list(findings(home))) == ({}, [copy.id])


def test_removed_reference_takes_its_findings(home: Home, site: LoopbackPlatform) -> None:
    """A mistaken reference proves nothing any more, once its posts are judged again."""
    seen(home, site, "choir-caption.mp4")
    on_to_find(home)
    before = len(findings(home))
    refs.remove(home, [queries.references(home.ledger)[0].id])
    finding.find(home)

    assert (before, findings(home)) == (1, {})


def test_licensed_reference_silences_a_copy(home: Home, site: LoopbackPlatform, demo_folder: Path) -> None:
    """The same trailer in the licensed bank explains the copy; it stays in the ledger, far below a hit."""
    (copy,) = seen(home, site, "choir-caption.mp4")
    on_to_find(home)
    before = findings(home)[copy.id]
    reference(home, demo_folder / "references", Bank.LICENSED)
    on_to_find(home)

    assert before > 0.8
    assert findings(home)[copy.id] < 0.1


def test_private_address_in_a_post_is_refused(home: Home, site: LoopbackPlatform) -> None:
    """An attachment that points inside is never asked for."""
    evil = carrying(1, "http://169.254.169.254/latest/meta-data.mp4")
    home.ledger.save_posts(watch().id, [(evil, "f" * 64)], seen_at=NOW)
    stages.fetch(home)

    assert failures(home) == {evil.id: "private-address"}
