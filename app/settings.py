"""One typed Settings, from the environment and clipwarden.toml.

Read here only and passed down as values; no other room reads a setting. Never holds a secret.
"""

import re
import ssl
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.errors import SettingsWrong
from crawler.egress import proxy_address

FILE_NAME = "clipwarden.toml"
MIB = 1024 * 1024
# Plain ASCII, without a name before it: nothing in it can end a header.
MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,8}")


class _Section(BaseModel):
    # A mistyped setting that is silently ignored is a setting nobody made.
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkSettings(_Section):
    """How this machine goes out.

    proxy    http://NAME:PORT that everything leaves by, but for allowed_hosts; "" for straight out. It looks the names
             up, so it must keep its own inside closed to names that point there
    ca_file  PEM file of the authorities to trust, where the proxy opens TLS or the platform is your own; "" for the
             built-in ones
    """

    proxy: str = ""
    ca_file: str = ""

    @field_validator("proxy")
    @classmethod
    def _is_a_proxy(cls, value: str) -> str:
        if value:
            proxy_address(value)
        return value

    @field_validator("ca_file")
    @classmethod
    def _holds_authorities(cls, value: str) -> str:
        if value and not Path(value).is_absolute():
            raise ValueError(f"{value} is no absolute path")
        if value:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(value)
            except OSError as error:  # ssl.SSLError is one
                raise ValueError(f"{value} is no PEM file of certificates: {error.strerror or error}") from None
        return value


class CrawlSettings(_Section):
    """How posts are looked for.

    canary_s  seconds between two questions with a known answer to one source
    fragile   platforms whose spiders break often, and are off unless named here
    caps      "platform:allowance" -> what may be spent in its period, such as "x:dollars" = 25
    """

    user_agent: str = "clipwarden/0.1 (brand protection)"
    delay_s: float = Field(default=0.5, ge=0)
    pages: int = Field(default=50, ge=1)  # a watch's budget in one crawl
    time_limit_s: int = Field(default=900, ge=10)
    canary_s: int = Field(default=3600, ge=0)
    fragile: tuple[str, ...] = ()
    caps: dict[str, float] = {}


class FetchSettings(_Section):
    """What a download may take."""

    workers: int = Field(default=2, ge=1)
    max_file_mib: int = Field(default=512, ge=1)
    max_seconds: int = Field(default=180, ge=1)
    min_free_mib: int = Field(default=2048, ge=0)
    least_height_px: int = Field(default=240, ge=1)


class MatchSettings(_Section):
    """What looking at one file may take.

    model      folder of an image-embedding model (docs/models.md); "" for none
    sentences  folder of a sentence-embedding model, for descriptions; "" for none
    """

    model: str = ""
    sentences: str = ""
    workers: int = Field(default=2, ge=1)
    max_seconds: int = Field(default=120, ge=1)
    memory_mib: int = Field(default=4096, ge=512)


class ReporterSettings(_Section):
    """Who files a notice; each part may be left out until the first draft asks for it."""

    full_name: str = ""
    title: str = ""
    company: str = ""
    address: str = ""
    phone: str = ""
    email: str = ""


