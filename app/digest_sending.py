"""How a digest leaves: by mail to the team's own mailboxes, and to the team's own webhook.

At most once a day and recipient. What may or may not have arrived is told as unknown, and never sent again by itself.
Never sends to anyone whom the settings do not name.
"""

import hashlib
import hmac
import json
import smtplib
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx

from app.credentials import secrets_of
from app.digest import Digest, message
from app.exports import note_export
from app.home import Home, held
from app.settings import Settings
from core.errors import ClipwardenError, FetchRefused, SettingsWrong
from core.words import printable
from crawler.egress import Allowed, check_name, check_url, proxy_address
from crawler.facts import Secret
from store.digests import claim, doubt_unfinished, settle, state_of

PASSWORD = Secret(
    name="SMTP_PASSWORD", what="the password of digest.smtp_user", how=("Ask whoever runs your mail server.",), where=""
)
SECRET = Secret(
    name="WEBHOOK_SECRET",
    what="what the webhook's signature is made with",
    how=("Make one up: 32 random characters or more. Give it to whoever runs the webhook.",),
    where="",
)
PATIENCE_S = 30.0
PAUSES_S = (1.0, 4.0, 15.0)  # before each further attempt at the webhook
TOLERANCE_S = 300  # how old a signature may be

Key = tuple[str, str, str]  # day, channel, recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How it went with one recipient: sent, refused, unknown; or `already` for one that had it before."""

    channel: str
    recipient: str
    state: str
    why: str = ""


def send(
    home: Home,
    digest: Digest,
    *,
    only: Sequence[str] = (),
    again: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Outcome]:
    """Send a digest to everyone the settings name, or to `only` these of them.

    again   also to those who have it, or may have it
    raises  Busy when another run sends now; SettingsWrong when there is nobody, or no secret for what is named
    """
    mailboxes, hooks = recipients(home.settings, only)
    ready(home.settings, mailboxes, hooks)
    told = f"another `clipwarden digest` is sending from {home.folder}; wait for it"
    with held(home.folder / "digest.lock", told):
        doubt_unfinished(home.ledger)
        return [
            *_mails(home, digest, mailboxes, again=again),
            *_webhooks(home, digest, hooks, again=again, sleep=sleep),
        ]


