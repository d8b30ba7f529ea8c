"""An index in one file: mapped, not loaded; added to, not rebuilt; shared by processes.

    0      header   magic, format, words, BLOCK, method's version, its name; checked by a CRC
    1024   slot 0   what is committed: generation, rows, newest removal, CRC of all rows, CRC of the slot
    2048   slot 1   the same; the newer slot that is whole counts
    4096   blocks   BLOCK rows each: word by word, then int32 owners, then int32 offsets in ms

Rows are written and synced first, then the older slot: a kill at any moment leaves the former state,
and what lies beyond its rows is overwritten. Rows committed are never changed, so a reader keeps
seeing what was there when it opened. A reference is removed by a row that says so.
Never repairs a damaged file: an index can be made again from the fingerprints. To replace one, rename
another over it: a file cut short while it is mapped kills its readers.
"""

import fcntl
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from core.errors import Busy, MediaUnreadable, ShapeError
from matchers.index import BLOCK, Index, Rows, Store, Words

HEADER = struct.Struct("<8sIIIIH")  # magic, format, words, BLOCK, method's version, bytes of its name
SLOT = struct.Struct("<QQQI")  # generation, rows, row of the newest removal + 1, CRC of all rows
CHECK = struct.Struct("<I")
MAGIC, FORMAT = b"clipwidx", 1
SLOTS, DATA = (1024, 2048), 4096  # sectors of their own; a page, so that blocks are aligned when mapped
NAME_BYTES, MOST_WORDS = 255, 64
LATEST_S = 2_147_483  # an int32 of milliseconds: 24 days
RUN = 64 * BLOCK  # rows read or written at once


class Slot(NamedTuple):
    """What is committed."""

    generation: int
    rows: int
    newest_removal: int
    crc: int


