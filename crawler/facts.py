"""What a platform's spider says of itself, as plain values: docs/platforms.md and every check are made from them."""

from dataclasses import dataclass

from core.records import WatchKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One line of docs/platforms.md.

    route        the official route that is asked, in words
    quota        what the platform allows, with its unit and period
    posts_a_day  the most posts that quota lets one see in a day, or how many in practice
    ai_label     the exact field of the platform's own AI label, or "none"
    deletion     how a post that went is told apart from one that is hidden or blocked
    tested       what the spider was held to: an official schema, a real server on loopback, documents only
    evidence     where this was read (documentation address, schema revision)
    as_of        the day it was read, YYYY-MM-DD
    """

    route: str
    quota: str
    posts_a_day: str
    ai_label: str
    deletion: str
    tested: str
    evidence: str
    as_of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A credential a spider needs. Its value comes from the environment or the OS keyring, never from a file.

    name      CLIPWARDEN_ + name is the environment variable; also its name in the keyring
    what      what it is, for a person: "Bearer token of an app with pay-per-use"
    how       how to get it, step by step, a line each
    where     the address where one begins
    optional  whether the spider does something useful without it
    """

    name: str
    what: str
    how: tuple[str, ...]
    where: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a platform, or the purse, allows in a period; booked before each request, never passed.

    name   a request names it: page(url, spends={"search": 1})
    most   units a period; the home may set less (or, where `most` is the purse, more) in crawl.caps
    unit   "requests", "dollars", "hashtags" ...
    per    "day" or "month" of `zone`, or "7d": the last seven days, rolling
    zone   IANA time zone whose midnight begins a period
    """

    name: str
    most: float
    unit: str
    per: str
    zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A question whose answer is known: one that must bring posts, or (hits=False) one that must bring none."""

    kind: WatchKind
    query: str
    hits: bool
