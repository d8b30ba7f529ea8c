"""What an answer is, before anything is read from it: for us, or a wall, a block, an error in disguise.

Each refusal has a name of its own (core.causes), a sentence, and what to do. Judges by structure, never by words
that a caption may hold. Pure but for Scrapy's Response.
"""

import json
import re
from urllib.parse import urlsplit

from scrapy.http import Response

from core.causes import Cause
from core.errors import SourceBlind

GONE_STATUS = frozenset({404, 410})
LOOKED_AT = 65_536  # bytes of a page: its head, and what a wall consists of
SAMPLE_BYTES = 65_536

_TITLE = re.compile(rb"<title[^>]*>(.{0,300}?)</title>", re.IGNORECASE | re.DOTALL)
_CHALLENGE_TITLES = (
    b"just a moment",
    b"attention required",
    b"verify you are human",
    b"are you a robot",
    b"captcha",
    b"security check",
)
_CHALLENGES = re.compile(
    rb"""<(?:script|iframe|div|form|input|link)\b[^>]{0,2000}?(?:
        challenges\.cloudflare\.com | cdn-cgi/challenge | (?:google|recaptcha)\.(?:com|net)/recaptcha | hcaptcha\.com
        | class=["'][^"']*\b(?:g-recaptcha|h-captcha|cf-turnstile|captcha-verify-container)\b
        | id=["'](?:captcha-verify|cf-challenge|captcha-form|px-captcha)[^"']*["'] )""",
    re.IGNORECASE | re.VERBOSE,
)  # fmt: skip
_NO_ERROR = frozenset({"0", "ok", "success"})  # codes of error objects that are always there
_PAGE = re.compile(rb"<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_PASSWORD = re.compile(rb"""<input\b[^>]{0,500}?type=["']?password""", re.IGNORECASE)
_LOGIN_PATHS = re.compile(
    r"/(?:accounts/)?(?:login|signin|sign_in|sign-in|checkpoint|auth/sign_in|i/flow/login)(?:[/.?]|$)"
)
_LOGIN_TITLES = (b"log in", b"login", b"sign in", b"anmelden", b"connexion")
_CONSENT_HOSTS = (
    "consent.youtube.com",
    "consent.google.com",
    "consent.tiktok.com",
    "guce.yahoo.com",
    "guce.tumblr.com",
)
_CONSENT = re.compile(
    rb"""<form\b[^>]{0,500}?action=["'][^"']*(?:consent\.|/consent|guce\.)[^"']*["']""", re.IGNORECASE
)
# What an object consists of that says nothing but that something went wrong.
_ERROR_WORDS = frozenset(
    {"error", "errors", "error_code", "error_description", "error_msg", "error_type", "error_user_msg", "code",
     "detail", "details", "docs", "documentation_url", "log_id", "message", "msg", "ok", "reason", "request_id",
     "status", "statuscode", "status_code", "status_msg", "success", "timestamp", "title", "trace_id", "type"}
)  # fmt: skip


def refusal(response: Response, *, role: str, expects: str, keyed: bool) -> SourceBlind | None:
    """Why an answer is not one to read; None when it is.

    role     page, step or detail: of a detail, 404 and 410 are an answer
    expects  json, html or xml
    keyed    whether the spider sends a credential, so that 401 is about it
    """
    where, status = response.url, response.status
    if wall := _wall(response):
        return SourceBlind(f"{where}: {wall[1]}", wall[0])
    if status in GONE_STATUS and role == "detail":
        return None
    if status != 200:
        cause, told = _status(status, keyed=keyed)
        return SourceBlind(f"{where} answered {status}: {told}", cause)
    if wrong := _content(response.body, expects):
        return SourceBlind(f"{where} answered {wrong[1]}", wrong[0])
    return None


def _content(whole: bytes, expects: str) -> tuple[Cause, str] | None:
    """What is wrong with a body as a whole: none, of another kind, or an error and nothing else."""
    body = whole[:LOOKED_AT].strip()
    if not body:
        return Cause.EMPTY_BODY, "200 with nothing in it: how a block looks; open it in a browser, and crawl less often"
    if body[:1] == b"<" if expects == "json" else expects == "xml" and _PAGE.match(body):
        wanted = "JSON" if expects == "json" else "a feed"
        told = f"with a page where {wanted} was asked for; open it in a browser, and see the sample"
        return Cause.HTML_FOR_JSON, told
    if expects == "json" and (said := _error_in(whole)):
        return Cause.SOFT_ERROR, f"200 with an error: {said}; see the sample"
    return None


def _error_in(body: bytes) -> str:
    """What an answer says went wrong, if it is an error object and nothing else; "" for every other answer."""
    if len(body) > LOOKED_AT or not body.lstrip().startswith(b"{") or b'"error' not in body:
        return ""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if {name.lower() for name in data} - _ERROR_WORDS:
        return ""
    said = data.get("error") or data.get("errors")
    if isinstance(said, dict) and str(said.get("code")).lower() in _NO_ERROR:
        return ""
    return json.dumps(said, ensure_ascii=False)[:300] if said else ""


def _status(status: int, *, keyed: bool) -> tuple[Cause, str]:
    if status in GONE_STATUS:
        return Cause.NOT_FOUND, "no such page; check the watch in the brand file"
    if status >= 500 or status == 408:
        return Cause.TROUBLE, "the site is in trouble, the next crawl tries again"
    if status == 401 and keyed:
        return Cause.CREDENTIAL, "the credential is refused; `clipwarden login` checks what is there"
    told = {
        401: (Cause.LOGIN_WALL, "it wants a login; `clipwarden login` says which can be given"),
        402: (Cause.BUDGET, "the platform's credit is spent; see its billing page"),
        403: (Cause.REFUSED, "it refuses us; open it in a browser"),
        429: (Cause.RATE_LIMITED, "again and again; crawl less often or raise crawl.delay_s"),
        451: (Cause.REFUSED, "it refuses us for legal reasons; open it in a browser"),
    }
    return told.get(status, (Cause.CHANGED, "it does not take our question; see the sample"))


def _wall(response: Response) -> tuple[Cause, str] | None:
    """A login, consent or captcha page, whatever status it comes with."""
    parts = urlsplit(response.url)
    moved = bool(response.meta.get("redirect_urls")) if response.request else False
    consent = Cause.CONSENT, "a consent page; the site shows nothing before someone agrees"
    login = Cause.LOGIN_WALL, "a login page; the site shows this to members only"
    if parts.hostname in _CONSENT_HOSTS:
        return consent
    if moved and _LOGIN_PATHS.search(parts.path):
        return login
    head = response.body[:LOOKED_AT].lstrip()
    if head[:1] != b"<":
        return None
    found = _TITLE.search(head)
    title = found[1].strip().lower() if found else b""
    if _CHALLENGES.search(head) or title.startswith(_CHALLENGE_TITLES):
        return Cause.CAPTCHA, "a captcha stands before it; it is never solved. Crawl less often, or import captures"
    if title.startswith(_LOGIN_TITLES) and _PASSWORD.search(head):
        return login
    return consent if _CONSENT.search(head) else None


# ----------------------------------------------------------------------- samples
_TOKENS = re.compile(
    rb"""(?P<name>["']?(?:access_?token|refresh_?token|accessJwt|refreshJwt|api_?key|secret|session(?:id)?|password|csrf\w*
        |authorization|cookie|email)["']?\s*[:=]\s*["']?)[^"'&\s,;<>{}]{4,}""",
    re.IGNORECASE | re.VERBOSE,
)  # fmt: skip
_JWT = re.compile(rb"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")
_MAIL = re.compile(rb"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")


def sample(body: bytes) -> bytes:
    """The beginning of an answer as it may be kept and shown: whatever looks like a token or a mail address masked.

    Our own credentials are masked before, by crawler.redact: they may look like anything.
    """
    kept = _JWT.sub(b"[token]", body[:SAMPLE_BYTES])
    kept = _TOKENS.sub(lambda found: found["name"] + b"[secret]", kept)
    return _MAIL.sub(b"[mail]", kept)
