"""The sentences of an explanation: what a distance means, how a score came about, what a caption was read as.

Never claims more than was measured, and never that a clip without a mark was made by people.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.findings import COPY_MOST, HIT_SCORE, SUGGESTION_MOST
from core.reasons import SILENCED, SUGGESTING
from core.records import Basis, Finding, Mark, Match, Reason
from core.spelling import RULES
from core.words import printable

MOST_CAPTION = 3_000  # letters; no platform's caption that people read is longer
ABSENCE = "That no mark or label was found never proves that people made a clip: platforms and re-encoding strip them."

# By unit, not by method: a method that counts the same thing needs no line here.
UNITS = {
    "bits": "how many of the 256 bits of the two pictures' hashes differ: 0 is the same picture, and unrelated "
    "pictures differ in about 128",
    "cells": "in how many parts of the picture details stand in the same places, above what chance brings: "
    "more is surer",
    "‰ of bits": "how many of 1,000 bits of the two sounds' fingerprints differ: 0 is the same sound, and unrelated "
    "sounds differ in about 500",
    "‰ of cosine distance": "how far apart an image model puts the two pictures: 0 is the same, and 1,000 has "
    "nothing in common",
}
BASES = {
    Basis.COPY: (
        "Copy proved",
        "Pictures or sound of this clip equal an official file; below stands where, so that anyone can check it.",
    ),
    Basis.SUGGESTION: (
        "Suggestion",
        "Words, labels, a first frame or a likeness point this way. Nothing here proves a copy: a person decides.",
    ),
}
STATES = {"present": "found", "absent": "not found", "invalid": "found, and broken"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One name or description that the caption was read as.

    written     the caption's own letters; several words for a description
    name        what they were read as
    how         the rule, in words
    """

    written: tuple[str, ...]
    name: str
    rule: str
    how: str
    weight: float
    sentence: str


def meaning(unit: str) -> str:
    """What a number of this unit says."""
    return UNITS.get(unit, "the method's own measure")


def needed(match: Match) -> str:
    """A distance and its threshold: `12 of at most 64 bits`, `31 cells, at least 8 needed`."""
    if match.more_is_nearer:
        return f"{match.distance} {match.unit}, at least {match.threshold} needed"
    return f"{match.distance} of at most {match.threshold} {match.unit}"


def sureness(match: Match) -> str:
    """The probability in words, and what it is of."""
    said = "copies" if match.basis is Basis.COPY else "what a person calls alike"
    hundred = f"{100 * match.probability:.1f}".removesuffix(".0")
    return f"By the method's own calibration, {hundred} of 100 such matches are {said}."


def scoring(finding: Finding) -> str:
    """How the score came about, so that it can be done again by hand."""
    if finding.score == SILENCED and any(reason.weight == SILENCED for reason in finding.reasons):
        return (
            f"The score is {SILENCED:g}, whatever else is there: a licensed or known false reference explains the clip."
        )
    hit = f"From {HIT_SCORE:g} a finding stands on the hit list."
    if finding.basis is Basis.COPY:
        seen = max((one.weight for one in finding.reasons if one.kind not in SUGGESTING), default=0.0)
        heard = max((one.weight for one in finding.reasons if one.kind == "sound"), default=0.0)
        parts = f"{seen:g} for the surest proof"
        if heard:
            parts += f" and {heard:g} for the sound; that both are wrong is the product of their doubts"
        return f"A copy: {parts}. No score is above {COPY_MOST:g}. {hit}"
    return (
        "A suggestion: the strongest of each kind is added up (name, element, one sign of generation, account, "
        f"first frame or likeness, sound), and the sum stops at {SUGGESTION_MOST:g}, short of what a hash proves. {hit}"
    )


def mark_words(marks: Iterable[Mark]) -> list[tuple[str, str, bool]]:
    """(state, sentence, whether it counts as a sign of generation), what counts first."""
    told = [(STATES[mark.state], printable(mark.sentence, most=400), mark.evidence) for mark in marks]
    return sorted(dict.fromkeys(told), key=lambda one: (not one[2], one[0] == STATES["absent"]))


def caption_readings(reasons: Sequence[Reason]) -> tuple[Read, ...]:
    """What of the caption was read as which name by which rule; a finding of an older rule has sentences only."""
    return tuple(_reading(one) for one in reasons if one.kind in {"words", "element"})


def _reading(reason: Reason) -> Read:
    detail = reason.detail
    rule = str(detail.get("rule", ""))
    if rule == "description":
        written = tuple(str(word) for word in detail.get("carried", ()))
        how = f"its words are {detail.get('score', 0):.2f} alike, {detail.get('threshold', 0):.2f} needed"
        name = str(detail.get("description", ""))
    else:
        written = (str(detail["written"]),) if "written" in detail else ()
        how = "the brand's own hashtag" if rule == "hashtag" else RULES[rule].words if rule in RULES else ""
        name = str(detail.get("name", ""))
    return Read(written=written, name=name, rule=rule, how=how, weight=reason.weight, sentence=reason.sentence)


def caption_pieces(caption: str, readings: Sequence[Read]) -> tuple[tuple[str, int], ...]:
    """The caption cut into pieces: (text, number of the reading that it carried, or 0).

    One line, printable, at most MOST_CAPTION letters: what `written` was made of in the same way.
    """
    text = printable(caption, most=MOST_CAPTION)
    spans: list[tuple[int, int, int]] = []
    for number, read in enumerate(readings, start=1):
        for written in read.written:
            wanted = re.escape(printable(written, most=80).removesuffix("…"))
            # A description was carried by whole words; a name may stand inside a longer one.
            pattern = rf"(?<!\w){wanted}(?!\w)" if read.rule == "description" else wanted
            if wanted:
                spans += [(*one.span(), number) for one in re.finditer(pattern, text, re.IGNORECASE)]
    pieces, at = [], 0
    for start, end, number in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start < at:
            continue
        pieces += [(text[at:start], 0), (text[start:end], number)]
        at = end
    return tuple(piece for piece in [*pieces, (text[at:], 0)] if piece[0])
