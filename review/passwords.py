"""Passwords and one-time codes: hashed by argon2id, checked in the same time whether there is an account or not.

Never keeps or logs a password.
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pyotp
import segno
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from markupsafe import Markup

from core.errors import Busy, ClipwardenError

LEAST, MOST = 12, 1024  # letters of a password; argon2 would hash a gigabyte
MOST_NAME = 64
CODES = 10  # recovery codes
TWO_AT_ONCE = threading.BoundedSemaphore(2)  # 64 MiB each: forty threads that guess would take 2.5 GiB
PATIENCE_S = 10
ISSUER = "clipwarden"


class Passwords:
    """A way to hash. hasher: argon2-cffi's parameters; its defaults are those of RFC 9106, second choice."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobodys = self._hasher.hash(secrets.token_hex())

    def hashed(self, password: str) -> str:
        """A new password as it is kept.

        raises  ClipwardenError when it is too short or absurdly long
        """
        if not LEAST <= len(password) <= MOST:
            raise ClipwardenError(f"a password has {LEAST} to {MOST} letters; choose one of that length")
        with _turn():
            return self._hasher.hash(password.encode("utf-8", "surrogatepass"))

    def match(self, kept: str | None, password: str) -> bool:
        """Whether a password is the one that is kept; None, for nobody's, takes as long and is never right."""
        with _turn():
            try:
                given = password[: MOST + 1].encode("utf-8", "surrogatepass")
                right = self._hasher.verify(kept or self._nobodys, given)
            except (VerificationError, InvalidHashError):
                return False
        return right and kept is not None and len(password) <= MOST

    def stale(self, kept: str) -> bool:
        """Whether a password was hashed with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)


@contextmanager
def _turn() -> Iterator[None]:
    if not TWO_AT_ONCE.acquire(timeout=PATIENCE_S):
        raise Busy("too many people sign in at this moment; try again in a minute")
    try:
        yield
    finally:
        TWO_AT_ONCE.release()


def new_secret() -> str:
    """A secret for one-time codes, as an app takes it: 160 bits, base32."""
    return pyotp.random_base32()


def enrolment(secret: str, name: str) -> str:
    """The otpauth:// address that an app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def drawn(address: str) -> Markup:
    """An address as a QR code in one SVG element: black on white with its quiet zone, whatever the page's colours.

    Its size is the page's matter; it holds no style and no script, which the content policy would refuse.
    """
    svg = segno.make_qr(address, error="m").svg_inline(border=4, dark="#000", light="#fff", omitsize=True)
    return Markup(svg)  # noqa: S704 - numbers of a matrix, nothing of the text that it encodes


def step_of(secret: str, code: str, *, at: datetime) -> int | None:
    """The half minute whose code this is: this one, the one before or the next; None for none of them."""
    app, now = pyotp.TOTP(secret), int(at.timestamp()) // 30
    for step in (now, now - 1, now + 1):
        if pyotp.utils.strings_equal(app.generate_otp(step), code):
            return step
    return None


def recovery_codes() -> list[str]:
    """Ten codes of 80 bits that stand in for a lost phone, each once."""
    whole = [pyotp.random_base32(32)[:16].lower() for _ in range(CODES)]
    return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in whole]


def typed(code: str) -> str:
    """A code as people type it, in the form it was given in: "123 456", "ABCD EFGH-..."."""
    bare = "".join(letter for letter in code[:64] if letter.isascii() and letter.isalnum()).lower()
    return bare if bare.isdigit() or len(bare) != 16 else "-".join(bare[at : at + 4] for at in range(0, 16, 4))
