"""Whether a sparse first look came near a reference: enough to look closer, never enough to be a match.

Of features only: pairs of hashes beyond what is a match lead to no copy that features do not lead to (420 copies,
bench cascade's material), and cost a second scan.
"""

from collections.abc import Iterable

from core.records import Fingerprint
from matchers import local
from matchers.local import FeatureBank
from matchers.method import Bank

METHODS = frozenset({local.METHOD.name})
NEAR_CELLS = 7  # of one frame pair; unrelated frames reach 5 now and then (local.CHANCE_CELLS)


def near(bank: Bank, sha256: str, fingerprints: Iterable[Fingerprint]) -> bool:
    """Say whether a frame of the first look agrees in NEAR_CELLS with one of a reference; False for hashes.

    A bank that has compared the file knows it already.
    """
    if not isinstance(bank, FeatureBank):
        return False
    if sha256 not in bank.nearest:
        bank.compare(sha256, fingerprints)
    return bank.nearest[sha256] >= NEAR_CELLS
