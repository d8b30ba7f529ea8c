"""POST /v1/screen with real files, real workers and a real ledger: right answers, nothing kept, hostile bodies."""

import json
import os
import shutil
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import Request
from starlette.testclient import TestClient

from app import refs, stages
from app.home import Home, open_home
from app.progress import Track
from app.screening import Screening
from core.records import Bank
from matchers.examples import scene
from review.desk import Desk, create
from review.rights import Person, Right
from store import references
from store.ledger import Ledger
from tests import builders
from tests.matchers import media

TITLE = "unreleased season five trailer"
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def clip(path: Path, seed: int) -> Path:
    """Four seconds of a camera that pans over a drawn scene."""
    wide = scene(seed, width_px=480, height_px=180)
    return media.video(path, [np.ascontiguousarray(wide[:, 8 * n : 8 * n + 320]) for n in range(20)])


@dataclass(frozen=True, slots=True)
class Stand:
    """A home with one reference, its desk, and clips that do and do not show it."""

    home: Home
    desk: Desk
    copy: bytes
    other: bytes

    def client(self, *rights: Right, **settings: Any) -> TestClient:
        """A program whose token holds these rights."""
        partner = Person(name="token:partner", role="token", rights=frozenset(rights or {Right.SCREEN}))

        async def who(_: Request) -> Person:
            return partner

        return TestClient(create(replace(self.desk, settings=settings), who))

    @property
    def left(self) -> list[Path]:
        """What lies in the uploads folder."""
        folder = self.home.folder / "uploads"
        return list(folder.iterdir()) if folder.exists() else []


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Fingerprinted once for all tests of this file."""
    folder = tmp_path_factory.mktemp("screen")
    (folder / "home").mkdir()
    (folder / "home" / "clipwarden.toml").write_text("[match]\nworkers = 1\n")  # each takes seconds to load
    with open_home(folder / "home", alone=True, new=True) as home:
        stages.register(home.ledger)
        home.ledger.sync(builders.brand())
        original = clip(folder / f"{TITLE}.mp4", 7)
        refs.add(
            home, brand="brand", franchise="Lanterns of Avelore", element=None, bank=Bank.POSITIVE,
            paths=[original], progress=Track("", 0),
        )  # fmt: skip
        stages.fingerprint_files(home)
        screening = Screening(home, fresh_s=0)
        desk = Desk(
            ledger=home.ledger.path, blob=home.blobs.path, picture=lambda *_: None,
            screen=screening.screen, add=screening.add, settings={},
        )  # fmt: skip
        copy = clip(folder / "copy.mp4", 7).read_bytes() + b"\x00\x00\x00\x08free"  # other bytes, the same pictures
        yield Stand(home, desk, copy, clip(folder / "other.mp4", 8).read_bytes())
        screening.close()


def send(client: TestClient, content: bytes, name: str = "clip.mp4") -> Any:
    """Upload one file."""
    return client.post("/v1/screen", files={"file": (name, content)})


def test_copy_is_recognised_and_another_clip_is_not(stand: Stand) -> None:
    """The answer names score, title, seconds and reason; a clip that shows nothing of ours has no match."""
    client = stand.client()
    found, nothing = send(client, stand.copy).json(), send(client, stand.other).json()

    assert nothing == {"score": 0.0, "matches": []}
    assert found["score"] > 0.9
    first = found["matches"][0]
    assert (first["franchise"], first["basis"], first["bank"]) == ("Lanterns of Avelore", "copy", "positive")
    assert first["seconds"][0][1] > 2
    assert "an official picture or clip of Lanterns of Avelore" in first["reason"]


def test_file_names_of_references_are_for_those_who_may_see_them(stand: Stand) -> None:
    """A partner learns neither name nor id of a reference; who may see the desk gets what `scan --json` gives."""
    (row,) = stand.home.ledger.rows("SELECT id, sha256, name FROM refs")
    told = send(stand.client(), stand.copy).text
    seen = send(stand.client(Right.SCREEN, Right.SEE), stand.copy).json()

    assert [word for word in (TITLE, row["id"], row["sha256"]) if word in told] == []
    assert {TITLE in one["reason"] for one in seen["matches"]} == {True}
    assert {one["reference"] for one in seen["matches"]} == {row["id"]}


def test_nothing_is_kept_but_a_line_in_the_audit_log(stand: Stand) -> None:
    """Neither file nor row stays, whether it matched, did not decode or was refused."""
    tables = [row["name"] for row in stand.home.ledger.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    tables = [name for name in tables if not name.startswith(("found", "audit", "sqlite"))]
    blobs = sorted(stand.home.blobs.folder.rglob("*"))
    before = {name: stand.home.ledger.count(name) for name in tables}
    lines = stand.home.ledger.count("audit")
    client = stand.client()
    statuses = [send(client, content).status_code for content in (stand.copy, b"\x89PNG\r\n\x1a\njunk", b"<html>")]

    assert statuses == [200, 422, 415]
    assert {name: stand.home.ledger.count(name) for name in tables} == before
    assert stand.home.ledger.count("audit") == lines + 2
    assert (stand.left, sorted(stand.home.blobs.folder.rglob("*"))) == ([], blobs)


def bomb() -> bytes:
    """A PNG of 60,000 by 60,000 pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packed = zlib.compress(b"\0" * 10_000_000, 9)
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"<!doctype html><script>alert(1)</script>", 415),
        (b"#!/bin/sh\nrm -rf /\n", 415),
        (b"PK\x03\x04" + b"\0" * 100, 415),
        (b"#EXTM3U\nfile:///etc/passwd\n", 415),
        (b"\x00\x00\x00\x18ftypmp42" + b"\xff" * 500, 422),
        (b"GIF89a" + b"\xff" * 100, 422),
        (b"RIFF\xff\xff\xff\x7fAVI " + b"\0" * 64, 422),
        (bomb(), 422),
    ],
    ids=["empty", "html", "script", "zip", "playlist", "half mp4", "half gif", "half avi", "bomb"],
)
def test_hostile_file_gets_a_clear_error(stand: Stand, content: bytes, status: int) -> None:
    """What is no media by its bytes is refused before any decoder sees it; what does not decode is told so."""
    answer = send(stand.client(), content, "holiday.mp4")

    assert answer.status_code == status
    assert len(answer.json()["detail"]) > 20
    assert str(stand.home.folder) not in answer.text
    assert stand.left == []


