"""How a hash changes when its picture is mirrored or turned: the picture itself is not needed.

A mirrored picture has the same frequencies, and the odd ones across have the other sign; a quarter turn swaps
across and down as well. So a hash of signs is inverted in places and transposed. Never exact: a bit compares
its frequency with their median, which is near zero and not zero; tests/matchers/test_dihedral.py holds how near.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from core.errors import ShapeError
from matchers.index import Words

SIDE = 16  # frequencies each way
# In a row of 16 bits, from the most significant, phash writes the frequencies across 0, 1 ... 15, and PDQ
# 16, 15 ... 1: the odd ones stand in the same places. The same holds of the rows, which go down.
ODD_ACROSS = np.uint64(0x5555_5555_5555_5555)
ODD_DOWN = np.uint64(0x0000_FFFF_0000_FFFF)


def mirrored(values: Words) -> Words:
    """Return the hashes of the pictures with left and right swapped.

    values  uint64 (n, 4), most significant word first: 16 x 16 frequencies, four rows a word
    returns uint64 (n, 4); so do all functions here
    raises  ShapeError when the hashes are not of 256 bits; so do all functions here
    """
    return _square(values) ^ ODD_ACROSS


def flipped(values: Words) -> Words:
    """Return the hashes of the pictures with top and bottom swapped."""
    return _square(values) ^ ODD_DOWN


def turned_180(values: Words) -> Words:
    """Return the hashes of the pictures turned by half a circle."""
    return _square(values) ^ ODD_ACROSS ^ ODD_DOWN


def transposed(values: Words) -> Words:
    """Return the hashes of the pictures with rows and columns swapped: a mirror along the falling diagonal."""
    square = _square(values)
    bits = np.unpackbits(square.astype(">u8").view(np.uint8), axis=1).reshape(len(square), SIDE, SIDE)
    swapped = np.packbits(bits.transpose(0, 2, 1).reshape(len(square), SIDE * SIDE), axis=1)
    turned: Words = swapped.view(">u8").astype(np.uint64)
    return turned


def turned_90(values: Words) -> Words:
    """Return the hashes of the pictures turned by a quarter, clockwise."""
    return mirrored(transposed(values))


def turned_270(values: Words) -> Words:
    """Return the hashes of the pictures turned by a quarter, counter-clockwise."""
    return flipped(transposed(values))


def transversed(values: Words) -> Words:
    """Return the hashes of the pictures mirrored along the rising diagonal."""
    return turned_180(transposed(values))


def _square(values: Words) -> Words:
    if values.ndim != 2 or values.shape[1] * 64 != SIDE * SIDE:
        raise ShapeError(f"hashes of shape {values.shape}; only 256 bits, (n, 4) words, can be turned")
    return values


# What a query shows -> how its hash is turned back, to be looked up.
MIRRORED: Mapping[str, Callable[[Words], Words]] = MappingProxyType({"mirrored": mirrored})
TURNS: Mapping[str, Callable[[Words], Words]] = MappingProxyType(
    {"mirrored": mirrored, "turned 90": turned_270, "turned 180": turned_180, "turned 270": turned_90}
)
