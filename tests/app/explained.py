"""Matches and findings to be explained, as few words as a test needs."""

from dataclasses import replace
from typing import Any

from app.explaining import Explanation, explain
from core.records import Mark, Match, Reference, Segment
from matchers.method import method as method_named
from tests.app.hits_ledger import NOW, Desk, reference

WHOLE = (0.1, 0.2, 0.6, 0.2, 0.6, 0.7, 0.1, 0.7)


def segment(query: tuple[float, float], there: tuple[float, float], **more: Any) -> Segment:
    """A stretch; its best pair is its start."""
    begins = there[1] if more.get("speed", 1.0) < 0 else there[0]
    best: dict[str, Any] = {
        "best_query_s": query[0],
        "best_reference_s": begins,
        "best_distance": 4,
        "pairs": 9,
        "speed": 1.0,
    }
    ends: dict[str, Any] = {"query_start_s": query[0], "query_end_s": query[1]}
    return Segment(**ends, reference_start_s=there[0], reference_end_s=there[1], **best | more)


def found(*parts: Segment, method: str = "phash", **more: Any) -> Match:
    """A match of file "clip" with the trailer."""
    facts: dict[str, Any] = {"distance": 4, "threshold": 64, "unit": "bits", "version": 2, "probability": 0.98}
    return Match(sha256="clip", reference="R-trailer", method=method, segments=parts, **facts | more)


def local(*parts: Segment) -> Match:
    """A match where more is nearer."""
    version = method_named("local").version
    return found(*parts, method="local", version=version, distance=31, threshold=8, unit="cells", more_is_nearer=True)


class Case(Desk):
    """A desk whose clip was matched with a trailer, and one finding of it."""

    def trailer(self, **more: Any) -> Reference:
        """The official video, known to the ledger."""
        facts = {"id": "R-trailer", "name": "trailer.mp4", "kind": "video"} | more
        video = replace(reference("trailer"), **facts)
        self.ledger.save_references([video])
        return video

    def finding(self, *matches: Match, text: str = "", marks: tuple[Mark, ...] = (), **post: Any) -> Explanation:
        """The explanation of a post whose file was matched so."""
        sha256 = post.pop("sha256", "clip")
        kept = [replace(match, sha256=sha256) for match in matches]
        for name, version in {(match.method, match.version) for match in kept}:
            mine = [match for match in kept if match.method == name]
            self.ledger.save_matches("match", sha256, name, version, mine, at=NOW)
        if marks:
            self.ledger.save_marks(sha256, "marks", 1, marks, at=NOW)
        post_id = self.post(text, sha256=sha256, **post)
        (row,) = self.ledger.rows("SELECT id FROM findings WHERE post = ?", [post_id])
        return explain(self.ledger, row["id"], NOW)
