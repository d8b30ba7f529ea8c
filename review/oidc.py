"""Sign-in by the company's own OpenID Connect: the code flow with PKCE, state and nonce, by Authlib.

Never trusts a token whose signature, issuer, audience, nonce or time is not what was asked for, and never takes a
name from the provider for the account: only issuer and subject say who it is.
"""

import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]  # ships no types
from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped]  # ships no types
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]  # ships no types
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from core.errors import Busy, ClipwardenError, SettingsWrong
from core.words import printable
from review.rights import ROLES
from review.way_out import TIMEOUT_S, way_out
from store import keys, people
from store.ledger import Ledger

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]  # never none, never HS
SCOPES = "openid profile email"
PATIENCE_S = 3  # how long one waits for another who asks the provider
LEEWAY_S = 60  # between two clocks
FRESH_S = 600  # how long the provider's own description holds
KEYS_S = 10  # how long its keys hold, once a token is signed with one that was not there
MOST_SUBJECT = 255  # OpenID Connect Core, section 2
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """The company's sign-in, as the settings describe it.

    issuer         its address; discovery stands under it
    claim          which claim of the token names the person's groups
    roles          group -> role, the first that fits holds at each sign-in; empty: roles are given at the desk
    make_accounts  whether a person without an account gets one at the first sign-in
    shown          what the button calls it
    proxy, ca_file, allowed_hosts as in the settings
    """

    issuer: str
    client_id: str
    client_secret: str = ""
    claim: str = "groups"
    roles: Mapping[str, str]
    make_accounts: bool = False
    shown: str = ""
    proxy: str = ""
    ca_file: str = ""
    allowed_hosts: tuple[str, ...] = ()


def provider_of(settings: Mapping[str, Any]) -> Provider | None:
    """The provider of the desk's settings, under `oidc`; None for none.

    raises  SettingsWrong for a role that is not there, or an address that anyone on the way could answer
    """
    given: dict[str, Any] = {"roles": {}, **(settings.get("oidc") or {})}
    if not given.get("issuer"):
        return None
    found = Provider(**given | {"issuer": given["issuer"].rstrip("/")})
    unknown = sorted(set(found.roles.values()) - set(ROLES))
    if unknown:
        raise SettingsWrong(f"oidc.roles: there is no role {', '.join(unknown)}; there are {', '.join(ROLES)}")
    _check_safe(found.issuer)
    return found


