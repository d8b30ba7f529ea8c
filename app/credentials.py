"""Credentials: from the environment or the system's keyring, never from a file of ours, never into a log."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import keyring
from filelock import FileLock, Timeout
from keyring.errors import KeyringError, PasswordDeleteError

from core.errors import Busy, ClipwardenError
from crawler.facts import Secret

PREFIX = "CLIPWARDEN_"
SERVICE = "clipwarden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Whether a credential is there, and where: environment, keyring, or "" for nowhere. Never its value."""

    platform: str
    name: str
    what: str
    where: str
    optional: bool


def secrets_of(wanted: Iterable[Secret]) -> dict[str, str]:
    """Those of the wanted credentials that are given, by name; the environment comes first."""
    found = {secret.name: os.environ.get(PREFIX + secret.name) or _kept(secret.name) for secret in wanted}
    return {name: value for name, value in found.items() if value}


def held(platform: str, wanted: Iterable[Secret]) -> list[Held]:
    """Where each credential of a platform comes from."""
    return [
        Held(platform=platform, name=secret.name, what=secret.what, where=_where(secret.name), optional=secret.optional)
        for secret in wanted
    ]


def keep(name: str, value: str) -> None:
    """Put a credential into the keyring.

    raises  ClipwardenError when this system has none: then only the environment is left
    """
    try:
        keyring.set_password(SERVICE, name, value)
    except KeyringError as error:
        told = f"this system has no keyring to keep it in ({str(error).splitlines()[0]})"
        raise ClipwardenError(f"{told}; set the environment variable {PREFIX}{name} instead") from None


def forget(name: str) -> bool:
    """Take a credential out of the keyring; whether it was there."""
    try:
        keyring.delete_password(SERVICE, name)
    except (PasswordDeleteError, KeyringError):
        return False
    return True


def _kept(name: str) -> str:
    # A machine without a keyring, or one that is locked, has none to give.
    with suppress(KeyringError):
        return keyring.get_password(SERVICE, name) or ""
    return ""


def _where(name: str) -> str:
    if os.environ.get(PREFIX + name):
        return "environment"
    return "keyring" if _kept(name) else ""


@contextmanager
def alone_with(secrets: Mapping[str, str]) -> Iterator[None]:
    """Hold these credentials for one collector on this machine: two that share one share its limits, unknowing.

    raises  Busy when another process holds one of them
    """
    locks = [FileLock(_lock(value)) for _, value in sorted(secrets.items())]
    try:
        for lock in locks:
            lock.acquire(timeout=0)
        yield
    except Timeout:
        raise Busy(
            "another clipwarden on this machine uses the same credential now; one collector a credential"
        ) from None
    finally:
        for lock in locks:
            lock.release()


def _lock(value: str) -> Path:
    # A keyed digest cut short: nobody reads the credential out of the file's name.
    digest = hashlib.blake2s(value.encode(), person=b"clipward", digest_size=8).hexdigest()
    return Path(tempfile.gettempdir()) / f"clipwarden-credential-{os.getuid()}-{digest}.lock"
