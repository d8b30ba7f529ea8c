"""What is planted: plan.tsv, a line a post; texts are what people write under such clips.

The kind of edit and what is expected follow from the clip and the author, in posts.py.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PLAN = Path(__file__).with_name("plan.tsv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A post to be. clip: a file under media/ without its ending; hours: before now."""

    platform: str
    author: str
    clip: str
    hours: float
    language: str
    text: str


@cache
def lines() -> tuple[Line, ...]:
    """All of them, in the plan's order."""
    with PLAN.open(encoding="utf-8", newline="") as file:
        # QUOTE_NONE: a caption may hold quotes, and one of them is a formula on purpose.
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return tuple(
        Line(
            platform=row["platform"],
            author=row["author"],
            clip=row["clip"],
            hours=float(row["hours"]),
            language=row["language"],
            text=_unescaped(row["text"]),
        )
        for row in rows
    )


def _unescaped(text: str) -> str:
    """Line breaks and characters that turn the writing direction are spelled out in the file."""
    shown = re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), text)
    return shown.replace("\\n", "\n")


def on_peertube() -> frozenset[str]:
    """The clips that PeerTube also keeps in a smaller rendition."""
    return frozenset(line.clip for line in lines() if line.platform == "peertube")