@pytest.mark.parametrize(
    "name", ["../../../../tmp/evil.mp4", "/etc/passwd", "a\x00b.mp4", "x" * 5000, "..", "\\\\host\\c$"]
)
def test_file_name_leads_nowhere(stand: Stand, name: str) -> None:
    """No name a sender chooses becomes a path; one too long for a header is refused as a broken form."""
    answer = send(stand.client(), stand.copy, name)

    assert answer.status_code == (400 if len(name) > 1000 else 200)
    assert (stand.left, Path("/tmp/evil.mp4").exists()) == ([], False)  # noqa: S108 - that nothing lies there


def test_body_larger_than_allowed_is_refused_by_its_length_and_by_its_bytes(stand: Stand) -> None:
    """413 before reading where the length says so, and in the middle of an endless body that says nothing."""
    client, sent = stand.client(screen_most_bytes=100_000), []

    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(1000):
            sent.append(1)
            yield b"\0" * 10_000

    told = client.post("/v1/screen", files={"file": ("a.mp4", b"\0" * 200_000)})
    untold = client.post("/v1/screen", content=endless(), headers={"content-type": "multipart/form-data; boundary=x"})

    assert (told.status_code, untold.status_code, stand.left) == (413, 413, [])


FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (FORM + b"\0\0\0\x18ftypmp42", {}, 400),
        (FORM + b"\0\0\0\x18ftypmp42\r\n--x--\r\n", {"content-length": "5000"}, 400),
        (FORM + b"\0\0\0\x18ftypmp42\r\n--x--\r\n", {"content-length": "10"}, 400),
        (FORM + b"\0\0\0\x18ftypmp42\r\n--x--\r\n", {"content-length": "-1"}, 400),
        (b"--y\r\nhello", {}, 400),
        (b"", {}, 400),
        (FORM * 2 + b"\r\n--x--\r\n", {"content-type": "text/plain"}, 415),
        (FORM, {"content-type": "multipart/form-data"}, 415),
        (FORM, {"content-type": "multipart/form-data; boundary=" + "b" * 5000}, 400),
        (b"--x\r\nA: b\r\n\r\n\r\n" * 50 + b"--x--\r\n", {}, 413),
        (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 5000 + b"\r\n--x--\r\n", {}, 413),
        (b"--x\r\n" + b"A: b\r\n" * 500 + b"\r\n\r\n--x--\r\n", {}, 400),
        (FORM + b"1\r\n" + FORM + b"2\r\n--x--\r\n", {}, 413),
    ],
    ids=[
        "cut short", "length too long", "length too short", "no length", "other boundary", "nothing", "no form",
        "no boundary", "huge boundary", "many parts", "long field", "many headers", "two files",
    ],
)  # fmt: skip
def test_broken_form_is_refused(stand: Stand, body: bytes, headers: dict[str, str], status: int) -> None:
    """Whatever the body is, the answer is one of ours, and the folder is empty after it."""
    given = {"content-type": "multipart/form-data; boundary=x", **headers}
    answer = stand.client().post("/v1/screen", content=body, headers=given)

    assert (answer.status_code, stand.left) == (status, [])


