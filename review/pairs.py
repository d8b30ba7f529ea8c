"""Which frames stand side by side for a finding: the official one, and the post's.

Names files and moments only; never opens one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from core.records import Bank, Basis, Reason, Reference
from store.ledger import Ledger
from store.queries import HitRow

MOST_PAIRS = 3  # more of the same clip tell a reviewer nothing new


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A picture of a file.

    offset_s    seconds from its start; 0.0 for a still
    name        the reference's own file name; "" for a post's file
    moving      whether the offset means anything to people: a video, not a still
    """

    sha256: str
    offset_s: float
    name: str
    moving: bool

    @property
    def key(self) -> tuple[str, float]:
        """What a picture is made and kept under."""
        return self.sha256, self.offset_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Reference left, post right. None: there is no such file (yet)."""

    reference: Moment | None
    post: Moment | None


def pairs(ledger: Ledger, row: HitRow, references: Mapping[str, Reference]) -> tuple[Pair, ...]:
    """Up to three pairs of a finding, the most telling first; empty when there is nothing to show.

    references  id -> every reference of the ledger
    """
    sql = "SELECT sha256, duration_s FROM media WHERE post = ? ORDER BY position, rendition DESC"
    files = {media["sha256"]: bool(media["duration_s"]) for media in ledger.rows(sql, [row.post.id])}
    if row.finding.basis is Basis.COPY:
        matched = (_matched(reason, files, references) for reason in row.finding.reasons)
        # Two methods may point at the same two frames: once is enough.
        return tuple(dict.fromkeys(pair for pair in matched if pair))[:MOST_PAIRS]
    return _beside(row, files, references)


def _matched(reason: Reason, files: Mapping[str, bool], references: Mapping[str, Reference]) -> Pair | None:
    detail = reason.detail
    if "reference_sha256" not in detail:
        return None
    reference = references.get(detail["reference"])
    return Pair(
        reference=Moment(
            sha256=detail["reference_sha256"],
            offset_s=detail["reference_s"],
            name=reference.name if reference else "a reference that was removed since",
            moving=reference.kind == "video" if reference else detail["reference_s"] > 0,
        ),
        post=Moment(
            sha256=detail["sha256"], offset_s=detail["query_s"], name="", moving=files.get(detail["sha256"], False)
        ),
    )


def _beside(row: HitRow, files: Mapping[str, bool], references: Mapping[str, Reference]) -> tuple[Pair, ...]:
    """The post's first frame beside two official pictures, of the element if there are any, stills first."""
    shown = (r for r in references.values() if r.size_bytes)  # an entry of a hash list has no picture
    official = [r for r in shown if r.franchise == row.finding.franchise and r.bank is Bank.POSITIVE]
    official.sort(key=lambda r: (r.element != row.finding.element, r.kind != "image", r.name))
    left = [Moment(sha256=r.sha256, offset_s=0.0, name=r.name, moving=r.kind == "video") for r in official[:2]]
    right = [Moment(sha256=sha256, offset_s=0.0, name="", moving=moving) for sha256, moving in [*files.items()][:1]]
    if not left and not right:
        return ()
    first = Pair(reference=left[0] if left else None, post=right[0] if right else None)
    return first, *(Pair(reference=reference, post=None) for reference in left[1:])
