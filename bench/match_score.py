"""What counts as found, and how far off the seconds are: for our engine and for every peer alike.

A query is found when its own reference is among the hits. A hit on another scene is false; one on
another take of the same scene is counted apart, since neither answer to it is wrong.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from bench.corpus import scene

SPEED_TOLERANCE = 0.03  # of the true speed
Query: TypeAlias = Mapping[str, Any]  # a row of the index that bench/corpus.py writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of the query that is said to show a stretch of the reference, in seconds."""

    query: tuple[float, float]
    reference: tuple[float, float]
    speed: float
    mirrored: bool
    pairs: int = 0
    speed_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """What was said about one reference; `score` is surer when larger."""

    reference: str
    score: float
    method: str = ""
    parts: tuple[Part, ...] = ()


Answers: TypeAlias = Mapping[str, list[Hit]]  # the query's file -> its hits


@dataclass(slots=True, kw_only=True)
class Tally:
    """The answers of one engine, counted.

    recall      edit -> [found, of]; groups likewise
    false       [query, reference, score, method]: hits on another scene
    """

    recall: dict[str, list[int]]
    groups: dict[str, list[int]]
    false: list[tuple[str, str, float, str]]
    same_scene: int
    false_queries: int
    truths: dict[str, float | int] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Mean recall over the edits and combinations; animated stills and stand-ins stand apart."""
        return float(np.mean([share(one) for one in self.recall.values()])) if self.recall else 0.0

    @property
    def worst(self) -> tuple[str, float]:
        """The edit with the least recall."""
        if not self.recall:
            return "none", 0.0
        name = min(self.recall, key=lambda edit: share(self.recall[edit]))
        return name, share(self.recall[name])


def share(found_of: list[int]) -> float:
    """Found over all, 0 of 0 being 0."""
    return found_of[0] / found_of[1] if found_of[1] else 0.0


def kind(query: Query, reference: str) -> str:
    """Say what a hit is: true, same scene, or false. A library reference carries its scene before a #."""
    if reference == query["truth"]:
        return "true"
    shown = reference.split("#", 1)[0].removeprefix("library:") if reference.startswith("library:") else reference
    return "same scene" if scene(shown) in query["scenes"] else "false"


def tally(queries: Iterable[Query], answers: Answers) -> Tally:
    """Count the answers to the queries."""
    counts: dict[str, Counter[str]] = {"found": Counter(), "of": Counter()}
    groups: dict[str, Counter[str]] = {"found": Counter(), "of": Counter()}
    false, same_scene, hit_wrongly = [], 0, set()
    listed = list(queries)
    for query in listed:
        hits = answers.get(query["file"], [])
        if query["truth"]:
            counts["of"][query["edit"]] += 1
            groups["of"][query["group"]] += 1
            if any(hit.reference == query["truth"] for hit in hits):
                counts["found"][query["edit"]] += 1
                groups["found"][query["group"]] += 1
        for hit in hits:
            what = kind(query, hit.reference)
            same_scene += what == "same scene"
            if what == "false":
                false.append((query["file"].rsplit("/", 1)[-1], hit.reference, round(hit.score, 4), hit.method))
                hit_wrongly.add(query["file"])
    apart = {query["edit"] for query in listed if query["truth"] and query["group"] not in {"edit", "combo"}}
    return Tally(
        recall={edit: [counts["found"][edit], of] for edit, of in counts["of"].items() if edit not in apart},
        groups={
            **{group: [groups["found"][group], of] for group, of in groups["of"].items()},
            **{edit: [counts["found"][edit], of] for edit, of in counts["of"].items() if edit in apart},
        },
        false=sorted(false, key=lambda row: -row[2]),
        same_scene=same_scene,
        false_queries=len(hit_wrongly),
        truths=seconds(listed, answers),
    )


def seconds(queries: Iterable[Query], answers: Answers) -> dict[str, float | int]:
    """Compare what was said of times, speed and mirroring with the truth, over the queries found.

    splice_start_s, splice_end_s    mean absolute error of where in the query the copy begins and ends
    splice_reference_s              the same for where in the reference it begins
    speed_told, speed_right         share of the speed edits whose speed is told; of those the share within 3 %
    own_speed_told, speed_wrongly   of other clips, one stretch of one clip at its own speed: the share whose speed
                                    is told; the share of all of them that is told another
    mirrored_told, mirrored_wrongly share of mirrored queries called so, and of others called so
    reversed_told                   share of reversed queries told by a negative speed
    Each with its count as `<name>_of`; a name is missing where no such query was found.
    """
    seen: dict[str, list[float]] = {}
    for query in queries:
        hit = next((hit for hit in answers.get(query["file"], []) if hit.reference == query["truth"]), None)
        if hit is None or not hit.parts or not query["segments"]:
            continue
        truth, longest = query["segments"][0], max(hit.parts, key=lambda part: part.query[1] - part.query[0])
        if query["edit"] == "splice":
            starts, ends = min(part.query[0] for part in hit.parts), max(part.query[1] for part in hit.parts)
            seen.setdefault("splice_start_s", []).append(abs(starts - truth["query"][0]))
            seen.setdefault("splice_end_s", []).append(abs(ends - truth["query"][1]))
            first = min(part.reference[0] for part in hit.parts)
            seen.setdefault("splice_reference_s", []).append(abs(first - truth["reference"][0]))
        right = abs(longest.speed - truth["speed"]) <= SPEED_TOLERANCE * truth["speed"]
        if "speed" in query["edit"]:
            seen.setdefault("speed_told", []).append(float(longest.speed_known))
            if longest.speed_known:
                seen.setdefault("speed_right", []).append(float(right))
        elif len(query["segments"]) == 1 and truth["reference"][1] > truth["reference"][0] and not truth["reversed"]:
            seen.setdefault("own_speed_told", []).append(float(longest.speed_known))
            seen.setdefault("speed_wrongly", []).append(float(longest.speed_known and not right))
        if truth["reversed"]:
            seen.setdefault("reversed_told", []).append(float(longest.speed < 0))
        elif query["group"] != "i2v" or truth["mirrored"]:
            name = "mirrored_told" if truth["mirrored"] else "mirrored_wrongly"
            seen.setdefault(name, []).append(float(longest.mirrored))
    told: dict[str, float | int] = {}
    for name, values in seen.items():
        told[name] = round(float(np.mean(values)), 3)
        told[f"{name}_of"] = len(values)
    return told