def test_more_at_once_than_allowed_are_asked_to_come_again(stand: Stand) -> None:
    """The next one gets 503 and when to try again, at once and before its file is read; then there is room again."""
    entered, leave = threading.Event(), threading.Event()

    def slow(path: Path) -> dict[str, Any]:
        entered.set()
        leave.wait(20)
        return {"score": 0.0, "matches": []}

    busy = replace(stand, desk=replace(stand.desk, screen=slow)).client(screen_at_once=1)
    first = threading.Thread(target=send, args=(busy, stand.other))
    first.start()
    entered.wait(20)
    second = send(busy, stand.other)
    leave.set()
    first.join()

    assert (second.status_code, second.headers["retry-after"]) == (503, "5")
    assert (send(busy, stand.other).status_code, stand.left) == (200, [])


def test_slow_upload_ends(stand: Stand) -> None:
    """Who sends a byte now and then is cut off, and holds no place."""
    client = stand.client(screen_most_seconds=0.2)

    def dripping() -> Iterator[bytes]:
        yield FORM
        for _ in range(40):
            threading.Event().wait(0.02)
            yield b"\0"

    answer = client.post("/v1/screen", content=dripping(), headers={"content-type": "multipart/form-data; boundary=x"})

    assert (answer.status_code, stand.left) == (408, [])


def test_what_a_killed_desk_left_is_swept(stand: Stand) -> None:
    """An upload of hours ago belongs to nobody; one of this minute is somebody's."""
    old, new = (stand.home.folder / "uploads" / name for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / "0").write_bytes(b"half a clip")
    os.utime(old, (0, 0))
    send(stand.client(), b"<html>")
    left = stand.left
    shutil.rmtree(new)

    assert left == [new]


def test_token_of_a_page_stands_in_the_header(stand: Stand) -> None:
    """With a cookie's session the body is read by the route alone, and bounded: a token inside it comes too late."""
    person = Person(name="ada", role="admin", rights=frozenset(Right), csrf="right")

    async def who(_: Request) -> Person:
        return person

    client = TestClient(create(stand.desk, who))
    upload = {"files": {"file": ("a.mp4", stand.other)}, "data": {"csrf": "right"}}
    inside = client.post("/v1/screen", **upload)  # type: ignore[arg-type]  # its parts by their names
    ahead = client.post("/v1/screen", headers={"x-csrf": "right"}, **upload)  # type: ignore[arg-type]  # the same

    assert (inside.status_code, ahead.status_code, stand.left) == (403, 200, [])


def test_retired_reference_no_longer_screens_and_may_come_back(stand: Stand) -> None:
    """The banks follow the ledger while the desk runs; with no reference left there is no answer, not an empty one."""
    client = stand.client()
    (row,) = stand.home.ledger.rows("SELECT id FROM refs")
    with Ledger(stand.home.ledger.path) as ledger:
        references.retire(ledger, row["id"], person="ada", why="test", at=NOW)
        without = send(client, stand.copy)
        references.bring_back(ledger, row["id"], person="ada", why="test", at=NOW)

    assert (without.status_code, "nothing to compare with" in without.json()["detail"]) == (503, True)
    assert send(client, stand.copy).json()["score"] > 0.9


def test_who_lacks_the_right_is_refused_before_the_body(stand: Stand) -> None:
    """A token that may only see cannot screen."""
    assert send(stand.client(Right.SEE), stand.copy).status_code == 403


def test_upload_becomes_a_reference_by_its_bytes(stand: Stand) -> None:
    """Several files at once: media is added under a safe name, the rest is told file by file, and a repeat is known."""
    client = stand.client(Right.MANAGE)
    files = [
        ("files", ("../../other.exe", stand.other)),
        ("files", ("page.mp4", b"<html>")),
        ("files", ("bomb.png", bomb())),
        ("files", ("empty.mp4", b"")),
    ]
    form = {"franchise": builders.FRANCHISE, "element": f"{builders.FRANCHISE}/gown", "bank": "positive"}
    told = client.post("/v1/references", files=files, data=form).json()
    again = client.post("/v1/references", files=files[:1], data=form).json()
    rows = stand.home.ledger.rows("SELECT * FROM refs WHERE id = ?", [told[0]["reference"]])

    assert [(one.get("new"), "error" in one) for one in told] == [(True, False)] + [(None, True)] * 3
    assert [(one["reference"], one["new"]) for one in again] == [(told[0]["reference"], False)]
    assert (rows[0]["name"], rows[0]["kind"], rows[0]["element"]) == ("other.mp4", "video", form["element"])
    assert stand.home.blobs.verify(rows[0]["sha256"])
    assert json.dumps(told).count(str(stand.home.folder)) == 0
    assert stand.left == []
