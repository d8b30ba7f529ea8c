"""What is normal in a platform's answers, learned from them, and what no longer is: told by name, never guessed.

A learned share belongs to a key ("items[].video.playAddr string"): of the objects that could hold it, how many did.
Runs of watches are the clusters: posts of one page are alike, so a page of 40 counts as a few, never as 40. What is
lower than it was is held back, not learned, until the next cycles settle it: it was noise, or it is told.

Two things are asked of each key. Has what (nearly) all had gone from all of them? There, posts that were seen before
say as much as new ones, since they had it then. Has a share fallen? There, only new posts say anything.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from difflib import SequenceMatcher
from typing import Any

from core.shapes import DOT, MOST_PATHS, MOST_WORDS, Shape, merged, parent

EVIDENCE = 11.5  # log likelihood ratio: a chance of 1 in 1e6 for each key and cycle, if its clusters are alike
EVIDENCE_OF_RENAMING = 4.0  # 1 in 400; and something new must appear in its place just then
EVIDENCE_OF_A_TWIN = 2.0  # 1 in 20; and what appears has the same fields in it
TWINS = 0.6  # share of field names that two objects have in common
REQUIRED = 0.98  # a share from which a key counts as always there
REQUIRED_OF = 30  # different items that had it
GONE_FROM = 8  # items that lack it in one cycle: the one quoted post of a page is no proof
GUESS, GUESS_WEIGHT = 0.4, 5.0  # how much of a cluster's page is one post over again, until it has been measured
MOST_CLUSTERS = 200.0  # what is older counts less and less
MOST_HELD = 30.0  # clusters that are held back; then they are what is normal
KNOWN_AFTER = 3  # runs of a watch that only teach: a new account may be unlike the others
MOST_WATCHES = 1000
MOST_CHILDREN = 150
FORGET_DAYS = 7.0  # after which what is gone is what is normal
SETTLED_PAGES = 20  # of new posts and without a new word, before a set of words counts as closed


@dataclass(slots=True)
class Tally:
    """Shares of some clusters: their weight, sum, sum of squares, sum of 1 / size; and all their items."""

    clusters: float = 0.0
    shares: float = 0.0
    squares: float = 0.0
    inverse: float = 0.0
    items: float = 0.0

    def add(self, held: int, could: int, weight: float = 1.0) -> None:
        """One more cluster."""
        share = held / could
        self.clusters += weight
        self.shares += weight * share
        self.squares += weight * share * share
        self.inverse += weight / could
        self.items += weight * could

    def take(self, other: "Tally") -> None:
        """Take in another; what is old fades."""
        self.clusters += other.clusters
        self.shares += other.shares
        self.squares += other.squares
        self.inverse += other.inverse
        self.items += other.items
        if self.clusters > MOST_CLUSTERS:
            fade = MOST_CLUSTERS / self.clusters
            self.clusters, self.shares = self.clusters * fade, self.shares * fade
            self.squares, self.inverse = self.squares * fade, self.inverse * fade
            self.items *= fade

    @property
    def share(self) -> float:
        """The mean, 0..1."""
        return self.shares / self.clusters if self.clusters else 0.0

    def worth(self) -> float:
        """How many independent posts one cluster is worth: from how much shares differ between clusters."""
        mean = self.share
        spread, chance = self.squares / self.clusters - mean * mean, mean * (1 - mean)
        measured = spread / chance if chance > 1e-6 else GUESS
        design = (self.clusters * measured + GUESS_WEIGHT * GUESS) / (self.clusters + GUESS_WEIGHT)
        return 1 / max(design, 0.02)


@dataclass(slots=True)
class Key:
    """What is known of one key.

    all, new            what was learned of all posts, and of new ones
    held_all, held_new  what is held back, since the cycle held_from
    settled             pages of new posts since its words had a new one
    first               the cycle in which it was first seen
    since               when it was found to be gone or fewer, in days; `kind` and `told` say so
    """

    all: Tally = field(default_factory=Tally)
    new: Tally = field(default_factory=Tally)
    held_all: Tally = field(default_factory=Tally)
    held_new: Tally = field(default_factory=Tally)
    look: str = ""
    words: dict[str, int] | None = field(default_factory=dict)
    settled: float = 0.0
    first: int = 0
    held_from: int = 0
    since: float | None = None
    kind: str = ""
    told: str = ""


@dataclass(slots=True)
class Learned:
    """What is normal at one place (a kind of question to one site)."""

    cycles: int = 0
    keys: dict[str, Key] = field(default_factory=dict)
    watches: dict[str, int] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As JSON may hold it."""
        keys = {name: _packed(key) for name, key in self.keys.items()}
        return {"cycles": self.cycles, "watches": self.watches, "keys": keys}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Learned":
        """What `plain` wrote."""
        keys = {name: _unpacked(packed) for name, packed in plain["keys"].items()}
        return cls(cycles=plain["cycles"], watches=plain["watches"], keys=keys)