class DigestSettings(_Section):
    """Who gets the daily digest: the team itself, and nobody else ever.

    security     "starttls", "tls", or "none": no password is ever given over a line without TLS
    smtp_user    "" for a server that asks for no login; the password is CLIPWARDEN_SMTP_PASSWORD
    webhook_url  https, or http to one of allowed_hosts; signed with CLIPWARDEN_WEBHOOK_SECRET
    """

    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_user: str = ""
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: str = ""
    recipients: tuple[str, ...] = ()
    webhook_url: str = ""

    @field_validator("sender", "recipients")
    @classmethod
    def _are_mailboxes(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for one in (value,) if isinstance(value, str) else value:
            if (one or not isinstance(value, str)) and not MAILBOX.fullmatch(one):
                raise ValueError(f"{one!r} is no mailbox; write name@company.example, without a name before it")
        return value


class DeskSettings(_Section):
    """The review desk.

    address   as people type it, where that is not what it listens on: "https://clips.your-company.example"
    """

    address: str = ""


class OidcSettings(_Section):
    """The company's own sign-in by OpenID Connect; off while `issuer` is empty. The client's secret is
    CLIPWARDEN_OIDC_SECRET, in the environment or the system's keyring.

    claim          which claim of the token names the person's groups
    roles          group -> role at the desk, the first that fits; empty: roles are given at the desk
    make_accounts  whether a person without an account gets one at the first sign-in
    shown          what the button calls it
    """

    issuer: str = ""
    client_id: str = ""
    claim: str = "groups"
    roles: dict[str, str] = {}
    make_accounts: bool = False
    shown: str = ""


class Settings(_Section):
    """Everything a home may decide.

    allowed_hosts   hosts, or host:port, that may stand at a private address; empty on the open internet
    """

    allowed_hosts: tuple[str, ...] = ()
    network: NetworkSettings = NetworkSettings()
    crawl: CrawlSettings = CrawlSettings()
    fetch: FetchSettings = FetchSettings()
    match: MatchSettings = MatchSettings()
    reporter: ReporterSettings = ReporterSettings()
    digest: DigestSettings = DigestSettings()
    desk: DeskSettings = DeskSettings()
    oidc: OidcSettings = OidcSettings()


def load(home: Path) -> Settings:
    """The settings of a home: its own clipwarden.toml, else the one beside you, else the defaults.

    raises  SettingsWrong naming every mistake at once
    """
    for path in (home / FILE_NAME, Path(FILE_NAME)):
        if path.is_file():
            return _parse(path)
    return Settings()


def _parse(path: Path) -> Settings:
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsWrong(f"{path}: not TOML: {error}") from None
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        wrong = [f"{path}: {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise SettingsWrong("\n".join(wrong)) from None


TEMPLATE = """\
# clipwarden's settings. What is commented out shows its default.

# Hosts (or host:port) that may stand at a private address. Leave empty unless you know why.
# allowed_hosts = []

[network]
# proxy = ""           # "http://proxy.your-company.example:3128": all but allowed_hosts leaves by it
# ca_file = ""         # PEM file of the authorities to trust, where that proxy opens TLS

[crawl]
# Platforms want to know who asks: name a mailbox of yours.
user_agent = "clipwarden/0.1 (brand protection; contact: you@your-company.example)"
# delay_s = 0.5        # between two requests to one site
# pages = 50           # a watch's budget in one crawl
# time_limit_s = 900   # one platform's crawl
# canary_s = 3600      # between two questions with a known answer, which tell silence from blindness
# fragile = []         # platforms whose pages change often, off unless named: ["tiktok_page"]
# caps = {"x:dollars" = 25}   # what may be spent in a period, where it is not the platform's own

[fetch]
# workers = 2
# max_file_mib = 512
# max_seconds = 180
# min_free_mib = 2048  # stop before the disk is full
# least_height_px = 240

[match]
# model = ""           # folder of an image-embedding model, see docs/models.md
# sentences = ""       # folder of a sentence-embedding model, see there too
# workers = 2
# max_seconds = 120
# memory_mib = 4096

# Who files a notice. `clipwarden draft` refuses to write one with a line missing.
[reporter]
full_name = ""
title = ""
company = ""
address = ""
phone = ""
email = ""

# The daily digest of `clipwarden digest` goes to your own team, and to nobody else.
[digest]
# smtp_host = ""       # "mail.your-company.example"
# smtp_port = 587
# smtp_user = ""       # its password: CLIPWARDEN_SMTP_PASSWORD, or the system's keyring
# security = "starttls"  # or "tls", or "none" inside your own network
# sender = ""          # "clipwarden@your-company.example"
# recipients = []      # ["brand-protection@your-company.example"]
# webhook_url = ""     # https; signed with CLIPWARDEN_WEBHOOK_SECRET

[desk]
# address = ""         # as people type it, where that is not what `clipwarden serve` listens on

# The company's own sign-in at the desk. The client's secret: CLIPWARDEN_OIDC_SECRET, or the system's keyring.
[oidc]
# issuer = ""          # "https://login.your-company.example"
# client_id = ""
# claim = "groups"
# roles = {}           # {"brand-protection" = "reviewer"}
# make_accounts = false
# shown = ""           # what the button says
"""
