"""Blobs: named by content, never changed."""

import hashlib
from pathlib import Path

import pytest

from core.errors import NotFound
from store.blobs import Blobs


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    """An empty blob folder."""
    return Blobs(tmp_path / "blobs", tmp_path / "tmp")


def test_put_names_bytes_by_their_hash(blobs: Blobs) -> None:
    """What is put can be got, under its sha256."""
    name = blobs.put(b"clip")

    assert name == hashlib.sha256(b"clip").hexdigest()
    assert blobs.get(name).read_bytes() == b"clip"


def test_put_twice_leaves_one_file_and_no_scratch(blobs: Blobs) -> None:
    """The same bytes are the same blob."""
    blobs.put(b"clip")
    blobs.put(b"clip")

    assert len([path for path in blobs.folder.rglob("*") if path.is_file()]) == 1
    assert list(blobs.scratch.iterdir()) == []


def test_blob_is_read_only(blobs: Blobs) -> None:
    """Evidence is not written to by accident."""
    assert blobs.get(blobs.put(b"clip")).stat().st_mode & 0o222 == 0


def test_verify_sees_a_changed_byte(blobs: Blobs) -> None:
    """A blob that no longer hashes to its name is told."""
    name = blobs.put(b"clip")
    path = blobs.get(name)
    path.chmod(0o644)
    path.write_bytes(b"clap")

    assert not blobs.verify(name)


def test_missing_blob_says_what_to_do(blobs: Blobs) -> None:
    """NotFound names the blob and the way out."""
    with pytest.raises(NotFound, match="restore it from a backup or fetch it again"):
        blobs.get("0" * 64)


def test_copy_leaves_the_original(blobs: Blobs, tmp_path: Path) -> None:
    """A person's own file stays where and as it is."""
    own = tmp_path / "still.png"
    own.write_bytes(b"still")
    blobs.copy(own)

    assert own.read_bytes() == b"still"
