"""Made-up feeds for the schema watch: each its own mix of optional fields, pages that overlap, moods that last."""

import random
from collections.abc import Callable
from typing import Any

from core.drift import Cluster, Learned, learn
from core.shapes import shape_of

Item = dict[str, Any]
OPTIONAL = ("video", "image", "card", "label", "language", "quote", "alt")
PAGE = 20


class Feed:
    """One watch's feed of a platform."""

    def __init__(self, name: str, seed: int, *, a_cycle: int) -> None:
        self.name, self.a_cycle = name, a_cycle
        self.rng = random.Random(seed)  # noqa: S311 - made-up posts, no secret
        self.habits = {key: self.rng.betavariate(1, 1) for key in OPTIONAL}
        self.mood = dict(self.habits)
        self.items: list[Item] = [self._item() for _ in range(PAGE)]

    def page(self) -> tuple[list[Item], float]:
        """The newest items, and what share of them is new."""
        count = self.rng.randint(0, self.a_cycle)
        self.items = ([self._item() for _ in range(count)] + self.items)[:PAGE]
        return self.items, min(count, PAGE) / PAGE

    def start_anew(self, **habits: float) -> None:
        """A page of posts by other habits."""
        self.habits |= habits
        self.mood = dict(self.habits)
        self.items = [self._item() for _ in range(PAGE)]

    def _item(self, *, quoted: bool = False) -> Item:
        if self.rng.random() < 0.1:
            self.mood = {key: min(1.0, share * self.rng.uniform(0.4, 1.6)) for key, share in self.habits.items()}
        has = {key: self.rng.random() < share for key, share in self.mood.items()}
        item: Item = {
            "id": str(self.rng.randrange(10**17)),
            "uri": f"https://site.example/{self.rng.random()}",
            "created_at": "2026-11-20T12:00:00.000Z",
            "language": "en" if has["language"] else None,
            "account": {"username": self.name, "bot": False},
            "likes": 3,
            "media": [],
        }
        for kind in ("video", "image"):
            if has[kind]:
                media = {"type": kind, "url": "https://site.example/m", "alt": "what it shows" if has["alt"] else None}
                item["media"].append(media | ({"duration": 3.5} if kind == "video" else {"focus": {"x": 0, "y": 1}}))
        if has["card"]:
            item["card"] = {"url": "https://site.example/c", "title": "some page"}
        if has["label"]:
            item["ai_info"] = {"label_type": self.rng.choice(["creator", "auto"]), "url": "https://site.example/why"}
        if has["quote"] and not quoted:
            item["quote"] = self._item(quoted=True)
        return item


def watched(
    *feeds: Feed, cycles: int, change: Callable[[Item], None] | None = None, learned: Learned | None = None
) -> tuple[Learned, list[set[tuple[str, str]]]]:
    """Feeds watched for some cycles: what was learned, and the (kind, words) of the alerts of each cycle.

    change   what the platform does to each item
    learned  what was known before
    """
    learned, told = learned or Learned(), []
    for _ in range(cycles):
        clusters = []
        for feed in feeds:
            items, new = feed.page()
            shown = [_copy(item) for item in items]
            for item in shown if change else ():
                change(item)  # type: ignore[misc]  # checked in the line above
            clusters.append(Cluster(watch=feed.name, shape=shape_of(shown), new=new))
        days = learned.cycles / 24
        told.append({(alert.kind, alert.told) for alert in learn(learned, clusters, days=days)})
    return learned, told


def _copy(item: Item) -> Item:
    return {key: _copy(value) if isinstance(value, dict) else _copies(value) for key, value in item.items()}


def _copies(value: Any) -> Any:
    return [_copy(one) for one in value] if isinstance(value, list) else value