class IndexFile(Index):
    """References of one method, mapped from a file; searched as any Index.

    method, version   whose hashes these are
    """

    def __init__(self, path: Path, *, method: str, version: int, words: int, slot: Slot) -> None:
        self.path, self.method, self.version = path, method, version
        self._slot, self._words = slot, words
        self._map()

    @classmethod
    def create(cls, path: Path, *, method: str, version: int, words: int) -> Self:
        """Make an empty file and open it.

        raises  FileExistsError when there is one; ShapeError when words or name do not fit the header
        """
        name = method.encode()
        if not 1 <= words <= MOST_WORDS or not 0 <= version < 1 << 32 or len(name) > NAME_BYTES:
            raise ShapeError(f"{path}: {words} words of {method!r} {version}; a hash has 1 to {MOST_WORDS} words")
        header = HEADER.pack(MAGIC, FORMAT, words, BLOCK, version, len(name)) + name
        whole = bytearray(DATA)
        whole[: len(header) + CHECK.size] = _checked(header)
        for at, generation in zip(SLOTS, (1, 0), strict=True):
            whole[at : at + SLOT.size + CHECK.size] = _checked(SLOT.pack(generation, 0, 0, 0))
        # Written aside and linked, so that nobody opens half a header and nobody's file is overwritten.
        aside = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            with aside.open("wb") as file:
                file.write(whole)
                file.flush()
                os.fsync(file.fileno())
            os.link(aside, path)
        finally:
            aside.unlink(missing_ok=True)
        _sync_folder(path.parent)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map what is committed now; rows added later are seen by who opens later.

        raises  MediaUnreadable when the file is another kind's, damaged or shorter than it says; OSError
        """
        with path.open("rb") as file:
            head, size = file.read(DATA), os.fstat(file.fileno()).st_size
        method, version, words = _read_header(path, head)
        return cls(path, method=method, version=version, words=words, slot=_newest(path, head, words, size))

    def append(self, owner: int | NDArray[np.int32], offsets_s: NDArray[np.float64], values: Words) -> None:
        """Add rows at the end, on the disk when this returns; this object sees them, as who opens now does.

        owner      0 or more: the reference's number, one for all rows or one each
        offsets_s  (n,): kept to the millisecond
        values     uint64 (n, words)
        raises     ShapeError when a row does not fit; Busy when another is adding; OSError (disk full),
                   after which nothing was added
        """
        owners = np.broadcast_to(np.asarray(owner, np.int64), (len(values),))
        offsets = np.asarray(offsets_s, np.float64)
        if values.ndim != 2 or values.shape[1] != self._words or offsets.shape != (len(values),):
            raise ShapeError(f"{self.path}: {values.shape} hashes at {offsets.shape}; rows have {self._words} words")
        if len(values) and not (owners.min() >= 0 and owners.max() < 1 << 31 and np.abs(offsets).max() <= LATEST_S):
            raise ShapeError(f"{self.path}: an owner is 0 to 2^31 - 1, an offset at most {LATEST_S} s")
        self._add(owners.astype(np.int32), np.rint(offsets * 1000).astype(np.int32), values, removal=False)

    def remove(self, owner: int) -> None:
        """Let no row of this reference count any more; it may be appended again. Raises as append does."""
        if not 0 <= owner < 1 << 31:
            raise ShapeError(f"{self.path}: an owner is 0 to 2^31 - 1, not {owner}")
        note = np.zeros((1, self._words), np.uint64)
        self._add(np.array([-1 - owner], np.int32), np.zeros(1, np.int32), note, removal=True)

    def owners(self, rows: Rows) -> NDArray[np.int32]:
        """Return the reference number of these rows; below 0 for a row that notes a removal."""
        return self._tail(0)[rows // BLOCK, rows % BLOCK]

    def offsets_s(self, rows: Rows) -> NDArray[np.float64]:
        """Return when the frames of these rows are shown."""
        seconds: NDArray[np.float64] = self._tail(1)[rows // BLOCK, rows % BLOCK] / 1000
        return seconds

    def values(self, rows: Rows) -> Words:
        """Return the hashes of these rows, uint64 (n, words)."""
        return self._store.blocks[rows // BLOCK, : self._words, rows % BLOCK]

    def rows(self) -> Rows:
        """Return the numbers of the rows that count, rising."""
        rows = np.arange(len(self))
        return rows[self._store.alive(rows)]

    def verify(self) -> None:
        """Read every row and compare with the sum kept; raises MediaUnreadable when a bit has changed."""
        crc = 0
        for start in range(0, len(self), RUN):
            rows = np.arange(start, min(start + RUN, len(self)))
            crc = _sum(self.values(rows), self.owners(rows), self._tail(1)[rows // BLOCK, rows % BLOCK], crc)
        if crc != self._slot.crc:
            raise MediaUnreadable(f"{self.path}: rows changed since they were written; make the index again")

    def _tail(self, part: int) -> NDArray[np.int32]:
        """Return the owners (0) or the offsets in ms (1), int32 (blocks, BLOCK)."""
        column = self._store.blocks[:, self._words].view(np.int32)
        return column[:, part * BLOCK : (part + 1) * BLOCK]

    def _map(self) -> None:
        shape = (-(-self._slot.rows // BLOCK), self._words + 1, BLOCK)
        blocks = np.empty(shape, np.uint64)
        if self._slot.rows:
            with self.path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), DATA + 8 * int(np.prod(shape)), access=mmap.ACCESS_READ)
            blocks = np.frombuffer(mapped, np.uint64, offset=DATA).reshape(shape)
        blocks.flags.writeable = False
        self._store = Store(blocks=blocks, rows=self._slot.rows, words=self._words)
        gone, before = self._removals()
        self._store = Store(
            blocks=blocks, rows=self._slot.rows, words=self._words, owners=self._tail(0), gone=gone, gone_before=before
        )

    def _removals(self) -> tuple[NDArray[np.int32], Rows]:
        """Follow the notes from the newest back: each holds the row of the one before it, + 1."""
        latest: dict[int, int] = {}
        owners, after = self._tail(0), self._slot.newest_removal
        while after:
            row = after - 1
            owner = -1 - int(owners[row // BLOCK, row % BLOCK]) if row < len(self) else -1
            before = int(self._store.blocks[row // BLOCK, 0, row % BLOCK]) if owner >= 0 else after
            if before >= after:
                raise _damaged(self.path, f"row {row} should note a removal")
            latest.setdefault(owner, row)
            after = before
        gone = np.array(sorted(latest), np.int32)
        return gone, np.array([latest[owner] for owner in gone.tolist()], np.int64)

    def _add(self, owners: NDArray[np.int32], offsets: NDArray[np.int32], values: Words, *, removal: bool) -> None:
        if len(values) == 0:
            return
        with _writing(self.path) as file:
            head = os.pread(file, DATA, 0)
            if _read_header(self.path, head) != (self.method, self.version, self._words):
                raise MediaUnreadable(f"{self.path}: replaced by another index since it was opened; open it again")
            slot = _newest(self.path, head, self._words, os.fstat(file).st_size)
            if removal:
                values[0, 0] = slot.newest_removal
            end = slot.rows + len(values)
            os.ftruncate(file, max(os.fstat(file).st_size, _size(end, self._words)))
            crc = _write_rows(file, slot, owners, offsets, values)
            os.fsync(file)
            new = Slot(slot.generation + 1, end, end if removal else slot.newest_removal, crc)
            _write(file, _checked(SLOT.pack(*new)), SLOTS[(new.generation - 1) % 2])
            os.fsync(file)
        self._slot = new
        self._map()


def _write_rows(file: int, slot: Slot, owners: NDArray[np.int32], offsets: NDArray[np.int32], values: Words) -> int:
    """Write rows after those committed, and return the sum of all rows with them."""
    words, crc, start = values.shape[1], slot.crc, 0
    while start < len(values):
        block, at = divmod(slot.rows + start, BLOCK)
        some = slice(start, start + BLOCK - at)
        place = _size(block * BLOCK, words)
        for word in range(words):
            _write(file, values[some, word].tobytes(), place + 8 * (word * BLOCK + at))
        place += 8 * words * BLOCK + 4 * at
        _write(file, owners[some].tobytes(), place)
        _write(file, offsets[some].tobytes(), place + 4 * BLOCK)
        crc = _sum(values[some], owners[some], offsets[some], crc)
        start += BLOCK - at
    return crc


def _sum(values: Words, owners: NDArray[np.int32], offsets: NDArray[np.int32], crc: int) -> int:
    """Go on with a CRC, row by row, so that it does not depend on how rows were appended."""
    rows = np.empty(len(values), [("value", np.uint64, values.shape[1:]), ("owner", np.int32), ("offset", np.int32)])
    rows["value"], rows["owner"], rows["offset"] = values, owners, offsets
    return zlib.crc32(rows.tobytes(), crc)


def _write(file: int, content: bytes, place: int) -> None:
    left = memoryview(content)
    while left:
        written = os.pwrite(file, left, place)
        left, place = left[written:], place + written


@contextmanager
def _writing(path: Path) -> Iterator[int]:
    """Open for one writer at a time."""
    file = os.open(path, os.O_RDWR)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"{path}: another process is adding to it; try again when it is done") from None
        yield file
    finally:
        os.close(file)


def _size(rows: int, words: int) -> int:
    """Return the bytes of a file of so many rows: whole blocks."""
    return DATA + -(-rows // BLOCK) * BLOCK * 8 * (words + 1)


def _checked(content: bytes) -> bytes:
    return content + CHECK.pack(zlib.crc32(content))


def _holds(head: bytes, start: int, size: int) -> bool:
    return head[start + size : start + size + CHECK.size] == CHECK.pack(zlib.crc32(head[start : start + size]))


def _read_header(path: Path, head: bytes) -> tuple[str, int, int]:
    """Return method, version, words."""
    if head[: len(MAGIC)] != MAGIC:
        raise MediaUnreadable(f"{path}: not an index of hashes; it begins with {head[:8]!r}")
    if len(head) < DATA:
        raise _damaged(path, f"{len(head)} bytes")
    _, form, words, block, version, size = HEADER.unpack_from(head)
    if form != FORMAT:
        raise MediaUnreadable(f"{path}: index format {form}, and this clipwarden reads {FORMAT}; make the index again")
    if size > NAME_BYTES or not _holds(head, 0, HEADER.size + size) or block != BLOCK or not 1 <= words <= MOST_WORDS:
        raise _damaged(path, "header")
    return head[HEADER.size : HEADER.size + size].decode(errors="replace"), version, words


def _newest(path: Path, head: bytes, words: int, size: int) -> Slot:
    slots = [Slot(*SLOT.unpack_from(head, at)) for at in SLOTS if _holds(head, at, SLOT.size)]
    if not slots:
        raise _damaged(path, "both notes of what is committed")
    newest = max(slots)
    if size < _size(newest.rows, words):
        raise _damaged(path, f"{size} bytes, where {newest.rows} rows take {_size(newest.rows, words)}")
    return newest


def _damaged(path: Path, what: str) -> MediaUnreadable:
    return MediaUnreadable(f"{path}: damaged ({what}); make the index again from the fingerprints")


def _sync_folder(folder: Path) -> None:
    """Make a new name last; some systems cannot, and lose at most an empty index."""
    with suppress(OSError):
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
