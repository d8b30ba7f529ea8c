"""The ways in which a source fails, each with the names under which it may be found."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.exceptions import (
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
from scrapy.http import HtmlResponse, Response

from core.causes import Cause
from core.errors import PageChanged, SourceBlind
from core.records import Post
from tests.crawler.replica import Answer, Replica, Source, names, paths, renamed, without

Strike = Callable[[Replica, Request], Response]
HTML = {"Content-Type": "text/html; charset=utf-8"}
LOGIN = b"<html><head><title>Log in to Site</title></head><body><form><input type='password'></form></body></html>"
CAPTCHA = b"""<html><head><title>Just a moment...</title></head><body>
<script src="https://challenges.cloudflare.com/turnstile/v0/api.js"></script></body></html>"""
CONSENT = (
    b'<html><body><form action="https://consent.youtube.com/save" method="post">Before you go on</form></body></html>'
)
OUTAGE = b"<!DOCTYPE html><html><head><title>Be right back</title></head><body>We are working on it</body></html>"
CLOSED = b"User-agent: *\nDisallow: /\n"
MOST_NAMES = 60  # of a page, tried one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to fail, as one source would.

    kind    its line in the table
    causes  the names under which it may be found
    strike  what the source answers instead; it may raise, as the network layer does
    told    what the sentence must hold as well: the field that went
    blinds  whether the whole source is blind by it, and an incident opens
    capped  whether nothing may be spent
    anew    whether it only shows where the posts are not known yet
    of      which of the source's frozen answers, or of its fields
    """

    kind: str
    causes: frozenset[Cause]
    strike: Strike
    told: str = ""
    robots: bytes | None = None
    blinds: bool = True
    capped: bool = False
    anew: bool = False
    of: str = ""


def faults_of(source: Source, replica: Replica) -> Iterator[Fault]:
    """Every fault that can befall a source.

    replica  as it was asked in a healthy cycle
    """
    if not replica.listed:  # what yt-dlp meets on its way, it tells in the source's own words
        yield from _walls(source)
        yield from _refusals(source)
        yield from _wire()
        yield from _changes(source)
    yield from _own_words(source)
    yield from _silences(source, turns=replica.turns)
    if replica.obeys:
        yield Fault(kind="robots.txt forbids", causes=_of(Cause.REFUSED), strike=_well, robots=CLOSED)
    if replica.spends:
        yield Fault(kind="budget spent", causes=_of(Cause.BUDGET), strike=_well, capped=True)


def _of(*causes: Cause) -> frozenset[Cause]:
    return frozenset(causes)


def _well(replica: Replica, request: Request) -> Response:
    return replica.healthy(request)


