"""An explanation as data, and as a file: JSON for programs, the page for people."""

from dataclasses import asdict
from pathlib import Path

from app.explain_words import ABSENCE, BASES, meaning, needed, scoring, sureness
from app.explaining import Explanation, FramePair, Told
from core.errors import NotFound, SettingsWrong
from core.records import Json
from core.times import to_text
from review.moments import aligned_s


def as_json(explanation: Explanation) -> Json:
    """All of it as plain data. Captions and names are as strangers wrote them: escape when showing."""
    row = explanation.row
    finding, post = row.finding, row.post
    return {
        "finding": finding.id,
        "made_at": to_text(explanation.made_at),
        "basis": finding.basis.value,
        "basis_means": BASES[finding.basis][1],
        "score": finding.score,
        "scoring": scoring(finding),
        "brand": explanation.brand,
        "franchise": {"id": finding.franchise, "title": row.franchise},
        "element": {"id": finding.element, "name": row.element} if finding.element else None,
        "post": asdict(post) | {"posted_at": to_text(post.posted_at)},
        "author_class": finding.author_class.value,
        "found_at": to_text(row.found_at),
        "verdict": row.verdict,
        "reviewer": row.reviewer,
        "reasons": [asdict(reason) for reason in finding.reasons],
        "matches": [_match(told) for told in explanation.matches],
        "thresholds": [asdict(limit) | {"means": meaning(limit.unit)} for limit in explanation.limits],
        "readings": [asdict(reading) for reading in explanation.readings],
        "ai_evidence": list(finding.ai_evidence),
        "marks": [asdict(mark) for mark in explanation.marks],
        "absence": ABSENCE,
    }


def _match(told: Told) -> Json:
    match, reference = told.match, told.reference
    return {
        "number": told.number,
        "sentence": told.sentence,
        "counts": not told.left_out,
        "left_out": told.left_out,
        "sha256": match.sha256,
        "duration_s": told.duration_s,
        "reference": asdict(reference) | {"added_at": to_text(reference.added_at)},
        "method": match.method,
        "version": match.version,
        "distance": match.distance,
        "threshold": match.threshold,
        "unit": match.unit,
        "more_is_nearer": match.more_is_nearer,
        "needed": needed(match),
        "probability": match.probability,
        "sureness": sureness(match),
        "basis": match.basis.value,
        "segments": [
            asdict(part)
            | {
                "reference_at_query_start_s": round(aligned_s(part, part.query_start_s), 3),
                "reference_at_query_end_s": round(aligned_s(part, part.query_end_s), 3),
            }
            for part in match.segments
        ],
        "pairs": [_pair(pair) for pair in told.pairs],
    }


def _pair(pair: FramePair) -> Json:
    return {
        "query_s": pair.query.offset_s,
        "reference_s": round(pair.aligned.reference_s, 3),
        "measured": pair.aligned.measured,
        "pictured": pair.reference is not None,
    }


def check_place(path: Path) -> None:
    """Say at once that a file cannot be written there, before minutes of decoding.

    raises  NotFound for a folder that is not there, SettingsWrong for a folder in the file's place
    """
    if path.is_dir():
        raise SettingsWrong(f"{path} is a folder; name a file in it, such as {path / 'why.html'}")
    if not path.absolute().parent.is_dir():
        raise NotFound(f"{path.absolute().parent}: no such folder; make it first, or name another file")


def write_page(path: Path, page: str) -> None:
    """Write the page, over one that is there already; SettingsWrong when the system refuses."""
    try:
        path.write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        raise SettingsWrong(f"{path}: cannot be written ({error.strerror}); name another file") from error
