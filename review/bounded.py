"""What a request may send at all: so much, counted while it comes, and in UTF-8 only.

Nobody fills memory before being asked who they are, and nobody chooses a codec that makes half letters of a form.
"""

import re

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 256 * 1024  # a decision, a form; a note of a reviewer
CHARSET = re.compile(rb"charset[^=;]*=\s*\"?([^\s;\"]*)", re.IGNORECASE)
UPLOADS = ("/v1/screen", "/references", "/v1/references")  # whose routes check the person first, and count themselves


class Bounded:
    """Around the whole application; what is longer is answered with 413, wherever it is read."""

    def __init__(self, app: ASGIApp, *, most_bytes: int = MOST_BYTES) -> None:
        self.app, self.most_bytes = app, most_bytes
        self._told = f"a request here is at most {most_bytes} bytes"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        headers = dict(scope["headers"]) if scope["type"] == "http" else {}
        kinds = b"; ".join(value for name, value in scope.get("headers", ()) if name == b"content-type")
        charsets = {one.lower() for one in CHARSET.findall(kinds)}
        if not charsets <= {b"utf-8", b"utf8"}:
            await PlainTextResponse("what is sent here is UTF-8", 415)(scope, receive, send)
            return
        if scope["type"] != "http" or scope["path"].startswith(UPLOADS):
            await self.app(scope, receive, send)
            return
        told = headers.get(b"content-length", b"0")
        if not told.isdigit() or int(told[:20]) > self.most_bytes:
            await PlainTextResponse(self._told, 413)(scope, receive, send)
            return
        come = 0

        async def counted() -> Message:
            nonlocal come
            message = await receive()
            come += len(message.get("body", b""))
            if come > self.most_bytes:
                raise HTTPException(413, self._told)
            return message

        await self.app(scope, counted, send)
