"""A small real OpenID provider on loopback: discovery, keys, authorisation, and tokens signed with RS256.

Tests tell it whom it vouches for, and how its tokens are wrong.
"""

import asyncio
import base64
import hashlib
import itertools
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

CLIENT, SECRET = "clipwarden-desk", "the client's secret"


@dataclass
class Provider:
    """What it says, which a test may change between two sign-ins.

    person  claims of who sits at the browser
    twist   changes the claims before they are signed
    alg     how the token is signed: RS256, or what an attacker would try
    asked   the parameters of the last authorisation
    floods  which answer never ends: description, keys or token
    drips   which answer comes letter by letter, never whole
    """

    issuer: str = ""
    person: dict[str, Any] = field(
        default_factory=lambda: {"sub": "u-1", "preferred_username": "Grace.H", "name": "Grace"}
    )
    twist: Callable[[dict[str, Any]], object] = lambda _claims: None
    alg: str = "RS256"
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    signing_key: RSAKey | None = None
    asked: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    described: dict[str, Any] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    floods: str = ""
    drips: str = ""

    def hostile(self, which: str) -> Response | None:
        """What comes instead of an answer; None where nothing is wrong."""
        if which == self.floods:
            return StreamingResponse(itertools.repeat(b" " * 65_536), media_type="application/json")
        return StreamingResponse(_drip(), media_type="application/json") if which == self.drips else None

    def description(self, _request: Request) -> Response:
        """The discovery document."""
        self.fetched.append("description")
        if wrong := self.hostile("description"):
            return wrong
        places = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        own = {"issuer": self.issuer} | {name: self.issuer + path for name, path in places.items()}
        return JSONResponse(own | self.described)

    def keys(self, _request: Request) -> Response:
        """The public keys."""
        self.fetched.append("keys")
        if wrong := self.hostile("keys"):
            return wrong
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    def authorize(self, request: Request) -> Response:
        """Whoever comes is the person, without a question."""
        self.asked = dict(request.query_params)
        code = secrets.token_urlsafe(16)
        self.codes[code] = self.asked
        back = urlencode({"code": code, "state": self.asked["state"]})
        return RedirectResponse(f"{self.asked['redirect_uri']}?{back}", 302)

    async def token(self, request: Request) -> Response:
        """A code, once, for the client it was given to, with its PKCE verifier, against an ID token."""
        if wrong := self.hostile("token"):
            return wrong
        given = dict(await request.form())
        asked = self.codes.pop(str(given.get("code")), None)
        client = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        verifier = hashlib.sha256(str(given.get("code_verifier")).encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if (
            asked is None
            or request.headers.get("authorization") != f"Basic {client}"
            or asked.get("code_challenge_method") != "S256"
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != given.get("redirect_uri")
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        times = {"iat": int(time.time()), "exp": int(time.time()) + 300}
        claims = {"iss": self.issuer, "aud": CLIENT, "nonce": asked["nonce"], **times, **self.person}
        self.twist(claims)
        return JSONResponse({"access_token": "unused", "token_type": "Bearer", "id_token": self._signed(claims)})

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.alg == "none":
            parts = [
                base64.urlsafe_b64encode(str(part).replace("'", '"').encode()) for part in ({"alg": "none"}, claims)
            ]
            return ".".join([*(part.rstrip(b"=").decode() for part in parts), ""])
        if self.alg == "HS256":  # signed with the public key as if it were a shared secret
            return jwt.encode({"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(self.key.as_pem(private=False)))
        key = self.signing_key or self.key
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


async def _drip() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(0.05)


@contextmanager
def running() -> Iterator[Provider]:
    """The provider on a free port of loopback, until the test ends."""
    provider, place = Provider(), socket.create_server(("127.0.0.1", 0))
    provider.issuer = f"http://127.0.0.1:{place.getsockname()[1]}"
    routes = [
        Route("/.well-known/openid-configuration", provider.description),
        Route("/keys", provider.keys),
        Route("/authorize", provider.authorize),
        Route("/token", provider.token, methods=["POST"]),
    ]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    yield provider
    server.should_exit = True
    thread.join(10)
