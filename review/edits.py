"""Captions that changed, made fit to show: each earlier text with what was taken out and put in.

Marks words, and single letters of scripts that set no gap between words. Never takes long: of two texts that have
little in common all that differs is marked as one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from itertools import groupby, pairwise

from core.findings import Caption
from core.words import hashtags
from review.words import readable
from store.captions import History

MOST_LETTERS = 200_000  # of all captions of a page together
MOST_CAPTION = 4000  # letters of one
MOST_STEPS = 1_000_000  # pairs of words held against each other for a page: a second at the most
MOST_PAIRS = 20_000  # for one change
MOST_TAGS = 30
# A word with the gap behind it; a letter of a script without gaps (as in core.words.mentions) with its marks; signs.
PIECE = re.compile(r"(?:(?=\w)[\u0e00-\U0010ffff][^\w\s]*|[^\s\u0e00-\U0010ffff]+|[^\w\s]+)\s*|\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a caption.

    said_at, at  when the earlier text was first seen, and when the later one was
    parts        ("same" | "gone" | "new", text) in the order to read them
    gone, new    hashtags beside the text
    label        what the platform's AI label said and says, "" for no label; None where it stays
    """

    said_at: datetime
    at: datetime
    parts: tuple[tuple[str, str], ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]
    label: tuple[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """All changes of a post's caption, the newest first; left_out: how many texts before the present are not kept."""

    post: str
    times: int
    left_out: int
    changes: tuple[Change, ...]


def edits(histories: Sequence[History]) -> dict[str, Edits]:
    """Post -> its edits, together no longer than a page may be."""
    many = max(sum(len(one.earlier) for one in histories), 1)
    most, pairs = min(MOST_CAPTION, MOST_LETTERS // (2 * many)), min(MOST_PAIRS, MOST_STEPS // many)
    return {
        one.post: Edits(
            post=one.post,
            times=one.edits,
            left_out=one.left_out,
            changes=tuple(_change(*two, most=most, pairs=pairs) for two in pairwise([*one.earlier, one.now]))[::-1],
        )
        for one in histories
    }


def _change(before: Caption, after: Caption, *, most: int, pairs: int) -> Change:
    texts = [readable(one.text, most=max(most, 2)) for one in (before, after)]
    # A hashtag in the text is marked there.
    tags = [dict.fromkeys(one.hashtags[:MOST_TAGS]) for one in (before, after)]
    written = [set(hashtags(one.text[:MOST_CAPTION])) for one in (before, after)]
    labels = [readable(one.ai_label.value, most=80) if one.ai_label else "" for one in (before, after)]
    return Change(
        said_at=before.seen_at,
        at=before.until_at or after.seen_at,
        parts=marked(*texts, pairs=pairs),
        gone=tuple(readable(name, most=60) for name in tags[0] if name not in {*tags[1], *written[0]}),
        new=tuple(readable(name, most=60) for name in tags[1] if name not in {*tags[0], *written[1]}),
        label=(labels[0], labels[1]) if labels[0] != labels[1] else None,
    )


def marked(before: str, after: str, *, pairs: int = MOST_PAIRS) -> tuple[tuple[str, str], ...]:
    """Two texts as one, each stretch "same", "gone" or "new": without the new it is the earlier, but for gaps.

    pairs  of words that may be held against each other; where they would be more, all between the common beginning
           and the common end is gone and new
    """
    old, new = PIECE.findall(before), PIECE.findall(after)
    ours, theirs = [one.rstrip() for one in old], [one.rstrip() for one in new]
    first = next((at for at, two in enumerate(zip(ours, theirs, strict=False)) if two[0] != two[1]), None)
    first = min(len(old), len(new)) if first is None else first
    last = 0
    while last < min(len(old), len(new)) - first and ours[-1 - last] == theirs[-1 - last]:
        last += 1
    ours, theirs = ours[first : len(old) - last], theirs[first : len(new) - last]
    steps = _steps(ours, theirs) if len(ours) * len(theirs) <= pairs else ["gone"] * len(ours) + ["new"] * len(theirs)
    return _joined(["same"] * first + steps + ["same"] * last, old, new)


def _steps(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """What becomes of each word, in the order to read them."""
    steps = list[str]()
    for what, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            steps += ["same"] * (i_end - i)
        else:
            steps += ["gone"] * (i_end - i) + ["new"] * (j_end - j)
    return steps


def _joined(steps: Sequence[str], old: Sequence[str], new: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Stretches of one kind as one text each; the end of one text gets a gap where words of the other follow."""
    ours, theirs, found = [*old[:-1], *map(_spaced, old[-1:])], [*new[:-1], *map(_spaced, new[-1:])], list[str]()
    i, j = 0, 0
    for step in steps:
        found.append(ours[i] if step == "gone" else theirs[j])
        i, j = i + (step != "new"), j + (step != "gone")
    pairs = groupby(zip(steps, found, strict=True), key=lambda pair: pair[0])
    return tuple((step, "".join(word for _, word in group)) for step, group in pairs)


def _spaced(word: str) -> str:
    """A text's last word with the gap that words have; scripts without gaps, and those that have one, as they are."""
    return word if word[-1].isspace() or word[-1] >= "\u0e00" else word + " "