class Company:
    """One provider: what it says of itself is asked for once in ten minutes."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._lock = threading.Lock()
        self._described: dict[str, Any] = {}
        self._keys: dict[str, Any] = {}
        self._described_at = self._keys_at = 0.0

    def begin(self, ledger: Ledger, back: str, place: str, *, at: datetime) -> tuple[str, str]:
        """The address to send the browser to, and what it must bring back in a cookie.

        back     our own address that the provider sends it back to
        place    where to go on to afterwards
        raises   ClipwardenError when the provider does not answer as it should
        """
        steps = {name: secrets.token_urlsafe(32) for name in ("state", "browser", "nonce")}
        steps |= {"verifier": secrets.token_urlsafe(48), "next": place}
        described = self._description()
        with self._session(back) as session:
            url, _ = session.create_authorization_url(
                described["authorization_endpoint"],
                state=steps["state"], nonce=steps["nonce"], code_verifier=steps["verifier"],
            )  # fmt: skip
        keys.begin_company(ledger, steps, at=at)
        return str(url), steps["browser"]

    def claims(self, back: str, response: str, state: str, steps: Mapping[str, Any]) -> dict[str, Any]:
        """What the provider says of the person who came back, checked.

        response  the whole address the browser came back with
        steps     what store.keys.end_company remembered
        raises    ClipwardenError when it does not answer, or its token is not what was asked for
        """
        described = self._description()
        try:
            with self._session(back) as session, self._way_out(session):
                answer = session.fetch_token(
                    described["token_endpoint"], authorization_response=response, state=state,
                    code_verifier=steps["verifier"], timeout=TIMEOUT_S, allow_redirects=False,
                )  # fmt: skip
            token = self._token(str(answer.get("id_token") or ""))
            self._validate(token, described["issuer"], steps["nonce"], answer.get("access_token"))
        except (AuthlibBaseError, JoseError, requests.RequestException, ValueError, TypeError, KeyError) as error:
            told = printable(str(error), most=120) or type(error).__name__
            raise ClipwardenError(f"the company's sign-in was not accepted: {told}") from None
        subject = str(token.claims["sub"])
        if not subject.isprintable() or not 0 < len(subject) <= MOST_SUBJECT:
            raise ClipwardenError("the company's sign-in was not accepted: its token names nobody")
        return dict(token.claims)

    def _token(self, text: str) -> jwt.Token:
        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        try:
            return jwt.decode(text, KeySet.import_key_set(self._key_set()), registry=registry)
        except InvalidKeyIdError:  # the provider changed its keys meanwhile
            return jwt.decode(text, KeySet.import_key_set(self._key_set(fresh_s=KEYS_S)), registry=registry)

    def _validate(self, token: jwt.Token, issuer: str, nonce: str, access_token: str | None) -> None:
        ours = self.provider.client_id
        wanted = {"iss": issuer, "aud": ours, "nonce": nonce}
        options = {claim: {"essential": True, "value": value} for claim, value in wanted.items()}
        told = {"client_id": ours, "nonce": nonce} | ({"access_token": access_token} if access_token else {})
        CodeIDToken(token.claims, token.header, options, told).validate(leeway=LEEWAY_S)

    def _session(self, back: str) -> Any:  # noqa: ANN401 - Authlib ships no types
        given = self.provider
        return OAuth2Session(
            given.client_id, given.client_secret or None, scope=SCOPES, redirect_uri=back, code_challenge_method="S256"
        )

    def _description(self) -> dict[str, Any]:
        """The discovery document, as OpenID Connect Discovery 1.0 has it."""
        with self._asking():
            if not self._described or time.monotonic() - self._described_at > FRESH_S:
                issuer = self.provider.issuer
                found = self._asked(f"{issuer}/.well-known/openid-configuration")
                if str(found.get("issuer", "")).rstrip("/") != issuer:
                    raise ClipwardenError(f"{issuer} describes another issuer; check oidc.issuer in clipwarden.toml")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    _check_safe(str(found.get(name, "")))
                self._described, self._described_at = found, time.monotonic()
            return self._described

    def _key_set(self, fresh_s: float = FRESH_S) -> Any:  # noqa: ANN401 - joserfc checks it
        with self._asking():
            if not self._keys or time.monotonic() - self._keys_at > fresh_s:
                self._keys, self._keys_at = self._asked(self._described["jwks_uri"]), time.monotonic()
            return self._keys

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """One asks at a time; a provider that is slow must not hold every thread of the desk."""
        if not self._lock.acquire(timeout=PATIENCE_S):
            raise Busy("the company's sign-in is slow to answer; try again in a minute")
        try:
            yield
        finally:
            self._lock.release()

    def _way_out(self, session: requests.Session) -> AbstractContextManager[None]:
        its = self.provider
        return way_out(
            session, its.issuer, proxy=its.proxy, ca_file=its.ca_file, allowed_hosts=tuple(its.allowed_hosts)
        )

    def _asked(self, url: str) -> dict[str, Any]:
        try:
            with requests.Session() as session, self._way_out(session):
                answer = session.get(url, timeout=TIMEOUT_S, allow_redirects=False)
                answer.raise_for_status()
                found = answer.json()
        except (requests.RequestException, ValueError) as error:
            told = printable(str(error), most=200)
            raise ClipwardenError(
                f"the company's sign-in does not answer; ask its admins about {url}: {told}"
            ) from None
        if not isinstance(found, dict):
            raise ClipwardenError(f"{url} holds no JSON object; check oidc.issuer in clipwarden.toml")
        return found


def account_of(ledger: Ledger, provider: Provider, claims: Mapping[str, Any], *, at: datetime) -> str:
    """The name of the account of a person the provider has vouched for, made or given its role where settings say so.

    raises  ClipwardenError telling the person what an admin has to do
    """
    issuer, subject = provider.issuer, str(claims["sub"])
    role = _role(provider, claims)
    if provider.roles and role is None:
        raise ClipwardenError(f"none of your groups may use the desk; ask for one of {', '.join(provider.roles)}")
    with ledger.write():
        row = people.of_company(ledger, issuer, subject)
        if row is None and not provider.make_accounts:
            raise ClipwardenError(f"you have no account here yet; ask an admin to add one, with the id {subject}")
        if row is None:
            name, shown = _free_name(ledger, claims), printable(str(claims.get("name") or ""), most=80)
            company = (issuer, subject)
            people.add(ledger, name, role or "viewer", by="clipwarden", at=at, shown=shown, company=company)
            return name
        if row["disabled_at"]:
            raise ClipwardenError("your account is closed; ask an admin to open it")
        if role and role != row["role"]:
            people.set_role(ledger, row["name"], role, by="clipwarden", at=at)
    return str(row["name"])


def _role(provider: Provider, claims: Mapping[str, Any]) -> str | None:
    said = claims.get(provider.claim)
    listed = said if isinstance(said, list) else [said]
    groups = {one for one in listed if isinstance(one, str)}
    return next((role for group, role in provider.roles.items() if group in groups), None)


def _free_name(ledger: Ledger, claims: Mapping[str, Any]) -> str:
    """A name nobody has: the provider's, cut to what a name may be; of two alike the later gets a mark."""
    said = next((claims[key] for key in ("preferred_username", "email", "sub") if isinstance(claims.get(key), str)), "")
    name = re.sub(r"[^a-z0-9._@-]+", "-", str(said)[:200].lower()).strip("._@-")[:50] or "person"
    if people.find(ledger, name) is None:
        return name
    return f"{name}-{sha256(str([claims['iss'], claims['sub']]).encode()).hexdigest()[:8]}"


def _check_safe(url: str) -> None:
    """Check that nobody on the way answers in the provider's stead.

    raises  SettingsWrong for an address without TLS, but for one on this machine
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise SettingsWrong(
            f"oidc: {printable(url, most=200)!r} is no https address; nothing less keeps a sign-in safe"
        )
