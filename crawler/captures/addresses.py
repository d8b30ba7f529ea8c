"""A post's address -> its platform, its id, and, where the id tells it, when it was posted.

Ids of TikTok, Douyin, X, Instagram, Threads, RedNote and Bluesky carry their own time: the layouts are public and
old (snowflakes; a Mongo ObjectId; an atproto TID). Never asks the network.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from crawler.captures.capture import instant

_SHORT = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TID = "234567abcdefghijklmnopqrstuvwxyz"
PATTERNS = (  # host, path, platform; the groups `who` and `id`
    (r"(?:www\.|m\.)?tiktok\.com", r"/@(?P<who>[\w.]+)/(?:video|photo)/(?P<id>\d+)", "tiktok"),
    (r"(?:www\.|mobile\.)?(?:x|twitter)\.com", r"/(?P<who>\w+)/status/(?P<id>\d+)", "x"),
    (r"(?:www\.)?instagram\.com", r"(?:/(?P<who>[\w.]+))?/(?:p|reel|reels|tv)/(?P<id>[\w-]+)", "instagram"),
    (r"(?:www\.)?threads\.(?:com|net)", r"/@(?P<who>[\w.]+)/post/(?P<id>[\w-]+)", "threads"),
    (r"(?:www\.)?douyin\.com", r"/(?:video|note)/(?P<id>\d+)", "douyin"),
    (r"(?:www\.)?xiaohongshu\.com", r"/(?:explore|discovery/item)/(?P<id>[0-9a-f]{24})", "rednote"),
    (r"(?:[\w-]+\.)?pinterest\.[a-z.]+", r"/pin/(?P<id>\d+)", "pinterest"),
    (r"(?:www\.|m\.)?youtube\.com", r"/(?:shorts|live|embed)/(?P<id>[\w-]{11})", "youtube"),
    (r"youtu\.be", r"/(?P<id>[\w-]{11})", "youtube"),
    (r"(?:www\.)?dailymotion\.com", r"/video/(?P<id>\w+)", "dailymotion"),
    (r"(?:www\.)?vimeo\.com", r"/(?P<id>\d+)", "vimeo"),
    (r"bsky\.app", r"/profile/(?P<who>did:[\w:.%-]+)/post/(?P<id>\w+)", "bluesky"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an address leads; `posted_at` None and `handle` "unknown" when it does not tell."""

    platform: str
    post: str
    url: str
    handle: str
    posted_at: datetime | None


def place_of(url: str) -> Place:
    """Read an address.

    raises  ValueError when it is not http(s) with a host, or longer than addresses are
    """
    parts = urlsplit(url.strip())
    host = (parts.hostname or "").lower()
    if parts.scheme not in {"http", "https"} or not host or len(url) > 2000:
        raise ValueError(f"no address of a post: {url[:80]!r}")
    if host.endswith("youtube.com") and parts.path == "/watch" and (video := parse_qs(parts.query).get("v")):
        parts = parts._replace(path=f"/embed/{video[0]}")
    for hosts, path, platform in PATTERNS:
        found = re.fullmatch(hosts, host) and re.match(path + r"(?:/|$)", parts.path)
        if found:
            name, who = found["id"], found.groupdict().get("who") or "unknown"
            post = f"bluesky:{who}/{name}" if platform == "bluesky" else f"{platform}:{name}"
            return Place(platform=platform, post=post, url=url.strip(), handle=who, posted_at=told_by(platform, name))
    rest = parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "")
    return Place(platform="web", post=f"web:{host}{rest}", url=url.strip(), handle=f"unknown@{host}", posted_at=None)


def told_by(platform: str, name: str) -> datetime | None:
    """When an id says its post was made; None when it does not say, or says nonsense."""
    clock = _CLOCKS.get(platform)
    try:
        return instant(clock(name)) if clock else None
    except ValueError:
        return None


def _number(name: str, letters: str) -> int:
    """A name in the digits of an alphabet; ValueError for a letter outside it."""
    number = 0
    for letter in name:
        number = number * len(letters) + letters.index(letter)
    return number


def _meta(name: str) -> float:
    # What follows the eleventh letter belongs to a private post's address, not to the id.
    return ((_number(name[:11], _SHORT) >> 23) + 1_314_220_021_721) / 1000


# platform -> its id's own time, in seconds since 1970
_CLOCKS: dict[str, Callable[[str], float]] = {
    "tiktok": lambda name: int(name) >> 32,
    "douyin": lambda name: int(name) >> 32,
    "x": lambda name: ((int(name) >> 22) + 1_288_834_974_657) / 1000,
    "instagram": _meta,
    "threads": _meta,
    "rednote": lambda name: int(name[:8], 16),
    "bluesky": lambda name: (_number(name, _TID) >> 10) / 1e6,
}
