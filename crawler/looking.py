"""A look at some of a crawl's answers, so that a changed schema is named, and a note of those that posts came from.

Every answer looked at would be a tenth of a crawl; the first of each kind and every twentieth are a two-hundredth.
"""

import json
from typing import TYPE_CHECKING

from scrapy.http import Response

from core.drift import Cluster
from core.shapes import place_of, shape_of
from crawler.redact import redactor
from crawler.runs import Look, WatchRun
from store.answers import Answer

if TYPE_CHECKING:
    from crawler.platform import PlatformSpider

EVERY = 20
MOST_PLACES = 8  # kinds of questions of one watch
MOST_UNREAD = 3  # answers of one run that are kept though they could not be read
MOST_BYTES = 8 << 20
MOST_META = 4096  # characters
HEADERS = ("Content-Type", "Link")
# What Scrapy, our middlewares and Chromium hang on a request is theirs, not the spider's.
NOT_OURS = ("download_", "redirect_", "retry_", "playwright", "handle_", "booked", "spends", "watch", "role", "expects")


def look(run: WatchRun, response: Response, *, posts: int, new: int, broken: bool = False) -> None:
    """Take in the shape of an answer, if it is one of the sample.

    posts, new  how many it led to, and how many of these the watch had not seen before
    """
    if run.canary or response.meta["expects"] != "json" or response.status != 200:
        return
    role = response.meta["role"]
    place = place_of(role, response.url, run.watch.query)
    if place not in run.looks and len(run.looks) >= MOST_PLACES:
        return
    seen = run.looks.setdefault(place, Look())
    seen.answers += 1
    if (seen.answers % EVERY != 1 and not broken) or len(response.body) > MOST_BYTES:
        return
    try:
        value = json.loads(response.body)
    except (ValueError, RecursionError):
        return
    seen.shape.merge(shape_of(value, words=role != "step"))  # a step may hold a token
    seen.posts, seen.new, seen.broken = seen.posts + posts, seen.new + new, seen.broken or broken


def look_at_broken(spider: "PlatformSpider", run: WatchRun, response: Response) -> None:
    """An answer the spider cannot read: what changed in it may have a name, and it is kept to be read again."""
    look(run, response, posts=0, new=0, broken=not run.unread)
    if len(run.unread) < MOST_UNREAD and not run.canary and response.meta["role"] != "step":
        run.unread.append(keep(spider, run, response))


def keep(spider: "PlatformSpider", run: WatchRun, response: Response) -> Answer:
    """Put an answer into the blobs, and say how it came, with every credential masked."""
    redact = redactor(spider.secret.values())
    ours = {name: value for name, value in response.meta.items() if not name.startswith(NOT_OURS) and _plain(value)}
    told = redact(json.dumps(ours))
    headers = {name: (response.headers.get(name) or b"").decode("latin-1") for name in HEADERS}
    return Answer(
        sha256=spider.blobs.put(response.body),
        watch=run.watch.id,
        platform=spider.name,
        route=spider.route,
        role=response.meta["role"],
        expects=response.meta["expects"],
        url=redact(response.url),
        status=response.status,
        headers={name: redact(value) for name, value in headers.items() if value},
        meta=json.loads(told) if len(told) <= MOST_META else {},
    )


def _plain(value: object) -> bool:
    """Whether a value can be written down; an object of the spider's own cannot, and did not come from the platform."""
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def clusters(spider: "PlatformSpider") -> dict[tuple[str, str], list[Cluster]]:
    """(site, place) -> what each run saw there."""
    found: dict[tuple[str, str], list[Cluster]] = {}
    for run in spider.runs.values():
        for place, seen in run.looks.items():
            new = seen.new / seen.posts if seen.posts else 0.0
            one = Cluster(watch=run.watch.id, shape=seen.shape, new=new, broken=seen.broken)
            found.setdefault((run.watch.site, place), []).append(one)
    return found