def recipients(settings: Settings, only: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """The mailboxes and webhooks to send to.

    raises  SettingsWrong when nobody is named, or `only` names one that the settings do not
    """
    wanted = settings.digest
    known = [*wanted.recipients, *filter(None, [wanted.webhook_url])]
    if not known:
        raise SettingsWrong("nobody gets the digest: name digest.recipients or digest.webhook_url in clipwarden.toml")
    strangers = [one for one in only if one not in known]
    if strangers:
        raise SettingsWrong(f"{strangers[0]!r} is not in section digest of clipwarden.toml; only those there get it")
    mailboxes = [one for one in dict.fromkeys(wanted.recipients) if not only or one in only]
    return mailboxes, [one for one in filter(None, [wanted.webhook_url]) if not only or one in only]


def ready(settings: Settings, mailboxes: Sequence[str], hooks: Sequence[str]) -> None:
    """Say what is missing before anything leaves.

    raises  SettingsWrong, FetchRefused
    """
    wanted = settings.digest
    if mailboxes and not (wanted.smtp_host and wanted.sender):
        raise SettingsWrong("digest.recipients need digest.smtp_host and digest.sender in clipwarden.toml")
    if mailboxes and wanted.smtp_user and wanted.security == "none":
        raise SettingsWrong("digest.smtp_user with security none would show the password to all: use starttls or tls")
    if mailboxes and wanted.smtp_user and not secrets_of([PASSWORD]):
        raise SettingsWrong("digest.smtp_user needs the environment variable CLIPWARDEN_SMTP_PASSWORD")
    for url in hooks:
        check_hook(url, settings)
        if not secrets_of([SECRET]):
            raise SettingsWrong("digest.webhook_url needs the environment variable CLIPWARDEN_WEBHOOK_SECRET")


def check_hook(url: str, settings: Settings) -> None:
    """Refuse a webhook that is not https, unless its host is allowed by name.

    raises  FetchRefused
    """
    allowed = Allowed.of(settings.allowed_hosts)
    check_url(url, allowed)
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if parts.scheme != "https" and not allowed.names(parts.hostname or "", port):
        raise FetchRefused(f"digest.webhook_url {url[:200]} is not https; the hit list is not for everyone on the way")
    if settings.network.proxy:
        check_name(parts.hostname or "", port, allowed)


def reachable(settings: Settings) -> frozenset[str]:
    """What crawler.egress.install may let this process reach beside the public internet: what the settings name."""
    named = list(settings.allowed_hosts)
    if settings.digest.smtp_host:
        host = settings.digest.smtp_host
        named.append(f"[{host}]:{settings.digest.smtp_port}" if ":" in host else f"{host}:{settings.digest.smtp_port}")
    if settings.network.proxy:
        named.append(proxy_address(settings.network.proxy)[2])
    return frozenset(named)


# ----------------------------------------------------------------------- mail
def _mails(home: Home, digest: Digest, mailboxes: Sequence[str], *, again: bool) -> list[Outcome]:
    outcomes, keys = list[Outcome](), list[Key]()
    for mailbox in mailboxes:
        key = (digest.day.isoformat(), "mail", mailbox)
        had, why = ("", "") if again else state_of(home.ledger, key)
        if had in {"sent", "unknown"}:
            outcomes.append(_had(key, had, why))
        else:
            keys.append(key)
    if not keys:
        return outcomes
    try:
        server = _server(home.settings)
    except (OSError, smtplib.SMTPException) as error:
        where = f"{home.settings.digest.smtp_host} port {home.settings.digest.smtp_port}"
        told = f"{where}: {_told(error)}; check section digest of clipwarden.toml"
        return [*outcomes, *(_settled(home, key, "refused", told, begun=False) for key in keys)]
    try:
        for key in keys:
            mail = message(digest, home.settings.digest.sender, key[2]).as_bytes()
            _claim(home, digest, key, again=again)
            outcomes.append(_settled(home, key, *_mail(server, home.settings.digest.sender, key[2], mail)))
    finally:
        with suppress(OSError, smtplib.SMTPException):
            server.quit()
    return outcomes


def _server(settings: Settings) -> smtplib.SMTP:
    """A server that is greeted, over TLS unless the settings say no, and logged in to if it wants that."""
    wanted = settings.digest
    trusted = ssl.create_default_context(cafile=settings.network.ca_file or None)
    where = (wanted.smtp_host, wanted.smtp_port)
    own = wanted.sender.rpartition("@")[2]  # said in the greeting; the machine's own name is nobody's business
    if wanted.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(*where, local_hostname=own, timeout=PATIENCE_S, context=trusted)
    else:
        server = smtplib.SMTP(*where, local_hostname=own, timeout=PATIENCE_S)
    try:
        if wanted.security == "starttls":
            server.starttls(context=trusted)
        server.ehlo_or_helo_if_needed()
        if wanted.smtp_user:
            server.login(wanted.smtp_user, secrets_of([PASSWORD])[PASSWORD.name])
    except BaseException:
        server.close()
        raise
    return server


def _mail(server: smtplib.SMTP, sender: str, recipient: str, mail: bytes) -> tuple[str, str]:
    """Hand one mail over; return (state, why)."""
    began = False
    try:
        server.rset()  # whatever the mail before this one left open
        for code, answer in (server.mail(sender), server.rcpt(recipient)):
            if code not in {250, 251}:
                return "refused", _answer(code, answer)
        began = True
        code, answer = server.data(mail)
    except smtplib.SMTPDataError as error:
        return "refused", _told(error)
    except (OSError, smtplib.SMTPException) as error:
        # The line broke after the mail began to leave: the server may have taken it.
        return "unknown" if began else "refused", _told(error)
    return ("sent", "") if code == 250 else ("refused", _answer(code, answer))


def _answer(code: int, answer: bytes) -> str:
    return printable(f"{code} {answer.decode('utf-8', 'replace')}", most=300)


def _told(error: Exception) -> str:
    return printable(f"{type(error).__name__}: {error}", most=300)


# -------------------------------------------------------------------- webhook
def signature(secret: str, at: int, body: bytes) -> str:
    """What stands in X-Clipwarden-Signature: "t=SECONDS,v1=HEX", an HMAC-SHA256 of "SECONDS." and the body."""
    code = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={code.hexdigest()}"


def verify(secret: str, header: str, body: bytes, *, now: int) -> bool:
    """Say whether a body was signed with this secret in the last five minutes: what a receiver does."""
    at = header.removeprefix("t=").partition(",")[0]
    if not (at.isascii() and at.isdecimal() and len(at) < 15) or abs(now - int(at)) > TOLERANCE_S:
        return False
    return hmac.compare_digest(signature(secret, int(at), body).encode(), header.encode())


def _webhooks(
    home: Home, digest: Digest, hooks: Sequence[str], *, again: bool, sleep: Callable[[float], None]
) -> list[Outcome]:
    outcomes = []
    for url in hooks:
        key = (digest.day.isoformat(), "webhook", url)
        if had := _claim(home, digest, key, again=again):
            outcomes.append(_had(key, had, state_of(home.ledger, key)[1]))
            continue
        outcomes.append(_settled(home, key, *_post(home.settings, url, digest, sleep)))
    return outcomes


def _post(settings: Settings, url: str, digest: Digest, sleep: Callable[[float], None]) -> tuple[str, str]:
    """Post until it is taken or no attempt is left; return (state, why)."""
    body = json.dumps(digest.payload).encode()
    secret = secrets_of([SECRET])[SECRET.name]
    # The same at each attempt: whoever gets it twice can tell.
    delivery = hashlib.sha256(f"{digest.day}|{url}".encode()).hexdigest()[:32]
    allowed = Allowed.of(settings.allowed_hosts)
    parts = urlsplit(url)
    straight = allowed.names(parts.hostname or "", parts.port)
    trusted = ssl.create_default_context(cafile=settings.network.ca_file or None)
    proxy = settings.network.proxy if settings.network.proxy and not straight else None
    with httpx.Client(verify=trusted, timeout=PATIENCE_S, trust_env=False, proxy=proxy) as client:
        for pause in (*PAUSES_S, None):
            headers = {
                "Content-Type": "application/json", "User-Agent": settings.crawl.user_agent,
                "X-Clipwarden-Delivery": delivery, "X-Clipwarden-Signature": signature(secret, int(time.time()), body),
            }  # fmt: skip
            state, why, passes = _attempt(client, url, body, headers)
            if not passes or pause is None:
                return state, why
            sleep(pause)
    raise AssertionError("the last attempt returns")


def _attempt(client: httpx.Client, url: str, body: bytes, headers: dict[str, str]) -> tuple[str, str, bool]:
    """Post once; return (state, why, whether it may go better the next time). What is answered is never read."""
    try:
        with client.stream("POST", url, content=body, headers=headers) as answer:
            status = answer.status_code
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        return "refused", _told(error), True
    except httpx.HTTPError as error:
        return "unknown", _told(error), True
    if 200 <= status < 300:
        return "sent", "", False
    moved = "; it points elsewhere, and is not followed" if 300 <= status < 400 else ""
    return "refused", f"the webhook answered {status}{moved}", status in {408, 425, 429} or status >= 500


# ---------------------------------------------------------------------- state
def _claim(home: Home, digest: Digest, key: Key, *, again: bool) -> str:
    """As store.digests.claim; what is about to leave is noted in the audit log with it, of a webhook its host alone."""
    day, channel, recipient = key
    with home.ledger.write():
        had = claim(home.ledger, key, at=datetime.now(UTC), again=again)
        if not had:
            to = recipient if channel == "mail" else urlsplit(recipient).hostname or ""
            note_export(home.ledger, "digest", rows=len(digest.payload["hits"]), day=day, to=to)
    return had


def _had(key: Key, state: str, why: str) -> Outcome:
    """What is told of one who is not sent it again."""
    if state == "unknown":
        told = f"it may have arrived before ({why}); ask them, and send it with --again if it did not"
        return Outcome(channel=key[1], recipient=key[2], state="unknown", why=told)
    return Outcome(channel=key[1], recipient=key[2], state="already")


def _settled(home: Home, key: Key, state: str, why: str, *, begun: bool = True) -> Outcome:
    if begun:
        settle(home.ledger, key, state, why, at=datetime.now(UTC))
    return Outcome(channel=key[1], recipient=key[2], state=state, why=why)


def complaint(outcomes: Sequence[Outcome]) -> ClipwardenError | None:
    """What went wrong, in one error; None when everyone has it."""
    wrong = [one for one in outcomes if one.state in {"refused", "unknown"}]
    if not wrong:
        return None
    return ClipwardenError("\n".join(f"digest to {one.recipient}: {one.state}: {one.why}" for one in wrong))
