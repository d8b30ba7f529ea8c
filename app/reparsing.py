"""Stored answers are read again, by spiders as they are now: what a mended one reads is brought into the ledger.

Asks nobody anything. Doing it twice changes nothing, and a kill in the middle is mended by doing it again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from scrapy import Request
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes

from app.home import Home
from app.progress import Track, track
from core.errors import ClipwardenError, NotFound
from core.records import Post, Removal, Watch
from crawler.answers import GONE_STATUS
from crawler.captures.files import Bad, read_lines
from crawler.crawl import platforms
from crawler.platform import PlatformSpider, unstorable
from crawler.redact import MASK
from crawler.runs import WatchRun
from store import queries
from store.answers import Answer, answers, captured, count_answers, reread

BATCH = 200  # posts a transaction, of a file of captures


@dataclass(slots=True, kw_only=True)
class Reparsed:
    """What reading again brought: answers read, posts in them, those new to the ledger, those changed by it.

    unread  why -> how many answers (or lines of captures) could not be read
    """

    answers: int = 0
    posts: int = 0
    new: int = 0
    changed: int = 0
    unread: dict[str, int] = field(default_factory=dict)

    def leave(self, why: str) -> None:
        """Count what could not be read."""
        self.unread[why] = self.unread.get(why, 0) + 1

    @property
    def note(self) -> str:
        """For beside a bar."""
        return f"{self.posts} posts, {self.new} new, {self.changed} changed, {sum(self.unread.values())} unread"


def reparse(home: Home, *, platform: str | None = None, since: datetime | None = None) -> Reparsed:
    """Read every stored answer again.

    platform  only of this one; NotFound when there is none of that name
    since     only what came since then, aware UTC
    """
    there = platforms()
    if platform is not None and platform not in there:
        raise NotFound(f"no platform {platform!r}; there are: {', '.join(sorted(there))}")
    files = captured(home.ledger, since) if platform is None else []
    done, total = Reparsed(), count_answers(home.ledger, platform, since) + len(files)
    watches = {watch.id: watch for watch in queries.watches(home.ledger, enabled=False)}
    with track("reparse", total) as progress:
        for answer in answers(home.ledger, platform, since):
            _reparse(home, answer, watches.get(answer.watch), there.get(answer.platform), done)
            progress.step(note=done.note)
        for sha256, by_platform, seen_at in files:
            _reparse_captures(home, (sha256, by_platform, seen_at), done, progress)
            progress.step(note=done.note)
    return done


def _reparse(
    home: Home, answer: Answer, watch: Watch | None, kind: type[PlatformSpider] | None, done: Reparsed
) -> None:
    if watch is None or kind is None:
        done.leave(f"{answer.platform}: there is no such platform or watch any more")
        return
    try:
        posts, removals = _read(home, kind, answer, watch, done)
    except ClipwardenError as error:
        done.leave(f"{answer.platform}: {str(error).replace(answer.url, '').strip(': ')}")
    except Exception as error:  # noqa: BLE001 - a spider's own mistake with one answer must not end the others
        done.leave(f"{answer.platform}: the spider broke, {type(error).__name__}: {error}"[:300])
    else:
        _save(home, answer, posts, removals, done)
        done.answers += 1


def _read(
    home: Home, kind: type[PlatformSpider], answer: Answer, watch: Watch, done: Reparsed
) -> tuple[list[Post], list[Removal]]:
    """What a spider reads now, of an answer as it came."""
    secret = {one.name: MASK for one in kind.secrets}
    spider = kind(route=answer.route, secret=secret, ledger=home.ledger, blobs=home.blobs)
    spider.runs = {watch.id: WatchRun(watch=watch, ground_at=None, started_at=datetime.now(UTC), route=answer.route)}
    response = response_of(answer, home.blobs.get(answer.sha256).read_bytes())
    spider.refuse(response, answer.role)
    results: list[Any] = [] if answer.status in GONE_STATUS else list(spider.read(response, watch))
    posts = []
    for post in (result for result in results if isinstance(result, Post)):
        why = unstorable(post)
        if why:
            done.leave(f"{answer.platform}: a post cannot be stored: {why}")
        else:
            posts.append(post)
    return posts, [result for result in results if isinstance(result, Removal)]


def response_of(answer: Answer, body: bytes) -> Response:
    """An answer as Scrapy handed it over."""
    headers = Headers(answer.headers)
    kind = responsetypes.from_args(headers=headers, url=answer.url, body=body[:5000])
    meta = answer.meta | {"watch": answer.watch, "role": answer.role, "expects": answer.expects, "spends": {}}
    return kind(answer.url, status=answer.status, headers=headers, body=body, request=Request(answer.url, meta=meta))


def _save(home: Home, answer: Answer, posts: list[Post], removals: list[Removal], done: Reparsed) -> None:
    new, changed = reread(home.ledger, answer, posts, removals)
    done.posts, done.new, done.changed = done.posts + len(posts), done.new + len(new), done.changed + len(changed)


def _reparse_captures(home: Home, kept: tuple[str, dict[str, str], datetime], done: Reparsed, progress: Track) -> None:
    """The same for a file of captures: its lines are the answers."""
    sha256, by_platform, seen_at = kept
    try:
        path = home.blobs.get(sha256)
    except NotFound as error:
        done.leave(str(error))
        return
    with path.open("rb") as file:
        for platform, posts in _batches(read_lines(file, now=seen_at), by_platform, done):
            answer = Answer(
                sha256=sha256, watch=by_platform[platform], platform=platform, route="import", role="page",
                expects="json", url="", status=200, seen_at=seen_at,
            )  # fmt: skip
            _save(home, answer, posts, [], done)
            progress.to(progress.done, note=done.note)
    done.answers += 1


def _batches(
    lines: Iterator[tuple[int, Post | Bad]], by_platform: dict[str, str], done: Reparsed
) -> Iterator[tuple[str, list[Post]]]:
    waiting: dict[str, list[Post]] = {}
    for _, line in lines:
        if isinstance(line, Bad):
            if not line.skipped:
                done.leave("captures: lines that cannot be read")
        elif line.platform in by_platform:
            mine = waiting.setdefault(line.platform, [])
            mine.append(line)
            if len(mine) >= BATCH:
                yield line.platform, waiting.pop(line.platform)
    yield from waiting.items()
