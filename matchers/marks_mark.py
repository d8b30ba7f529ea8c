"""What a file says about its own origin: the words of a report.

Never repeats a file's text as it stands: it is bounded, and stripped of what does not print.
"""

from typing import TypeAlias

from core.records import Mark, MarkClaim, MarkKind, MarkState

__all__ = ["NAMES", "Claim", "Kind", "Mark", "State", "shown"]

Kind: TypeAlias = MarkKind
State: TypeAlias = MarkState
Claim: TypeAlias = MarkClaim

NAMES: dict[Kind, str] = {
    "aigc-label": "GB 45438 AIGC label",
    "c2pa": "C2PA manifest",
    "iptc": "IPTC digital source type",
    "vendor": "mark of a generator",
    "encoder": "encoder name",
}


def shown(text: str, most: int) -> str:
    """Return a text of the file fit for a report: one line, printable, at most `most` characters.

    Direction overrides and lone surrogates go too: a name must not rewrite the sentence around it.
    """
    cut = text[: 2 * most]
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in cut).split())
    return line if len(line) <= most and len(cut) == len(text) else line[: most - 1] + "…"
