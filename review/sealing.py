"""Secrets of one-time codes, sealed: whoever has a copy of the ledger, and not of the key file, makes no codes by it.

The key is a file of its own in the home, made with the first secret; a backup may leave it out, or it may be a link to
a place that is kept apart. Guards nothing against who can read the whole home, and docs/desk.md says so.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from core.errors import ClipwardenError
from store import people
from store.ledger import Ledger

KEY_FILE = "codes.key"
HEADER = {"alg": "dir", "enc": "A256GCM"}
WAY_BACK = (
    "put it back from your backup; until then recovery codes work, and `clipwarden people password NAME --codes-off`,"
    " or a reset on the People page, lets an account in without codes"
)


class KeyLost(ClipwardenError):
    """What was sealed cannot be opened."""


def seal(ledger: Ledger, name: str, secret: str) -> str:
    """An account's secret as the ledger keeps it; bound to the account, so that it opens for no other.

    raises  KeyLost when the key is gone and others are sealed with it
    """
    return str(jwe.encrypt_compact(HEADER, f"{name}\n{secret}", _key(ledger, make=True)))


def opened(ledger: Ledger, name: str, kept: str) -> str:
    """A secret as an app takes it.

    kept    what `seal` made; or, from before there were keys, the secret itself, which has no dot
    raises  KeyLost
    """
    if "." not in kept:
        return kept
    try:
        plain = (jwe.decrypt_compact(kept, _key(ledger), algorithms=list(HEADER.values())).plaintext or b"").decode()
    except (JoseError, ValueError):
        raise KeyLost(f"{KEY_FILE} is not the key that one-time codes were sealed with; {WAY_BACK}") from None
    owner, _, secret = plain.partition("\n")
    if owner != name:
        raise KeyLost(f"the one-time codes of {name} are those of {owner}: somebody wrote into the ledger; reset both")
    return secret


def seal_all(ledger: Ledger) -> None:
    """Seal what stands open in a ledger from before there were keys."""
    for name, kept in people.totp_secrets(ledger):
        if "." not in kept:
            with suppress(KeyLost):  # told where somebody can mend it: it must keep nobody out
                people.reseal_totp(ledger, name, kept, seal(ledger, name, kept))


def lost(ledger: Ledger) -> str:
    """Whose one-time codes cannot be checked, why, and what to do; "" when all can."""
    names, why = [], ""
    for name, kept in people.totp_secrets(ledger):
        try:
            opened(ledger, name, kept)
        except KeyLost as error:
            names.append(name)
            why = str(error)
    return f"no one-time code of {', '.join(names)} can be checked: {why}" if names else ""


def _key(ledger: Ledger, *, make: bool = False) -> OctKey:
    path = ledger.path.parent / KEY_FILE
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        if not make or path.is_symlink() or any("." in kept for _, kept in people.totp_secrets(ledger)):
            raise KeyLost(f"{KEY_FILE} is not in the home, and one-time codes are sealed with it; {WAY_BACK}") from None
        text = _made(ledger, path)
    except (OSError, ValueError) as error:
        raise KeyLost(f"{KEY_FILE} in the home cannot be read ({type(error).__name__}); {WAY_BACK}") from None
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise KeyLost(f"{KEY_FILE} in the home holds no key; {WAY_BACK}")
    return OctKey.import_key(bytes.fromhex(text))


def _made(ledger: Ledger, path: Path) -> str:
    """A new key, whole or not at all; of two who make one at once the second takes the first's."""
    begun = path.with_name(f"{KEY_FILE}.new")
    with ledger.write():
        if not path.exists():
            handle = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32))
                file.flush()
                os.fsync(file.fileno())
            begun.replace(path)
    return path.read_text(encoding="ascii").strip()
