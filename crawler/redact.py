"""No credential in a log, an error or a sample: every form in which one could be written is masked."""

import base64
import logging
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus

MASK = "[secret]"
SHORTEST = 4  # a shorter one would mask half of every log, and is no credential


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that masks these secrets in a text, as they are, percent-encoded, and inside base64."""
    forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
    ordered = sorted(forms, key=len, reverse=True)  # or a shorter form would leave the rest of a longer one

    def redact(text: str) -> str:
        for form in ordered:
            if form in text:
                text = text.replace(form, MASK)
        return text

    return redact


def _forms(secret: str) -> set[str]:
    raw = secret.encode()
    # Base64 writes a text three ways, by what stands before it ("user:secret"); its middle is the same in each.
    coded = {base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4].decode() for shift in range(3)}
    plain = {
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        secret.encode("unicode_escape").decode(),
    }
    # A header sent as UTF-8 is read back as Latin-1.
    misread = raw.decode("latin-1")
    plain |= {misread, quote(misread, safe=""), quote(misread)}
    return plain | {form for form in coded if len(form) >= 2 * SHORTEST}


def guard_logs(redact: Callable[[str], str]) -> None:
    """Have every log record of this process redacted before any handler sees it, tracebacks too."""
    make = logging.getLogRecordFactory()
    formatter = logging.Formatter()

    def record(*args: object, **kwargs: object) -> logging.LogRecord:
        made = make(*args, **kwargs)
        made.msg, made.args = redact(made.getMessage()), ()
        if made.exc_info:
            made.exc_text, made.exc_info = redact(formatter.formatException(made.exc_info)), None
        return made

    logging.setLogRecordFactory(record)
