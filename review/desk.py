"""The desk as a web application: its parts put together, its headers, its texts.

Never loads anything from another host, and runs no script that is not a file of ours: the content policy says so.
"""

import json
import pkgutil
import threading
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from core.errors import Busy, ClipwardenError, NotFound
from review import routes
from review.bounded import Bounded
from review.rights import Who
from review.words import readable
from store.ledger import Ledger

HERE = Path(__file__).parent
LANGUAGE = "en"  # texts/SUBJECT.LANGUAGE.toml: a translation is these files once more
MOST_SHOWN = 8000  # letters of one text on a page: a caption has 4000, the queue's filters in an attribute as many
CACHE_KIB = -8192  # 8 MiB a thread, where a stage takes 64: there may be forty
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the app lends the desk.

    ledger      path of the ledger; each thread opens it for itself
    blob        sha256 -> where the file stands, or would stand
    picture     (sha256, offset_s) -> a JPEG of at most 60 kB, or None where none can be made; may take seconds
    screen      an uploaded file -> its matches, as `clipwarden scan --json` gives them
    add         what the references page adds: see app.desk
    settings    what a route may want to know of the home, as plain values
    """

    ledger: Path
    blob: Callable[[str], Path]
    picture: Callable[[str, float], bytes | None]
    screen: Callable[[Path], dict[str, Any]]
    add: Callable[..., Any]
    settings: Mapping[str, Any]


class Refusal(BaseModel):
    """Why something was not done, in one sentence that says what to do."""

    detail: str


# What every route may answer; a route that means more by one of them says so itself.
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "asks for what cannot be done", "model": Refusal},
    401: {"description": "nobody is signed in", "model": Refusal},
    403: {"description": "this person or token may not", "model": Refusal},
    404: {"description": "there is no such thing", "model": Refusal},
    409: {"description": "somebody else is at it, or it is done already", "model": Refusal},
    413: {"description": "too large"},
    415: {"description": "not in UTF-8, or not of a kind that is taken here"},
}


class Escaped(JSONResponse):
    """JSON in ASCII: half a letter, which another program wrote into the ledger, has no form in UTF-8."""

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - whatever a route returns
        """The bytes of a value."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


class Ledgers(threading.local):
    """One open ledger a thread: a connection serves one statement at a time."""

    def __init__(self, path: Path) -> None:
        self.own = Ledger(path)
        self.own.db.execute(f"PRAGMA cache_size = {CACHE_KIB}")


def create(desk: Desk, who: Who) -> FastAPI:
    """The application. who: who asks, by session or token; see review.people."""
    app = FastAPI(
        title="clipwarden desk",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        default_response_class=Escaped,
        responses=REFUSALS,
    )
    app.state.desk, app.state.who, app.state.ledgers = desk, who, Ledgers(desk.ledger)
    app.state.pages = pages()
    app.middleware("http")(_headed)
    app.add_middleware(Bounded)
    for known in (ClipwardenError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(known, _refused)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    for module in pkgutil.iter_modules(routes.__path__, "review.routes."):
        app.include_router(import_module(module.name).router)
    return app


class Texts:
    """The catalogue as templates read it: t.queue.title; a text may be called as it likes, `clear` or `items` too."""

    def __init__(self, texts: Mapping[str, Any]) -> None:
        self._texts = texts

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a text, or more texts
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - a text, or more texts
        found = self._texts[name]
        return Texts(found) if isinstance(found, Mapping) else found


def pages() -> Environment:
    """Templates that escape everything, with the texts of the catalogue as `t`."""
    files = sorted((HERE / "texts").glob(f"*.{LANGUAGE}.toml"))
    texts = {path.name.split(".")[0]: tomllib.loads(path.read_text(encoding="utf-8")) for path in files}
    made = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)
    made.trim_blocks = made.lstrip_blocks = True
    made.finalize = _shown
    made.globals["t"] = Texts(texts)
    made.filters["readable"] = lambda text: readable(str(text), most=400)
    made.filters["zip"] = zip
    return made


def _shown(value: Any) -> Any:  # noqa: ANN401 - whatever a template prints
    """What a template prints, in readable letters and not without end, whoever wrote it; our own markup as it is."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return value if len(value) <= MOST_SHOWN and value.isprintable() else readable(value, most=MOST_SHOWN)


def page(request: Request, template: str, **values: Any) -> HTMLResponse:  # noqa: ANN401 - what a template takes
    """A page of ours, with the person who asks as `me`."""
    me = getattr(request.state, "person", None)
    text = request.app.state.pages.get_template(template).render(request=request, me=me, **values)
    return HTMLResponse(text)


def ledger_of(request: Request) -> Ledger:
    """The ledger of this thread: for routes that are plain functions, which run in threads."""
    ledgers: Ledgers = request.app.state.ledgers
    return ledgers.own


def desk_of(request: Request) -> Desk:
    """What the app lent."""
    desk: Desk = request.app.state.desk
    return desk


def now() -> datetime:
    """This instant, aware UTC."""
    return datetime.now(UTC)


async def _headed(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    return _with_headers(request, await call_next(request))


def _with_headers(request: Request, response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if not request.url.path.startswith(("/static/", "/pictures/", "/media/")):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


async def _refused(request: Request, error: Exception) -> Response:
    """What was not done: to a program as JSON, to a person as a page that says what to do, or as the sign-in."""
    status, detail = _told(error)
    answer: Response
    if "text/html" not in request.headers.get("accept", ""):
        answer = Escaped({"detail": detail}, status)
    elif status == 401 and request.method == "GET":
        place = f"{request.url.path}?{request.url.query}".rstrip("?")
        return RedirectResponse(f"/sign-in?{urlencode({'next': place})}", 303)
    elif request.url.path.startswith("/v1/"):
        answer = Escaped({"detail": detail}, status)
    else:
        said = detail if isinstance(detail, str) else "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in detail)
        answer = page(request, "error.html", status=status, said=said)
        answer.status_code = status
    answer.headers.update(getattr(error, "headers", None) or {})
    return _with_headers(request, answer)  # what answers an error that nobody caught does not come by _headed


def _told(error: Exception) -> tuple[int, Any]:
    """The status of an error, and what is told of it: of what did not fit a route, not what was sent, which may be no
    text, and no number, that JSON can hold; of an error of our own making, nothing."""
    if isinstance(error, RequestValidationError):
        return 422, [{key: one[key] for key in ("type", "loc", "msg")} for one in error.errors()]
    if isinstance(error, HTTPException):
        return error.status_code, error.detail
    if isinstance(error, ClipwardenError):
        return 404 if isinstance(error, NotFound) else 409 if isinstance(error, Busy) else 400, str(error)
    return 500, "the desk has a fault; its log says which"