_TALLIES = frozenset({"all", "new", "held_all", "held_new"})


def _packed(key: Key) -> dict[str, Any]:
    """Only what is not as in a new key: a place has hundreds."""
    empty = asdict(Key())
    packed = {part: value for part, value in asdict(key).items() if value != empty[part]}
    return {
        part: [float(f"{number:.6g}") for number in value.values()] if part in _TALLIES else value
        for part, value in packed.items()
    }


def _unpacked(packed: dict[str, Any]) -> Key:
    parts: dict[str, Any] = {part: Tally(*value) if part in _TALLIES else value for part, value in packed.items()}
    return Key(**parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The answers of one place in one run of a watch.

    new     0..1: what share of their posts the watch had not seen before
    broken  whether the spider could not read one of them: then it takes less to say what is gone
    """

    watch: str
    shape: Shape
    new: float
    broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that is not as it was. kind: vanished, renamed, retyped, fewer, or value."""

    path: str
    kind: str
    told: str


def learn(learned: Learned, clusters: Sequence[Cluster], *, days: float) -> list[Alert]:
    """Judge one cycle's clusters, learn from them, and return what is not as it was: every one that still holds.

    learned   changed in place
    days      now, in days since whenever
    """
    known = [one for one in clusters if one.broken or learned.watches.get(one.watch, 0) >= KNOWN_AFTER]
    teaching = [one for one in clusters if not one.broken and learned.watches.get(one.watch, 0) < KNOWN_AFTER]
    size = _holders(learned)
    alerts = []
    for name, key in learned.keys.items():
        _judge(name, key, learned, known, days)
        if key.since is not None:
            alerts.append(Alert(path=name.rpartition(" ")[0], kind=key.kind, told=key.told))
        else:
            _add(name, key, teaching)
    alerts += _words(learned, clusters, known)
    _add_new_keys(learned, [one for one in clusters if not one.broken], size)
    for one in clusters:
        if len(learned.watches) < MOST_WATCHES or one.watch in learned.watches:
            learned.watches[one.watch] = learned.watches.get(one.watch, 0) + (not one.broken)
    learned.cycles += 1
    return alerts


def _judge(name: str, key: Key, learned: Learned, known: Sequence[Cluster], days: float) -> None:
    """Take in what known watches say of a key: learned, held back, or found to be gone."""
    now_all, now_new = _tallies(name, known)
    if not now_all.clusters:
        return
    if key.since is not None:
        back = now_all.share > key.all.share / 2
        if not back and days - key.since <= FORGET_DAYS:
            return
        if not back:
            key.all, key.new = Tally(), Tally()
        key.held_all, key.held_new, key.since, key.kind, key.told = Tally(), Tally(), None, "", ""
    if not key.held_all.clusters:
        key.held_from = learned.cycles
    key.held_all.take(now_all)
    key.held_new.take(now_new)
    gone = key.held_all.shares == 0
    plain = evidence(key.all, key.held_all) if gone else 0.0
    required = key.all.share >= REQUIRED and key.new.items >= REQUIRED_OF and now_all.items >= GONE_FROM
    proof = plain if required else 0.0
    fall = evidence(key.new, key.held_new) if key.held_new.share < key.new.share / 2 else 0.0
    # Where the spider could not read the answer, something did change: it takes less to say what.
    eager = any(one.broken for one in known)
    found = _renamed(name, key, learned, known, max(proof, fall, plain if eager else plain / 2)) if gone else None
    if found is None and proof >= (EVIDENCE_OF_RENAMING if eager else EVIDENCE):
        found = "vanished", f"{_shown(name)} vanished"
    if found is None and fall >= EVIDENCE:
        shares = f"{key.new.share:.0%} of new items had it, now {key.held_new.share:.0%}"
        found = "fewer", f"{_shown(name)} is carried by fewer: {shares}"
    if found:
        key.since, (key.kind, key.told) = days, found
    elif max(proof, fall, plain) < 1 or key.held_all.clusters > MOST_HELD:
        key.all.take(key.held_all)
        key.new.take(key.held_new)
        key.held_all, key.held_new = Tally(), Tally()


def evidence(before: Tally, now: Tally) -> float:
    """How much better two shares explain what was seen than one: a log likelihood ratio, 0 where they are equal."""
    if not before.clusters or not now.clusters:
        return 0.0
    worth = before.worth()
    first = before.clusters * min(worth, before.clusters / before.inverse)
    second = now.clusters * min(worth, now.clusters / now.inverse)
    pooled = (first * before.share + second * now.share) / (first + second)
    return first * _divergence(before.share, pooled) + second * _divergence(now.share, pooled)


def _divergence(share: float, of: float) -> float:
    """Kullback-Leibler divergence of two coins, in nats."""
    pairs = ((share, of), (1 - share, 1 - of))
    return sum(one * math.log(one / other) for one, other in pairs if one > 1e-12 and other > 1e-12)


def _tallies(name: str, clusters: Iterable[Cluster]) -> tuple[Tally, Tally]:
    every, new = Tally(), Tally()
    for one in clusters:
        held, could = one.shape.held(name)
        if could:
            every.add(held, could)
            if one.new:
                new.add(held, could, one.new)
    return every, new


def _add(name: str, key: Key, clusters: Iterable[Cluster]) -> None:
    every, new = _tallies(name, clusters)
    key.all.take(every)
    key.new.take(new)


# ------------------------------------------------------------------------ names
def _renamed(name: str, key: Key, learned: Learned, known: Sequence[Cluster], proof: float) -> tuple[str, str] | None:
    """What a key that is gone is called now: another type at its path, or a new sibling of its type and look.

    proof   that it is gone at all
    """
    path, _, kind = name.rpartition(" ")
    rivals = []
    for other in _appeared(learned, known, key.held_from) if proof >= EVIDENCE_OF_A_TWIN else ():
        place, _, new_kind = other.rpartition(" ")
        if _tallies(other, known)[0].share < key.all.share / 2:
            continue
        if place == path and proof >= EVIDENCE_OF_RENAMING:
            return "retyped", f"{_shown(name)} was {_a(kind)}, is now {_a(new_kind)}"
        if new_kind != kind or parent(place) != parent(path) or "[]" in (place[-2:], path[-2:]):
            continue
        twins = kind == "object" and _alike(_children(path, learned.keys), _children(place, _names(known)))
        if twins or (proof >= EVIDENCE_OF_RENAMING and _look(place, known) == key.look):
            rivals.append((twins, SequenceMatcher(None, path, place).ratio(), other))
    return ("renamed", f"{_shown(name)} vanished; {_shown(max(rivals)[2])} appeared beside it") if rivals else None


def _appeared(learned: Learned, known: Sequence[Cluster], since: int) -> list[str]:
    """Keys that known watches show, and that nobody saw before that cycle."""
    old = {name for name, key in learned.keys.items() if key.first < since}
    return sorted(_names(known) - old)


def _names(clusters: Iterable[Cluster]) -> set[str]:
    return {name for one in clusters for name in one.shape.names()}


def _children(path: str, names: Iterable[str]) -> set[str]:
    return {name.rpartition(" ")[0].removeprefix(path) for name in names if parent(name.rpartition(" ")[0]) == path}


def _alike(one: set[str], other: set[str]) -> bool:
    return len(one & other) >= 2 and len(one & other) >= TWINS * len(one | other)


def _look(path: str, clusters: Iterable[Cluster]) -> str:
    looks: dict[str, int] = {}
    for one in clusters:
        for look, count in (one.shape.nodes[path].looks if path in one.shape.nodes else {}).items():
            looks[look] = looks.get(look, 0) + count
    return max(looks, key=lambda look: looks[look], default="")


def _shown(name: str) -> str:
    return name.rpartition(" ")[0].replace(DOT, ".") or "the answer"


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "ao" else f"a {kind}"


# --------------------------------------------------------------------- new keys
def _holders(learned: Learned) -> dict[str, Key]:
    """Parent path -> how many clusters could have shown a key of it, all and new: a new key was absent from them."""
    found: dict[str, Key] = {}
    for name, key in learned.keys.items():
        at = parent(name.rpartition(" ")[0])
        if at not in found or key.all.clusters > found[at].all.clusters:
            every, new = (Tally(one.clusters, 0.0, 0.0, one.inverse, one.items) for one in (key.all, key.new))
            found[at] = Key(all=every, new=new)
    return found


def _add_new_keys(learned: Learned, clusters: Sequence[Cluster], size: dict[str, Key]) -> None:
    children: dict[str, int] = {}
    for name in learned.keys:
        at = parent(name.rpartition(" ")[0])
        children[at] = children.get(at, 0) + 1
    for name in sorted(_names(clusters) - learned.keys.keys()):
        path = name.rpartition(" ")[0]
        at = parent(path)
        if len(learned.keys) >= MOST_PATHS or children.get(at, 0) >= MOST_CHILDREN:
            continue
        children[at] = children.get(at, 0) + 1
        absent = size.get(at, Key())
        key = Key(all=replace(absent.all), new=replace(absent.new), look=_look(path, clusters), first=learned.cycles)
        _add(name, key, clusters)
        learned.keys[name] = key
    for name in [name for name, key in learned.keys.items() if key.since is None and key.all.share < 1e-4]:
        del learned.keys[name]


# ------------------------------------------------------------------------ words
def _leaf(path: str) -> str:
    return path.rpartition(".")[2]


def _words(learned: Learned, clusters: Sequence[Cluster], known: Sequence[Cluster]) -> list[Alert]:
    """New members of small closed sets of words; told once, and then part of the set."""
    alerts, elsewhere = [], dict[str, set[str]]()  # a quoted post's media are of the same types as a post's
    for name, key in learned.keys.items():
        elsewhere.setdefault(_leaf(name.rpartition(" ")[0]), set()).update(key.words or ())
    for name, key in learned.keys.items():
        path, _, kind = name.rpartition(" ")
        if kind != "string" or key.words is None:
            continue
        seen: dict[str, int] | None = {}
        for one in clusters:
            node = one.shape.nodes.get(path)
            seen = merged(seen, node.words if node else {})
        new = sorted((seen or {}).keys() - key.words.keys())
        closed = key.settled >= SETTLED_PAGES and 1 < len(key.words) < MOST_WORDS
        by_known = {word for one in known if path in one.shape.nodes for word in one.shape.nodes[path].words or ()}
        # Several new words at once, or some that are no words: it was never a closed set.
        if closed and len(new) == 1 and new[0] in by_known and new[0] not in elsewhere[_leaf(path)]:
            there = ", ".join(sorted(key.words))
            told = f"{_shown(name)} has a new value, {new[0]}, beside {there}"
            alerts.append(Alert(path=path, kind="value", told=told))
        key.words = merged(key.words, seen)
        key.settled = 0.0 if new else key.settled + sum(one.new for one in clusters if path in one.shape.nodes)
    return alerts
