"""Nearest references among many hashes, exactly, in numpy.

Never builds anything beside the hashes themselves: 32 bytes each, and a scan that gives up on a
row as soon as its first words differ too much.
"""

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.errors import ShapeError

Words: TypeAlias = NDArray[np.uint64]  # (n, words), most significant word first
Distances: TypeAlias = NDArray[np.uint16]  # (n, m)
Rows: TypeAlias = NDArray[np.int64]

CHUNK = 1 << 17  # rows scanned at once: 1 MB a word, so that a chunk stays in the processor's cache
TWO_WORDS_BITS = 44  # to here two words of four settle nearly all rows; above, a third one pays


def pack(values: Iterable[bytes]) -> Words:
    """Turn fingerprint values into words.

    values  each of the same length, a multiple of 8 bytes
    returns uint64 (n, length / 8); (0, 0) for none
    raises  ShapeError when lengths differ
    """
    listed = list(values)
    size = len(listed[0]) if listed else 0
    if size % 8 or any(len(value) != size for value in listed):
        raise ShapeError(f"hashes of {sorted({len(v) for v in listed})} bytes in one batch; pack one method at a time")
    words = np.frombuffer(b"".join(listed), dtype=">u8").astype(np.uint64)
    return words.reshape(len(listed), size // 8)


def hamming(queries: Words, references: Words) -> Distances:
    """Count the differing bits between every query and every reference.

    returns uint16 (n, m): for small sets, as all of it stands in memory
    raises  ShapeError when the two have different widths
    """
    _same_width(queries, references)
    counts = np.bitwise_count(queries[:, None, :] ^ references[None, :, :])
    total: Distances = counts.sum(axis=2, dtype=np.uint16)
    return total


class Index:
    """References to search, uint64 (m, words); kept word by word, so that a scan reads only what it needs."""

    def __init__(self, values: Words) -> None:
        self._columns: Words = np.ascontiguousarray(values.T)

    def __len__(self) -> int:
        return len(self._columns.T)

    def within(self, queries: Words, threshold: int) -> tuple[Rows, Rows, NDArray[np.uint16]]:
        """Find every pair at most `threshold` bits apart.

        queries uint64 (n, words)
        returns (query rows, reference rows, distances), by query row, then by reference row;
                memory is bounded by one chunk and the pairs found
        raises  ShapeError when the widths differ
        """
        if len(queries) == 0 or len(self) == 0:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint16)
        _same_width(queries, self._columns.T)
        found = []
        for start in range(0, len(self), CHUNK):
            chunk = self._columns[:, start : start + CHUNK]
            for number, query in enumerate(queries):
                rows, distances = _near(chunk, query, threshold)
                if len(rows):
                    found.append((np.full(len(rows), number), rows + start, distances))
        if not found:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint16)
        query_rows, reference_rows, distances = (np.concatenate(part) for part in zip(*found, strict=True))
        order = np.lexsort((reference_rows, query_rows))
        return query_rows[order], reference_rows[order], distances[order]


def _near(columns: Words, query: Words, threshold: int) -> tuple[Rows, NDArray[np.uint16]]:
    """Scan one chunk for one query: some words in full, the others for the rows that are left."""
    first = 2 if threshold <= TWO_WORDS_BITS else 3
    head = np.bitwise_count(columns[0] ^ query[0])
    for column, word in zip(columns[1:first], query[1:first], strict=True):
        head = head + np.bitwise_count(column ^ word)  # uint8: at most 192 bits of three words
    rows = np.flatnonzero(head <= threshold)
    distances = head[rows].astype(np.uint16)
    for column, word in zip(columns[first:], query[first:], strict=True):
        distances += np.bitwise_count(column[rows] ^ word)
    near = distances <= threshold
    return rows[near], distances[near]


def _same_width(queries: Words, references: Words) -> None:
    if queries.ndim != 2 or references.ndim != 2 or queries.shape[1] != references.shape[1]:
        raise ShapeError(f"hashes of {queries.shape} against {references.shape}; both must be (n, words) of one method")
