"""What a notice says, as plain values: who writes, for whom, which works, which items.

An empty string or None is a value nobody gave yet: draft.missing names it.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """The person who files the notice and signs it."""

    full_name: str
    title: str
    company: str
    address: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """A part of a work that the law protects by itself: a costume, a creature, a set."""

    name: str
    nature: str
    descriptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One post that takes from the work around it.

    handle          the uploader's, without @
    element         the protected part it takes, where one is named
    reasons         what in it copies the work, a sentence each, with its times
    ai_evidence     what says that it was generated; empty says nothing about how it was made
    files           sha256 of each file as received
    fair_use        the reviewer's conclusion on fair use, in the reviewer's own words
    """

    finding: str
    url: str
    handle: str
    posted_at: datetime | None
    element: str | None
    reasons: tuple[str, ...]
    ai_evidence: tuple[str, ...]
    files: tuple[str, ...]
    reviewer: str | None
    decided_at: datetime | None
    fair_use: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One franchise, the parts of it that were taken, and the items that took them."""

    title: str
    registrations: tuple[str, ...]
    original_urls: tuple[str, ...]
    elements: tuple[Protected, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFields:
    """Everything one letter to one provider says.

    notice      its id
    platform    what the provider runs: mastodon, peertube, tiktok
    host        the provider: in the fediverse each instance is one of its own
    owner       of every work in the letter
    """

    notice: str
    platform: str
    host: str
    drafted_at: datetime
    owner: str
    reporter: Reporter
    works: tuple[Work, ...]
