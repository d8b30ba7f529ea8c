"""PlatformSpider: the contract of a platform.

A platform says how to ask for a watch, how to read an answer, and how to see that a post is gone.
Paging, budgets, what was seen before, raw answers, and how well a watch was covered are kept here.
An answer that changed is an error that names the field; it never becomes "no posts".
"""

import json
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import urlsplit

from scrapy import Request, Spider
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from twisted.python.failure import Failure

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import Post, Presence, Removal, Watch, WatchKind
from crawler import egress, looking
from crawler.answers import GONE_STATUS, SAMPLE_BYTES, refusal, sample
from crawler.facts import Allowance, Canary, Facts, Secret
from crawler.redact import redactor
from crawler.runs import Lost, Sighted, WatchRun
from store.blobs import Blobs
from store.coverage import Sample
from store.ledger import Ledger

MOST = 2**63 - 1  # what SQLite holds
MOST_TOLD = 2000  # characters of why
FIRST = 1000  # priority of a watch's first page, beside what the brand file gives it
REFUSALS = list(range(400, 600))  # come to us to be named; redirects are Scrapy's, and the egress guard's, to follow


class PlatformSpider(Spider):
    """Base of every platform. `kinds` are the watch kinds it can ask for.

    facts         what docs/platforms.md says of it
    base          address that is asked where a watch names no site; "" where every watch must name one
    secrets       the credentials it needs; `self.secret[name]` holds those that are given
    allowances    what may be spent, booked for each request that says `spends={name: units}`
    canaries      questions with a known answer, asked in each cycle; {} in a query is filled with a random word
    routes        ways to ask, the best first ("api", "feed", ...); `self.route` is the one in use
    wants_key     kinds that are asked with a credential only: a stream that is followed stands in for them without one
    fragile       breaks several times a year: off until the home's crawl.fragile names it
    obeys_robots  robots.txt is for crawlers of pages; an API that wants a key has terms instead
    uses_browser  whether pages are rendered by Chromium
    repeats_cursor  a next page may have the address of the one before (Instagram): not a loop
    """

    kinds: ClassVar[frozenset[WatchKind]]
    facts: ClassVar[Facts]
    base: ClassVar[str] = ""
    secrets: ClassVar[tuple[Secret, ...]] = ()
    allowances: ClassVar[tuple[Allowance, ...]] = ()
    canaries: ClassVar[tuple[Canary, ...]] = ()
    routes: ClassVar[tuple[str, ...]] = ("api",)
    wants_key: ClassVar[frozenset[WatchKind]] = frozenset()
    fragile: ClassVar[bool] = False
    obeys_robots: ClassVar[bool] = True
    uses_browser: ClassVar[bool] = False
    repeats_cursor: ClassVar[bool] = False

    # Given by crawl.py: pages a watch may take, the runs, where things are kept, and who hears of progress.
    page_budget: int = 50
    runs: dict[str, WatchRun]
    secret: Mapping[str, str] = MappingProxyType({})
    caps: Mapping[str, float] = MappingProxyType({})
    route: str = "api"
    ledger: Ledger
    blobs: Blobs
    report: Callable[[WatchRun], None]

    @abstractmethod
    def requests(self, watch: Watch) -> Iterable[Request]:
        """The first request or requests of a watch; build them with `page` or `step`."""

    @abstractmethod
    def read(self, response: Response, watch: Watch) -> Iterable[Post | Removal | Request]:
        """The posts of an answer, posts it says are gone, and what to ask next: `page`, `step` or `detail`.

        raises PageChanged naming a field, or SourceBlind when the answer is not for us
        """

    @staticmethod
    @abstractmethod
    def seen_gone(response: Response) -> Presence:
        """What the answer at a post's own address shows about it; `unclear` unless it is proof."""

    @staticmethod
    def recheck_url(post_url: str) -> str:
        """Where a post is asked whether it is there: its own page, unless the platform knows better."""
        return post_url

    @staticmethod
    def soft_error(response: Response) -> SourceBlind | None:  # noqa: ARG004 - for platforms that have them
        """The platform's own error object, whatever status it comes with; None when the answer is none."""
        return None

    # ---------------------------------------------------------------- asking
    # Each takes Scrapy's Request arguments (method, body, headers, meta), and
    #   spends    units of an allowance the request costs, booked before it is sent
    #   expects   "json", "html" or "xml": what the answer should be, checked before it is read
    @staticmethod
    def page(url: str, **kwargs: Any) -> Request:  # noqa: ANN401 - Scrapy's own arguments
        """A page of posts: counted, and the last one when all on it is known."""
        return _request(url, "page", kwargs)

    @staticmethod
    def step(url: str, **kwargs: Any) -> Request:  # noqa: ANN401
        """A question on the way, such as an account's id: not counted."""
        return _request(url, "step", kwargs)

    @staticmethod
    def detail(url: str, *posts: str, **kwargs: Any) -> Request:  # noqa: ANN401
        """The own answer of one post, or of some at once; asked when the watch has not seen all of them before."""
        return _request(url, "detail", kwargs | {"meta": kwargs.get("meta", {}) | {"posts": posts}})

    def site_of(self, watch: Watch) -> str:
        """The address a watch is asked at, without a slash at its end."""
        return (watch.site or self.base).rstrip("/")

    def ground_of(self, watch: Watch) -> datetime | None:
        """Since when a watch is known: posts from before it have been seen. None for a first crawl."""
        run: WatchRun | None = getattr(self, "runs", {}).get(watch.id)
        return run.ground_at if run else None

    # --------------------------------------------------------------- running
    async def start(self) -> AsyncIterator[Any]:
        """Ask for every watch; a kind the platform cannot ask for is a blind watch, said so."""
        for run in self.runs.values():
            if run.watch.kind not in self.kinds:
                can = ", ".join(sorted(self.kinds))
                run.blind = Lost(Cause.OURS, f"{self.name} cannot watch a {run.watch.kind}; it can: {can}")
                continue
            try:
                first = list(self.requests(run.watch))
            except Exception as error:  # noqa: BLE001 - one watch that cannot be asked must not silence those after it
                told = f"{run.watch.id} cannot be asked: {type(error).__name__}: {error}; mend the brand file"
                run.blind = Lost(error.cause if isinstance(error, SourceBlind) else Cause.OURS, told)
                continue
            for request in first:
                run.asked.add(_key(request))
                # Where a budget is short, every watch's first page comes before anyone's second.
                yield self._bind(run, request, priority=FIRST + run.watch.priority)

    def _bind(self, run: WatchRun, request: Request, *, priority: int = 0) -> Request:
        run.open_requests += 1
        meta = request.meta | {"watch": run.watch.id, "handle_httpstatus_list": REFUSALS}
        return request.replace(
            callback=self._answered,
            errback=self._lost,
            meta=meta,
            dont_filter=True,
            headers=request.headers,
            priority=priority,
        )

    async def _answered(self, response: Response) -> AsyncIterator[Any]:
        run, role = self.runs[response.meta["watch"]], response.meta["role"]
        run.open_requests -= 1
        run.pages += role == "page"
        try:
            self.refuse(response, role)
            results = [] if response.status in GONE_STATUS else list(self.read(response, run.watch))
            posts = tuple(self._storable(run, (result for result in results if isinstance(result, Post))))
            removals = tuple(result for result in results if isinstance(result, Removal))
            self._count(run, posts)
            if (posts or removals) and not run.canary:
                kept = looking.keep(self, run, response)
                yield Sighted(watch=run.watch.id, posts=posts, raw_sha256=kept.sha256, removals=removals, answer=kept)
            for request in self._onward(run, response, posts, results):
                yield self._bind(run, request)
        except PageChanged as error:
            looking.look_at_broken(self, run, response)
            self._broke(run, response, Lost(Cause.CHANGED, str(error)))
        except SourceBlind as error:
            self._broke(run, response, Lost(error.cause, str(error)))
        except Exception as error:  # a spider's own mistake must not look like a page without posts
            self.logger.exception("%s: the spider broke on %s", run.watch.id, response.url)
            told = f"{response.url}: the spider broke, {type(error).__name__}: {error}; freeze the response and mend it"
            looking.look_at_broken(self, run, response)
            self._broke(run, response, Lost(Cause.OURS, told))
        self.report(run)

    def refuse(self, response: Response, role: str) -> None:
        """Raise SourceBlind for an answer that is not the one we asked for; the platform's own word first."""
        expects = response.meta["expects"]
        refused = self.soft_error(response) or refusal(response, role=role, expects=expects, keyed=bool(self.secret))
        if refused:
            raise refused

    def _storable(self, run: WatchRun, posts: Iterable[Post]) -> Iterator[Post]:
        """The posts that a ledger can hold; one that is made to break the writing is told, and the others kept."""
        for post in posts:
            why = unstorable(post)
            if why is None:
                yield post
            else:
                self._note(run, "detail", Lost(Cause.CHANGED, f"{post.id[:100]!a} cannot be stored: {why}"))

    @staticmethod
    def _count(run: WatchRun, posts: Sequence[Post]) -> None:
        run.posts += len(posts)
        run.told += len(posts)
        oldest = min((post.posted_at for post in posts), default=None)
        if oldest and (run.seen_from is None or oldest < run.seen_from):
            run.seen_from = oldest

    def _broke(self, run: WatchRun, response: Response, lost: Lost) -> None:
        redact = redactor(self.secret.values())
        lost = Lost(lost.cause, redact(lost.why))
        kept = self.blobs.put(sample(redact(response.body.decode("utf-8", "replace")[:SAMPLE_BYTES]).encode()))
        run.samples.append(
            Sample(
                platform=self.name, watch=run.watch.id, cause=lost.cause, url=redact(response.url),
                status=response.status, sha256=kept,
            )
        )  # fmt: skip
        role = response.meta["role"]
        self._note(run, role, lost, read=run.pages - (role == "page"))

    def _onward(
        self, run: WatchRun, response: Response, posts: Sequence[Post], results: Sequence[Any]
    ) -> Iterator[Request]:
        role: str = response.meta["role"]
        requests = [result for result in results if isinstance(result, Request)]
        details = [request for request in requests if request.meta["role"] == "detail"]
        run.told += sum(len(request.meta["posts"]) for request in details)
        if run.canary:  # on to its first page, and no further
            wanted = {"step"} if run.pages else {"step", "page"}
            yield from (request for request in requests if request.meta["role"] in wanted)
            return
        ids = [*(post for request in details for post in request.meta["posts"]), *(post.id for post in posts)]
        known = self.ledger.seen_before(run.watch.id, ids, at=run.ground_at) if ids and run.ground_at else set()
        new = len(set(ids) - known)
        run.fresh += new if role == "page" else 0
        looking.look(run, response, posts=len(set(ids)), new=new)
        yield from (request for request in details if not known.issuperset(request.meta["posts"]))
        yield from (request for request in requests if request.meta["role"] == "step")
        onward = [request for request in requests if request.meta["role"] == "page"]
        if role == "page" and ids and known.issuperset(ids):
            return
        if role == "page" and ids and response.meta.get("follows") == hash(tuple(ids)):
            told = f"{response.url}: the same page came twice; the feed goes round"
            raise SourceBlind(told, Cause.REPEATED_CURSOR)
        if role == "page" and onward and run.pages >= self.page_budget:
            told = f"page budget of {self.page_budget} reached; raise crawl.pages or watch more often"
            run.cut = Lost(Cause.CUT, told)
            return
        for request in onward:
            self._refuse_a_loop(run, request)
            request.meta["follows"] = hash(tuple(ids))  # a server that does not turn the page gives these again
            yield request

    def _refuse_a_loop(self, run: WatchRun, request: Request) -> None:
        """A next page that was asked for already would go round for ever, and look like a feed without an end."""
        if _key(request) in run.asked and not self.repeats_cursor:
            told = f"{request.url}: its next page is one that was asked already; the feed goes round"
            raise SourceBlind(told, Cause.REPEATED_CURSOR)
        run.asked.add(_key(request))

    async def _lost(self, failure: Failure) -> None:
        request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy hangs it on
        error = failure.value
        run = self.runs[request.meta["watch"]]
        run.open_requests -= 1
        if isinstance(error, SourceBlind):  # a middleware of ours, with its own word: a budget that is spent
            lost = Lost(error.cause, str(error))
        elif isinstance(error, IgnoreRequest) and "robots" in str(error).lower():
            told = f"robots.txt of {urlsplit(request.url).netloc} forbids {urlsplit(request.url).path}"
            lost = Lost(Cause.REFUSED, told)
        else:
            lost = Lost(Cause.TROUBLE, f"no answer from {request.url}: {type(error).__name__}: {error}")
        # The guard's own word is clearer than what the network layer makes of it.
        refused = egress.take_refusals()
        lost = Lost(Cause.REFUSED, refused[-1]) if refused else lost
        redact = redactor(self.secret.values())
        self._note(run, request.meta["role"], Lost(lost.cause, redact(lost.why)), read=run.pages)
        self.report(run)

    def _note(self, run: WatchRun, role: str, lost: Lost, *, read: int = 0) -> None:
        """Keep why something is missing.

        read  pages that were answered before, and to us
        """
        # What a platform says of itself may be of any length, and hold what no ledger holds.
        lost = Lost(lost.cause, lost.why[:MOST_TOLD].encode("utf-8", "replace").decode())
        self.logger.error("%s: %s", run.watch.id, lost.why)
        # A first page that says nothing blinds the watch; a later one leaves a hole in it.
        if lost.cause == Cause.BUDGET and role != "detail" and (run.told or read > 1):
            run.cut = lost
        elif role == "detail" or run.pages > 1:
            run.lost.append(lost)
        else:
            run.blind = lost