def _page(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Strike:
    def strike(_: Replica, request: Request) -> Response:
        return HtmlResponse(request.url, status=status, headers=headers or HTML, body=body, request=request)

    return strike


def _walls(source: Source) -> Iterator[Fault]:
    yield Fault(kind="login wall", causes=_of(Cause.LOGIN_WALL), strike=_page(LOGIN))
    yield Fault(kind="redirect to login", causes=_of(Cause.LOGIN_WALL), strike=_to_login)
    yield Fault(kind="captcha", causes=_of(Cause.CAPTCHA), strike=_page(CAPTCHA))
    yield Fault(kind="captcha as 403", causes=_of(Cause.CAPTCHA), strike=_page(CAPTCHA, 403))
    yield Fault(kind="consent", causes=_of(Cause.CONSENT), strike=_page(CONSENT))
    yield Fault(kind="200 with empty body", causes=_of(Cause.EMPTY_BODY), strike=_page(b""))
    # Where a page was asked for, another page is told by what is missing from it.
    other = _of(Cause.CHANGED, Cause.EMPTY_BODY, Cause.FEED_DISABLED)
    is_page = source.first_page.expects == "html"
    yield Fault(
        kind="HTML for JSON" if not is_page else "another page",
        causes=other if is_page else _of(Cause.HTML_FOR_JSON), strike=_page(OUTAGE),
    )  # fmt: skip


def _to_login(_: Replica, request: Request) -> Response:
    """302 to a login page that can only be told by its address."""
    parts = urlsplit(request.url)
    if "/accounts/login" in parts.path:
        return HtmlResponse(request.url, headers=HTML, body=b"<html><body>Welcome</body></html>", request=request)
    there = {"Location": f"{parts.scheme}://{parts.netloc}/accounts/login/?next=%2Ftags"}
    return HtmlResponse(request.url, status=302, headers=there, request=request)


def _refusals(source: Source) -> Iterator[Fault]:
    long, at_once = {"Retry-After": "7200"}, {"Retry-After": "0"}
    limited = _of(Cause.RATE_LIMITED)
    yield Fault(kind="rate limited for hours", causes=limited, strike=_page(b"slow down", 429, long))
    yield Fault(kind="rate limited again and again", causes=limited, strike=_page(b"", 429, at_once))
    credential = Cause.CREDENTIAL if source.secret else Cause.LOGIN_WALL
    yield Fault(kind="credential refused", causes=_of(credential), strike=_page(b"unauthorized", 401))
    yield Fault(kind="credit spent (402)", causes=_of(Cause.BUDGET), strike=_page(b"pay", 402))
    yield Fault(kind="refused (403)", causes=_of(Cause.REFUSED), strike=_page(b"forbidden", 403))
    yield Fault(kind="no such page (404)", causes=_of(Cause.NOT_FOUND), strike=_page(b"no", 404))
    yield Fault(kind="server error", causes=_of(Cause.TROUBLE), strike=_page(b"oops", 500))
    if source.first_page.expects == "json":
        # And it holds half a character, which no ledger does.
        unknown = b'{"error": {"message": "Something went wrong \\ud83d", "code": 31999}}'
        yield Fault(kind="soft error", causes=_of(Cause.SOFT_ERROR), strike=_page(unknown))
        listed = b'{"errors": [{"message": "Something went wrong"}], "status": "error"}'
        yield Fault(kind="soft errors in a list", causes=_of(Cause.SOFT_ERROR), strike=_page(listed))


def _raising(error: Exception) -> Strike:
    def strike(*_: object) -> Response:
        raise error

    return strike


def _wire() -> Iterator[Fault]:
    trouble = _of(Cause.TROUBLE)
    yield Fault(kind="drip-feed, timed out", causes=trouble, strike=_raising(DownloadTimeoutError("took 30 s")))
    yield Fault(kind="cut off within an answer", causes=trouble, strike=_raising(ResponseDataLossError("8 of 90")))
    yield Fault(kind="source stopped", causes=trouble, strike=_raising(DownloadConnectionRefusedError("refused")))


# ------------------------------------------------------------ in its own words
def _own_words(source: Source) -> Iterator[Fault]:
    """Every refusal among its frozen answers, named as a person confirmed."""
    for answer in source.answers:
        other = answer.role == "page" and answer.route != source.route
        if answer.cause is None or answer.role == "detail" or other:
            continue
        loops = answer.cause == Cause.REPEATED_CURSOR
        yield Fault(
            kind="its own words", causes=_of(Cause(answer.cause)), strike=_says(answer), of=answer.name,
            blinds=not loops, anew=loops,
        )  # fmt: skip


def _says(answer: Answer) -> Strike:
    own = answer.response
    if own.status == 429:
        own = own.replace(headers={"Retry-After": "7200"})  # nobody waits for the drill

    def strike(replica: Replica, request: Request) -> Response:
        is_page = answer.role == request.meta["role"] == "page"
        if is_page or _same_place(own.url, request.url):
            # What a canary alone asks says nothing of the watches, unless it asks for all.
            replica.struck |= "once" in request.meta or not request.meta["watch"].startswith("canary:")
            # At its own address: it may have been moved there.
            return own.replace(request=request)
        # What is only asked when a page was empty comes to be asked.
        return replica.healthy(request, empty=answer.role == "step")

    return strike


def _same_place(one: str, other: str) -> bool:
    return urlsplit(one).path.rsplit("/", 1)[-1] == urlsplit(other).path.rsplit("/", 1)[-1]


# ---------------------------------------------------------------- what changed
def _changes(source: Source) -> Iterator[Fault]:
    """A field that vanished, one that was renamed, and one whose new name makes a page look empty."""
    page = source.first_page
    if page.expects == "json":
        whole = json.loads(page.response.body)
        lacking = (
            path for path in paths(whole) if _reading(source, page, without(page.response.body, path)) == Cause.CHANGED
        )
        if path := next(lacking, None):
            yield _changed("field vanished", page, path[-1], partial(without, path=path))
    found: dict[str | None, str] = {}
    for name in names(page.response.body)[:MOST_NAMES]:
        found.setdefault(_reading(source, page, renamed(page.response.body, name)), name)
    if Cause.CHANGED in found:
        name = found[Cause.CHANGED]
        yield _changed("field renamed", page, name, partial(renamed, name=name))
    if "nothing" in found:
        name, causes = found["nothing"], _of(Cause.CANARY, Cause.CHANGED)
        alter = _altering(partial(renamed, name=name))
        yield Fault(kind="renamed: looks empty", causes=causes, strike=alter, of=name)


def _changed(kind: str, page: Answer, field: str, alter: Callable[[bytes], bytes]) -> Fault:
    # A page names what it misses by its own words; JSON by the field.
    told = field if page.expects == "json" else ""
    return Fault(kind=kind, causes=_of(Cause.CHANGED), strike=_altering(alter), told=told, of=field)


def _altering(alter: Callable[[bytes], bytes]) -> Strike:
    def strike(replica: Replica, request: Request) -> Response:
        well = replica.healthy(request)
        return well.replace(body=alter(well.body)) if request.meta.get("role") == "page" else well

    return strike


def _reading(source: Source, page: Answer, body: bytes) -> str | None:
    """What a spider makes of a page: a cause, "nothing" for no posts, None when it reads it."""
    spider = source.spider(page_budget=50, route=source.route, runs={})
    spider.secret = source.secret
    response = page.response.replace(body=body)
    try:
        spider.refuse(response, page.role)
        results = list(spider.read(response, source.watch))
    except PageChanged:
        return Cause.CHANGED
    except SourceBlind as error:
        return error.cause
    except Exception:  # noqa: BLE001 - whatever a spider breaks by is its own mistake, and told so
        return Cause.OURS
    asks = [one for one in results if isinstance(one, Request) and one.meta["role"] != "page"]
    return None if asks or any(isinstance(one, Post) for one in results) else "nothing"


# --------------------------------------------------------------- what is silent
def _silences(source: Source, *, turns: bool) -> Iterator[Fault]:
    canary = _of(Cause.CANARY)
    # An instance that was asked why may say it by itself; a list that is empty where it never was, too.
    silent = canary | _of(Cause.FEED_DISABLED, Cause.EMPTY_BODY, Cause.CHANGED)
    yield Fault(kind="silent emptying", causes=silent, strike=lambda replica, asked: replica.healthy(asked, empty=True))
    if any(not one.hits for one in source.spider.canaries):
        yield Fault(kind="answers something else", causes=canary, strike=_same_posts_for_all)
    if turns and not source.spider.repeats_cursor:
        looped = _of(Cause.REPEATED_CURSOR)
        yield Fault(kind="repeated cursor", causes=looped, strike=_first_page_again, blinds=False, anew=True)


def _same_posts_for_all(replica: Replica, request: Request) -> Response:
    replica.all_have_posts = True
    try:
        return replica.healthy(request)
    finally:
        replica.all_have_posts = False


def _first_page_again(replica: Replica, request: Request) -> Response:
    return replica.healthy(request, again=True)
