"""Whether a sparse first look came near a reference: enough to look closer, never enough to be a match.

Of features only: pairs of hashes beyond what is a match lead to no copy that features do not lead to (420 copies,
bench cascade's material), and cost a second scan.
"""

from collections.abc import Iterable

from core.records import Fingerprint
from matchers import local
from matchers.features import unpack
from matchers.local import FeatureBank
from matchers.method import Bank

METHODS = frozenset({local.METHOD.name})
NEAR_CELLS, NEAR_SPREAD = 7, 3  # of one frame pair; unrelated frames reach 5 now and then (local.CHANCE_CELLS)


def near(bank: Bank, fingerprints: Iterable[Fingerprint]) -> bool:
    """Say whether a frame of the first look agrees in NEAR_CELLS with one of a reference; False for hashes."""
    return isinstance(bank, FeatureBank) and any(_agrees(bank, one) for one in fingerprints)


def _agrees(bank: FeatureBank, one: Fingerprint) -> bool:
    if one.quality < bank.method.least_quality:
        return False
    plain = unpack(one.value)
    return any(
        bank.index.agreeing(features, least_cells=NEAR_CELLS, least_spread=NEAR_SPREAD)
        for features in (plain, plain.mirrored())
    )