def _request(url: str, role: str, kwargs: dict[str, Any]) -> Request:
    own = {"role": role, "expects": kwargs.pop("expects", "json"), "spends": kwargs.pop("spends", {})}
    return Request(url, **kwargs | {"meta": kwargs.get("meta", {}) | own})


def unstorable(post: Post) -> str | None:
    """What of a post no ledger holds: half a character (a lone surrogate), or a number beyond 64 bits; else None."""
    texts = (post.id, post.url, post.author_handle, post.author_id, post.text, post.language or "", *post.hashtags)
    addresses = (rendition.url for one in post.attachments for rendition in one.renditions)
    numbers = [getattr(post.metrics, name) for name in post.metrics.__slots__]
    numbers += [
        size for one in post.attachments for file in one.renditions for size in (file.height_px, file.size_bytes)
    ]
    try:
        "".join((*texts, *addresses)).encode()
    except UnicodeEncodeError as error:
        return str(error)[:100]
    return next((f"{number:.2e} is no count" for number in numbers if number and not -MOST <= number <= MOST), None)


def _key(request: Request) -> bytes:
    return request.method.encode() + request.url.encode() + b"\n" + request.body


def json_of(response: Response) -> Any:  # noqa: ANN401 - JSON is anything
    """The answer as JSON; PageChanged when it is something else, as a login page is."""
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        kind = (response.headers.get("Content-Type") or b"?").decode("latin-1")
        raise PageChanged(f"{response.url}: expected JSON, got {kind}; freeze the response and look at it") from None


def presence(response: Response, *, up: bool) -> Presence:
    """The rule most platforms share: 404 and 410 are gone, 200 with the post in it is up."""
    if response.status in GONE_STATUS:
        return Presence.GONE
    if response.status == 451:
        return Presence.GEO_BLOCKED
    return Presence.UP if response.status == 200 and up else Presence.UNCLEAR


def now() -> datetime:
    """This instant, aware UTC."""
    return datetime.now(UTC)
