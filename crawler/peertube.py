"""What PeerTube says of its videos, for the spiders that meet them: an instance's own, and the network's search.

A federated copy has the same uuid wherever it is found, and so is one post. What is live has no clip yet. Sends
nothing.
"""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

from scrapy.http import Response
from w3lib.url import add_or_replace_parameter

from core.records import Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.words import hashtags, tag
from crawler.fields import Fields
from crawler.platform import presence

PAGE_SIZE = 100  # the most an instance gives
MOST_TAGS = 5  # of one question
ASKED = {"start": 0, "count": PAGE_SIZE, "sort": "-publishedAt", "nsfw": "both", "isLive": "false"}


def listing(base: str) -> str:
    """A list's first page at this address: newest first, NSFW too, since the default would hide some."""
    return f"{base}?{urlencode(ASKED)}"


def searches(site: str, watch: Watch, *, lowered: bool = False) -> Iterator[str]:
    """The first page of each search that answers a watch.

    Tags may stand in one watch with "#" or "," between them, since a tag may hold spaces; a video with any of them
    is found.

    lowered  whether each tag is asked in small letters too: an instance does not mind case, an index may
    """
    base = listing(f"{site}/api/v1/search/videos")
    if watch.kind is not WatchKind.HASHTAG:
        yield f"{base}&{urlencode({'search': watch.query})}"
        return
    named = [name for part in re.split("[,#＃]", watch.query) if (name := part.strip())]
    names = list(dict.fromkeys(one for name in named for one in ((name, name.lower()) if lowered else (name,))))
    for first in range(0, len(names), MOST_TAGS):
        yield f"{base}&{urlencode([('tagsOneOf', name) for name in names[first : first + MOST_TAGS]])}"


def following(response: Response, answer: Fields, shown: int) -> str | None:
    """The page after one that showed so many videos; None after the last."""
    start = int(parse_qs(urlsplit(response.url).query).get("start", ["0"])[0]) + shown
    more = shown and start < answer.integer("total")
    return add_or_replace_parameter(response.url, "start", str(start)) if more else None


def is_live(video: Fields) -> bool:
    """Whether it is a stream that has not ended: its recording comes later, under the same uuid."""
    return video.maybe("isLive", bool) is True


def id_of(video: Fields) -> str:
    """A video's id, the same for every copy and whoever tells of it."""
    return f"peertube:{video.text('uuid')}"


def post_of(video: Fields, files: Iterable[Rendition] = ()) -> Post:
    """A video as a post; without files its page stands for them."""
    url = video.text("url")
    text = f"{video.text('name')}\n{video.maybe('description', str) or ''}".strip()
    said = [str(one) for one in video.maybe("tags", list) or ()]
    return Post(
        id=id_of(video),
        platform="peertube",
        url=url,
        author_handle=f"{video.text('account.name')}@{video.text('account.host')}",
        author_id=video.text("account.url"),
        text=text,
        hashtags=tuple(dict.fromkeys([*(name for one in said if (name := tag(one))), *hashtags(text)])),
        language=video.maybe("language.id", str),
        posted_at=video.instant("publishedAt"),
        attachments=(
            Attachment(
                position=0,
                kind="video",
                renditions=tuple(files) or (Rendition(url=url),),
                duration_s=video.maybe_number("duration"),
            ),
        ),
        metrics=Metrics(
            views=video.maybe("views", int), likes=video.maybe("likes", int), comments=video.maybe("comments", int)
        ),
    )


def shown(response: Response) -> Presence:
    """GET /api/v1/videos/UUID at an instance: 401 and 403 are private, internal or behind a password, 404 is gone."""
    if response.status in {401, 403}:
        return Presence.PRIVATE
    return presence(response, up=response.status == 200 and b'"uuid"' in response.body)
