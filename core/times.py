"""Instants as text and back: one format, fixed width, so that text order is time order.

Never reads a clock.
"""

from datetime import UTC, datetime


def to_text(instant: datetime) -> str:
    """An aware datetime as UTC text with milliseconds: 2026-11-20T21:34:00.000Z."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no time zone; every instant here is aware UTC")
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def from_text(text: str) -> datetime:
    """Any ISO 8601 instant as aware UTC; one without a zone is read as UTC."""
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def clock(seconds: float) -> str:
    """A position in a clip as people read it: 00:07.2."""
    minutes, rest = divmod(round(max(seconds, 0.0), 1), 60)
    return f"{int(minutes):02d}:{rest:04.1f}"
