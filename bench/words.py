"""What captions suggest, told right and wrong: `./run bench words [--set tune|later] [--json]`.

Sixty captions in twelve languages (bench/words.yml, written by us before any rule was tuned), half of
which allude to the example brand's franchises. A decision is a caption with a franchise: right when
the caption alludes to it and a reason was given. Words only suggest, so this is no rate of findings.
Speed beside it: ten thousand captions against fifty elements with five descriptions each.
"""

import argparse
import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from app.brands import load
from core.naming import word_reasons
from core.records import Element, Franchise, Post, Reason
from core.words import hashtags
from crawler.crawl import platforms

HERE = Path(__file__).resolve().parent
CAPTIONS = HERE / "words.yml"
EXAMPLE = HERE.parent / "data" / "brands" / "example.yml"
CONSOLE = Console()


@dataclass(frozen=True, slots=True)
class Caption:
    """One caption and the franchise it alludes to, or none; `way` says how."""

    text: str
    truth: str
    way: str
    language: str


@dataclass(frozen=True, slots=True)
class Said:
    """One caption with every reason given for it, by franchise."""

    caption: Caption
    reasons: dict[str, list[Reason]]

    @property
    def right(self) -> bool:
        """Whether exactly what the caption alludes to was suggested, or nothing where it alludes to nothing."""
        return set(self.reasons) == ({self.caption.truth} - {"none"})


def captions(name: str) -> list[Caption]:
    """The captions of one set: reported, tune or later."""
    kept = yaml.safe_load(CAPTIONS.read_text(encoding="utf-8"))[name]
    return [Caption(one["text"], one["is"], one["way"], one["language"]) for one in kept]


def as_post(text: str) -> Post:
    """A caption as a post with nothing else known of it, so that nothing but words can help."""
    return Post(
        id="bench:1",
        platform="bench",
        url="https://bench.example/1",
        author_handle="someone",
        author_id="1",
        text=text,
        hashtags=hashtags(text),
        language=None,
        posted_at=datetime(2026, 11, 20, tzinfo=UTC),
        attachments=(),
    )


def judge(caption: Caption, franchises: tuple[Franchise, ...]) -> Said:
    """Every reason of every franchise for one caption."""
    given = {one.id.split("/")[-1]: word_reasons(as_post(caption.text), one)[0] for one in franchises}
    return Said(caption, {name: reasons for name, reasons in given.items() if reasons})


def counts(said: list[Said]) -> dict[str, Any]:
    """Precision and recall of all decisions, and by the rule of the strongest reason."""
    by_rule: dict[str, Counter[str]] = defaultdict(Counter)
    right = wrong = missed = 0
    for one in said:
        for name, reasons in one.reasons.items():
            true = name == one.caption.truth
            right, wrong = right + true, wrong + (not true)
            by_rule[reasons[0].detail["rule"]]["right" if true else "wrong"] += 1
        missed += one.caption.truth != "none" and one.caption.truth not in one.reasons
    return {
        "captions": len(said),
        "right": right,
        "wrong": wrong,
        "missed": missed,
        "precision": round(right / max(1, right + wrong), 3),
        "recall": round(right / max(1, right + missed), 3),
        "by_rule": {rule: dict(by_rule[rule]) for rule in sorted(by_rule)},
        "recall_by_way": _by_way(said),
    }


def _by_way(said: list[Said]) -> dict[str, str]:
    ways: dict[str, list[bool]] = defaultdict(list)
    for one in said:
        if one.caption.truth != "none":
            ways[one.caption.way].append(one.caption.truth in one.reasons)
    return {way: f"{sum(found)} of {len(found)}" for way, found in sorted(ways.items())}


def speed(texts: list[str]) -> dict[str, float]:
    """Seconds for ten thousand captions, each a little different, against one franchise of fifty elements."""
    seen = "silver green giant tall shadow candle storm robot flower masked velvet crystal marble iron".split()  # noqa: SIM905 -- a list kept as a line reads better
    worn = "gown tracksuit doll spider palace sword braid monster mask lantern bridge throne armour wings".split()  # noqa: SIM905 -- the same
    elements = tuple(
        Element(
            id=f"bench/big/{nth}",
            franchise="bench/big",
            name=f"Wanderer {nth}x",
            nature="character",
            descriptions=tuple(
                f"a {seen[(nth + turn) % 14]} {worn[nth % 14]} number{nth} beside a {seen[(nth * 3 + turn) % 14]}"
                f" {worn[(nth + turn) % 14]} under the {seen[(nth * 5) % 14]} sky of district{turn}"
                for turn in range(5)
            ),
        )
        for nth in range(50)
    )
    big = Franchise(id="bench/big", brand="bench", title="Wandering Quxes", owner="Owner", elements=elements)
    posts = [as_post(f"{texts[nth % len(texts)]} word{nth} {seen[nth % 14]} {worn[nth % 11]}") for nth in range(10_000)]
    word_reasons(posts[0], big)
    start, busy = time.perf_counter(), time.process_time()
    for post in posts:
        word_reasons(post, big)
    took, busy = time.perf_counter() - start, time.process_time() - busy
    return {"captions": len(posts), "descriptions": 250, "seconds": round(took, 2), "cpu_s": round(busy, 2)}


def show(found: dict[str, Any], said: list[Said], which: str) -> None:
    """The tables a person reads: totals, rules, ways, and every caption told wrong."""
    total = Table("captions", "right", "wrong", "missed", "precision", "recall", title=f"words, {which}")
    total.add_row(*(str(found[name]) for name in ("captions", "right", "wrong", "missed", "precision", "recall")))
    rules = Table("strongest rule", "right", "wrong", "precision")
    for rule, of in found["by_rule"].items():
        right, wrong = of.get("right", 0), of.get("wrong", 0)
        rules.add_row(rule, str(right), str(wrong), f"{right / (right + wrong):.2f}")
    ways = Table("way of alluding", "found")
    for way, share in found["recall_by_way"].items():
        ways.add_row(way, share)
    wrong_ones = Table("told wrong", "is", "said")
    for one in said:
        if not one.right:
            sentences = "; ".join(reason.sentence for reasons in one.reasons.values() for reason in reasons[:2])
            wrong_ones.add_row(one.caption.text, one.caption.truth, sentences or "nothing")
    for table in (total, rules, ways, wrong_ones):
        CONSOLE.print(table)


def main() -> None:
    """Judge the captions, time the engine, show both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=("reported", "tune", "later"), default="reported", help="which captions")
    parser.add_argument("--json", action="store_true", help="figures only, as JSON")
    asked = parser.parse_args()
    known = {name: frozenset(spider.kinds) for name, spider in platforms().items()}
    franchises = load(EXAMPLE, known).franchises
    kept = captions(asked.set)
    said = [judge(caption, franchises) for caption in kept]
    found = counts(said) | {"speed": speed([caption.text for caption in kept])}
    if asked.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    show(found, said, asked.set)
    CONSOLE.print(
        "speed: {captions} captions, {descriptions} descriptions, {seconds} s ({cpu_s} s of one processor)".format(
            **found["speed"]
        )
    )


if __name__ == "__main__":
    main()
