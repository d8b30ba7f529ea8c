"""The truth: which posts are planted, what was done to each clip, and what the job must make of it.

Reads no clock: everything hangs on the `now` it is given. Post ids do not, so that a second crawl
knows the posts again.
"""

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from app.demo.brand import brand_yaml
from app.demo.clips import known_path, still_path, trailer_path
from app.demo.plan import Line, lines
from app.demo.recipes import KNOWN, RECIPES, TRAILERS
from app.demo.scenes import SCENES

__all__ = ["PlantedPost", "brand_yaml", "plant", "references", "synthetic"]

MASTODON_HOST, PEERTUBE_HOST, TAGPAGE_HOST = "lantern.example", "tube.lantern.example", "tagpage.example"
NEWEST_ID = 116_500_000_000_000_000  # a snowflake of our days: milliseconds << 16
NAMESPACE = uuid.UUID("6f1d2c3e-0b51-4c5e-9a37-5d1f0c0ffee0")  # for the uuids of planted videos
HARD = frozenset({"mirrored", "cropped", "slowed", "spliced"})  # a perceptual hash of whole frames may miss them
CLASSES = {
    "northlight_official": "own", "kinopalast": "licensed", "streamhaus": "licensed", "evening_gazette": "press",
}  # fmt: skip
# The tag page labels what it knows to be generated, and misses some.
LABELLED = frozenset({"daydream.ai", "bone.engine", "ward7", "tin_town", "tinyfilms"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedPost:
    """One post of the demo's platform.

    native_id   as its platform counts: a snowflake, a uuid, a short word
    author      as shown; the handle is made from it
    media       a file name under media/
    edit        what was done to the official clip, or why it is none: own, licensed, press, new, unrelated
    franchise   the title it takes from, or None
    expected    copy, suggestion or nothing
    may_miss    hard edits, which the first methods may miss
    ai_label    whether the platform itself says that the clip is generated
    """

    platform: str
    native_id: str
    author: str
    text: str
    language: str
    posted_at: datetime
    media: str
    edit: str
    franchise: str | None
    expected: str
    may_miss: bool = False
    ai_label: bool = False
    views: int = 0
    likes: int = 0
    reposts: int = 0
    comments: int = 0

    @property
    def post_id(self) -> str:
        """The id the crawler gives it; the same whatever port the platform stands on."""
        match self.platform:
            case "mastodon":
                return f"mastodon:{self.uri.removeprefix('https://')}"
            case "peertube":
                return f"peertube:{self.native_id}"
        return f"browser:{TAGPAGE_HOST}/v/{self.native_id}"

    @property
    def uri(self) -> str:
        """A status' address at its origin, which every instance repeats."""
        return f"https://{MASTODON_HOST}/users/{self.name}/statuses/{self.native_id}"

    @property
    def name(self) -> str:
        """The author as an account name: what a platform would have let them register."""
        return re.sub(r"[^\w.]", "", self.author)

    @property
    def hashtags(self) -> tuple[str, ...]:
        """The hashtags of the text, as written, each once."""
        return tuple(dict.fromkeys(re.findall(r"#(\w+)", self.text)))


def plant(now: datetime) -> tuple[PlantedPost, ...]:
    """The posts of the three days before `now`."""
    return tuple(_post(line, now) for line in lines())


def _post(line: Line, now: datetime) -> PlantedPost:
    author, source = line.author, line.clip
    edit, franchise = _edit(source)
    expected = {"new": "suggestion", "unrelated": "nothing"}.get(edit, "copy")
    if author in CLASSES:
        edit, expected = CLASSES[author], "nothing"
    reach = int.from_bytes(hashlib.sha256(f"{author}{source}".encode()).digest()[:2], "big")
    return PlantedPost(
        platform=line.platform,
        native_id=_native_id(line),
        author=author,
        text=line.text,
        language=line.language,
        posted_at=(now - timedelta(hours=line.hours)).replace(microsecond=0),
        media=f"{source}.mp4",
        edit=edit,
        franchise=franchise,
        expected=expected,
        may_miss=expected == "copy" and edit in HARD,
        ai_label=line.author in LABELLED,
        views=reach * 3,
        likes=reach // 9,
        reposts=reach // 40,
        comments=reach // 90,
    )


def _edit(source: str) -> tuple[str, str | None]:
    """What a file is -> its edit and the franchise it takes from."""
    if source in RECIPES:
        origin = RECIPES[source].source
        return RECIPES[source].edit, TRAILERS.get(origin) or SCENES[origin].franchise
    franchise = SCENES[source].franchise
    return ("new" if franchise else "unrelated"), franchise


def _native_id(line: Line) -> str:
    match line.platform:
        case "mastodon":
            # Ids grow with time, as Mastodon's do; the hours before now are fixed, so the ids are too.
            return str(NEWEST_ID - (round(line.hours * 3_600_000) << 16))
        case "peertube":
            return str(uuid.uuid5(NAMESPACE, f"{line.author}/{line.clip}"))
    return hashlib.sha256(f"{line.author}/{line.clip}".encode()).hexdigest()[:11]


def references(folder: Path) -> list[tuple[str, str | None, str, Path]]:
    """What the studio knows: (franchise, element or None, bank, file) for each file under references/."""
    found: list[tuple[str, str | None, str, Path]] = []
    for scene in SCENES.values():
        if scene.official and scene.franchise:
            element = f"{scene.franchise}/{scene.element}" if scene.element else None
            found.append((scene.franchise, element, "positive", still_path(folder, scene.name)))
    found += [(franchise, None, "positive", trailer_path(folder, name)) for name, franchise in TRAILERS.items()]
    known = SCENES[KNOWN]
    found.append((str(known.franchise), f"{known.franchise}/{known.element}", "positive", known_path(folder)))
    return found


def synthetic(count: int, now: datetime) -> tuple[PlantedPost, ...]:
    """A large feed: `count` Mastodon posts on one tag, two seconds apart, that share a few clips."""
    files = ("dunes", "lighthouse", "birches", "aurora")
    return tuple(
        PlantedPost(
            platform="mastodon",
            native_id=str(NEWEST_ID - (number * 2000 << 16)),
            author=f"bench{number % 97}",
            text=f"Clip number {number}, one of very many #LoopbackBench",
            language="en",
            posted_at=now - timedelta(seconds=2 * number),
            media=f"{files[number % len(files)]}.mp4",
            edit="unrelated",
            franchise=None,
            expected="nothing",
            likes=number % 50,
        )
        for number in range(count)
    )
