"""Content-addressed files: put, path, verify.

A blob's name is the sha256 of its bytes, so a blob is never changed, only added or found missing.
A plain folder, since a rename on one disk is what makes adoption atomic; see docs/decisions/0001.
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from core.errors import NotFound

CHUNK_BYTES = 1 << 20


class Blobs:
    """The blob folder of a home, with its scratch folder beside it on the same disk."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder, self.scratch = folder, scratch
        folder.mkdir(parents=True, exist_ok=True)
        scratch.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where a blob stands, or would stand."""
        return self.folder / sha256[:2] / sha256[2:4] / sha256

    def get(self, sha256: str) -> Path:
        """The path of a blob that is there; NotFound when it is not."""
        path = self.path(sha256)
        if not path.is_file():
            raise NotFound(f"blob {sha256[:12]}… is not in {self.folder}; restore it from a backup or fetch it again")
        return path

    def put(self, content: bytes) -> str:
        """Store bytes and return their sha256. A blob that is there is left alone.

        For raw answers: whole or absent after a kill. Only media is forced to the disk as well (see
        `adopt`); waiting for that at each answer would halve a crawl.
        """
        digest = hashlib.sha256(content).hexdigest()
        if self.path(digest).exists():
            return digest
        handle, name = tempfile.mkstemp(dir=self.scratch)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        self._settle(Path(name), digest)
        return digest

    def adopt(self, path: Path, digest: str) -> None:
        """Move a file of the scratch disk in under the sha256 its maker computed."""
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        self._settle(path, digest)

    def copy(self, source: Path) -> str:
        """Copy a person's own file in and return its sha256; the original stays as it is."""
        handle, name = tempfile.mkstemp(dir=self.scratch)
        with os.fdopen(handle, "wb") as file, source.open("rb") as original:
            shutil.copyfileobj(original, file, CHUNK_BYTES)
        digest = sha256_of(Path(name))
        self.adopt(Path(name), digest)
        return digest

    def verify(self, sha256: str) -> bool:
        """Whether the bytes still hash to their name."""
        return sha256_of(self.get(sha256)) == sha256

    def _settle(self, path: Path, digest: str) -> None:
        target = self.path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.chmod(0o444)  # evidence: nothing of ours ever writes to it again
        path.replace(target)


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
