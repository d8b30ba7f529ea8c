"""The shape of a JSON answer: which paths it has, of which types, how often, and the words that recur in them.

An answer comes from anyone: depth, size and names are bounded here, and keys that are data (ids, handles) become "*".
A path is written items[].video.playAddr. Never keeps what a person wrote: only short words without spaces.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

MOST_DEPTH = 24
MOST_NODES = 50_000  # values of one answer: a page of 40 posts has 6,000; a larger one is not judged at all
MOST_ITEMS = 40  # of one array; the first of them are as good as all
MOST_KEYS = 150  # of one object; more than that is a table with data for keys
MOST_PATHS = 1500
MOST_WORDS = 8  # a set of words that grows beyond this is not closed

_NAME = re.compile(r"[A-Za-z_$@][A-Za-z0-9_$@:\u2024-]{0,63}\Z")
_ID = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9]{10,}\Z|[0-9a-fA-F-]{16,}\Z|did:", re.ASCII)
_WORD = re.compile(r"[A-Za-z][\w.:/-]{2,39}\Z", re.ASCII)
_SEGMENT = re.compile(r"v\d{1,2}(\.\d{1,2})?\Z|[A-Za-z][A-Za-z_.-]{0,39}\Z", re.ASCII)
# Names of fields whose words are people's, places', languages' or ids: open sets, however few have been seen.
_OPEN = re.compile(
    r"(name|title|handle|acct|author|user|uploader|lang|language|locale|country|region|tag|city|text|caption|host|domain"
    r"|id|key|cursor|token|after|before|colou?r)s?(\.label)?\Z",
    re.IGNORECASE,
)
DOT = "\u2024"  # in the place of a dot within a key: Dailymotion's "owner.username" is one

Words = dict[str, int]


@dataclass(slots=True)
class Node:
    """What stood at one path: how many values of each type, and its words (None: no closed set)."""

    types: dict[str, int] = field(default_factory=dict)
    words: Words | None = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All values, null too."""
        return sum(self.types.values())


@dataclass(slots=True)
class Shape:
    """Some answers of one kind, together: path -> Node. The path of the answer itself is ""."""

    nodes: dict[str, Node] = field(default_factory=dict)

    def held(self, key: str) -> tuple[int, int]:
        """How many values of a key ("path type") there were, and how many could have been there."""
        path, _, kind = key.rpartition(" ")
        node, holder = self.nodes.get(path), self.nodes.get(parent(path))
        held = node.types.get(kind, 0) if node else 0
        if path.endswith("[]") or not path:
            return held, node.total if node else 0
        could = holder.types.get("object", 0) if holder else 0
        return min(held, could), could  # several keys that are data share one path

    def names(self) -> list[str]:
        """Every key ("path type") that is there; null is what an absent value looks like."""
        return [f"{path} {kind}" for path, node in self.nodes.items() for kind in node.types if kind != "null"]

    def merge(self, other: "Shape") -> None:
        """Take in another answer."""
        for path, node in other.nodes.items():
            mine = self.nodes.get(path)
            if mine is None:
                if len(self.nodes) < MOST_PATHS:
                    self.nodes[path] = node
                continue
            for name, count in node.types.items():
                mine.types[name] = mine.types.get(name, 0) + count
            for name, count in node.looks.items():
                mine.looks[name] = mine.looks.get(name, 0) + count
            mine.words = merged(mine.words, node.words)


def parent(path: str) -> str:
    """The path of what holds a path: items[].video of items[].video.playAddr; "" of a path at the top."""
    return path[:-2] if path.endswith("[]") else path.rpartition(".")[0]


def merged(one: Words | None, other: Words | None) -> Words | None:
    """Two sets of words as one; None when it is no closed set."""
    if one is None or other is None:
        return None
    both = {word: one.get(word, 0) + other.get(word, 0) for word in one.keys() | other.keys()}
    return both if len(both) <= MOST_WORDS else None


def shape_of(value: Any, *, words: bool = True) -> Shape:  # noqa: ANN401 - JSON is anything
    """The shape of one answer, as json.loads gives it.

    words   whether recurring words may be kept: not of answers that hold tokens
    returns an empty shape for an answer that is too large to see whole: half of one would look like a change
    """
    shape, waiting, looked = Shape(), [("", value, 0)], 0
    while waiting:
        path, one, depth = waiting.pop()
        looked += 1
        node = shape.nodes.setdefault(path, Node())
        if looked > MOST_NODES or len(shape.nodes) > MOST_PATHS:
            return Shape()
        kind = _kind(one)
        node.types[kind] = node.types.get(kind, 0) + 1
        if kind == "string":
            _read_string(node, path, one, words=words)
        elif depth >= MOST_DEPTH:
            continue
        elif kind == "array":
            waiting += [(f"{path}[]", item, depth + 1) for item in one[:MOST_ITEMS]]
        elif kind == "object":
            table = len(one) > MOST_KEYS
            names = list(one)[:MOST_KEYS]
            waiting += [(f"{path}.{'*' if table else _name(key)}".lstrip("."), one[key], depth + 1) for key in names]
    return shape


def _name(key: str) -> str:
    if "." in key[:64]:
        key = key.replace(".", DOT)
    return key if _NAME.match(key) and not _ID.match(key) else "*"


def _kind(value: object) -> str:
    if isinstance(value, str):
        return "string"
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, list):
        return "array"
    if value is None:
        return "null"
    return "boolean" if isinstance(value, bool) else "number"


def _read_string(node: Node, path: str, text: str, *, words: bool) -> None:
    look = look_of(text)
    node.looks[look] = node.looks.get(look, 0) + 1
    if node.words is None:
        return
    if not words or look != "word" or _OPEN.search(path):
        node.words = None
    else:
        node.words = merged(node.words, {text: 1})


def look_of(text: str) -> str:
    """What kind of string it is: a url, an instant, digits, a word, or free text."""
    if text[:8].lower().startswith(("http://", "https://")):
        return "url"
    if text[:20].isdigit():
        return "digits"
    if text[:4].isdigit() and text[4:5] == "-" and text[7:8] == "-":
        return "instant"
    return "word" if _WORD.match(text) else "text"


def place_of(role: str, url: str, query: str) -> str:
    """Which kind of question an answer is to: its role and its address without what is data in it.

    "page /api/v1/timelines/tag/*": answers to different questions have different shapes.
    """
    asked, parts = query.casefold().lstrip("#@"), []
    words = set(re.split(r"[^\w.-]+", asked))
    for part in urlsplit(url).path.split("/")[1:9]:
        plain = unquote(part)
        said = plain.casefold().lstrip("#@")
        data = said in words or (asked and asked in said)
        parts.append(plain if _SEGMENT.match(plain) and not data else "*")
    return f"{role} /{'/'.join(parts)}"
