"""What an answer is, before it is read: each wall and block by its own name, and nobody's caption mistaken for one."""

import pytest
from scrapy import Request
from scrapy.http import HtmlResponse

from core.causes import Cause
from crawler.answers import refusal, sample

JSON = b'[{"id": 1}]'
CAPTCHA = b"""<html><head><title>Just a moment...</title></head><body>
<script src="https://challenges.cloudflare.com/turnstile/v0/api.js"></script></body></html>"""
TIKTOK = b'<html><body><div class="captcha-verify-container">Drag the slider</div></body></html>'
LOGIN = (
    b'<html><head><title>Log in to Site</title></head><body><form><input name="p" type="password"></form></body></html>'
)
CONSENT = b'<html><body><form action="https://consent.youtube.com/save">Before you continue</form></body></html>'
MOVED = {"expects": "html", "url": "https://site.example/accounts/login/?next=x", "moved": ["x"]}
CAPTION = b"""<html><head><title>Please log in? I am not a robot! captcha</title></head><body>
<p>watch out: verify you are human, captcha, consent, g-recaptcha, type="password"</p></body></html>"""


def cause(body: bytes, *, status: int = 200, url: str = "https://site.example/x", **given: object) -> str | None:
    """Why an answer is refused, by name."""
    meta = {"redirect_urls": given["moved"]} if "moved" in given else {}
    response = HtmlResponse(url, status=status, body=body, request=Request("https://site.example/x", meta=meta))
    refused = refusal(
        response, role=str(given.get("role", "page")), expects=str(given.get("expects", "json")),
        keyed=bool(given.get("keyed")),
    )  # fmt: skip
    if refused:
        assert "site.example" in str(refused) or "consent." in str(refused)
    return refused.cause if refused else None


@pytest.mark.parametrize(
    ("body", "given", "expected"),
    [
        (JSON, {}, None),
        (b"", {}, Cause.EMPTY_BODY),
        (b" \n\t ", {}, Cause.EMPTY_BODY),
        (b"<html><body>Hello</body></html>", {}, Cause.HTML_FOR_JSON),
        (b"<html><body>Hello</body></html>", {"expects": "html"}, None),
        (b"<?xml version='1.0'?><feed/>", {"expects": "xml"}, None),
        (b"<!DOCTYPE html><p>Hello", {"expects": "xml"}, Cause.HTML_FOR_JSON),
        (b'{"error": {"code": 31, "message": "went wrong"}}', {}, Cause.SOFT_ERROR),
        (b'{"Errors": [], "errors": ["went wrong"], "status": "error"}', {}, Cause.SOFT_ERROR),
        (b'{"error": "\\ud83d"}', {}, Cause.SOFT_ERROR),
        (b'{"error": null, "message": "all is well"}', {}, None),
        (b'{"error": {"code": "ok"}, "data": []}', {}, None),
        (b'{"error": {"code": "ok", "message": ""}}', {}, None),
        (b'{"errors": [{"title": "one of them is gone"}], "meta": {"result_count": 0}}', {}, None),
        (b'{"errors": [{"code": 1}], "items": []}', {}, None),
        (b'{"error": ' + b"[" * 60_000, {}, None),
        (CAPTCHA, {}, Cause.CAPTCHA),
        (CAPTCHA, {"expects": "html", "status": 403}, Cause.CAPTCHA),
        (TIKTOK, {"expects": "html"}, Cause.CAPTCHA),
        (LOGIN, {"expects": "html"}, Cause.LOGIN_WALL),
        (LOGIN, {}, Cause.LOGIN_WALL),
        (CONSENT, {"expects": "html"}, Cause.CONSENT),
        (b"<html></html>", {"expects": "html", "url": "https://consent.youtube.com/m?continue=x"}, Cause.CONSENT),
        (b"<html></html>", MOVED, Cause.LOGIN_WALL),
        (b"<html></html>", {"expects": "html", "url": "https://site.example/login/of/flowers"}, None),
        (JSON, {"status": 401}, Cause.LOGIN_WALL),
        (JSON, {"status": 401, "keyed": True}, Cause.CREDENTIAL),
        (JSON, {"status": 402}, Cause.BUDGET),
        (JSON, {"status": 403}, Cause.REFUSED),
        (JSON, {"status": 404}, Cause.NOT_FOUND),
        (JSON, {"status": 404, "role": "detail"}, None),
        (JSON, {"status": 410, "role": "detail"}, None),
        (JSON, {"status": 418}, Cause.CHANGED),
        (JSON, {"status": 429}, Cause.RATE_LIMITED),
        (JSON, {"status": 451}, Cause.REFUSED),
        (JSON, {"status": 500}, Cause.TROUBLE),
        (JSON, {"status": 503}, Cause.TROUBLE),
    ],
)  # fmt: skip
def test_answer_is_named(body: bytes, given: dict[str, object], expected: Cause | None) -> None:
    """Every kind of refusal has its name; an answer for us has none."""
    assert cause(body, **given) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body",
    [
        CAPTION,
        b'{"caption": "<title>Just a moment</title> captcha <script src=https://challenges.cloudflare.com/x>"}',
        b'[{"text": "log in to see <input type=password>"}]',
        b"<html><head><title>My login ritual</title></head><body><p>no form here</p></body></html>",
        b'<html><head><title>Gowns</title></head><body><a href="/login">Log in</a><input type="password"></html>',
    ],
)
def test_words_of_a_caption_are_no_wall(body: bytes) -> None:
    """What people write about walls is not one: only the structure of a page is looked at."""
    assert cause(body, expects="html") is None


@pytest.mark.parametrize("body", [b"<script " * 9000, b"<title>" * 9000, b"<form " + b'action="' * 8000, b"<" * 70_000])
def test_hostile_page_is_looked_at_in_no_time(body: bytes) -> None:
    """No page makes the look take long (pytest-timeout would end this)."""
    assert cause(body, expects="html") is None


def test_sample_keeps_no_token_and_no_address() -> None:
    """What is kept of an answer holds neither tokens, nor sessions, nor mail addresses; the rest stays."""
    kept = sample(
        b'{"accessJwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "access_token=abcdef123456": 1,'
        b' "api_key": "AIzaSyA-1234567", "mail": "someone@site.example", "message": "quota exceeded"}'
    )

    assert b"eyJ" not in kept
    assert b"abcdef123456" not in kept
    assert b"AIzaSy" not in kept
    assert b"someone@" not in kept
    assert b"quota exceeded" in kept
    assert len(sample(b"x" * 1_000_000)) == 65_536
