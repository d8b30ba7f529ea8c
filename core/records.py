"""Every record, every field with its unit.

Frozen, slotted, keyword-only. Times are aware UTC. Ids come from content, so that running a stage
twice changes nothing. Nothing here reads a clock, a file or a network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

Json: TypeAlias = dict[str, Any]
MarkKind: TypeAlias = Literal["aigc-label", "c2pa", "iptc", "vendor", "encoder"]
MarkState: TypeAlias = Literal["present", "absent", "invalid"]
MarkClaim: TypeAlias = Literal["generated", "possibly", "suspected", "composite", "silent"]


class AuthorClass(StrEnum):
    """Whose account it is; `unknown` is everybody the brand file does not name."""

    OWN = "own"
    LICENSED = "licensed"
    PRESS = "press"
    RESPONDENT_OFFICIAL = "respondent-official"
    UNKNOWN = "unknown"


class Bank(StrEnum):
    """What a match with a reference means: a hit, a known false pair, or a licensed copy."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    LICENSED = "licensed"


class Basis(StrEnum):
    """The two problems, kept apart: a hash proves a copy; words and labels only suggest."""

    COPY = "copy"
    SUGGESTION = "suggestion"


class Verdict(StrEnum):
    """What a person may decide about a finding."""

    INFRINGING = "infringing"
    LICENSED = "licensed"
    FAIR_USE = "fair-use"
    UNRELATED = "unrelated"
    UNSURE = "unsure"


class Presence(StrEnum):
    """What a page or response shows about a post; `unclear` whenever it proves nothing."""

    UP = "up"
    GONE = "gone"
    GEO_BLOCKED = "geo-blocked"
    PRIVATE = "private"
    UNCLEAR = "unclear"


class Coverage(StrEnum):
    """How much of a watch a crawl saw; anything but `ok` carries its reason."""

    OK = "ok"
    PARTIAL = "partial"
    BLIND = "blind"


class WatchKind(StrEnum):
    """What a watch asks a platform for."""

    HASHTAG = "hashtag"
    KEYWORD = "keyword"
    ACCOUNT = "account"
    URL = "url"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account the brand knows, and until when that holds (None: no expiry)."""

    brand: str
    platform: str
    handle: str
    author_class: AuthorClass
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """What is protected inside a franchise: a gown, a creature, a set, a character.

    thresholds  method -> what a match with its references must reach, where that is not the method's own
    """

    id: str
    franchise: str
    name: str
    nature: str
    descriptions: tuple[str, ...] = ()
    thresholds: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Franchise:
    """A protected title. `aliases` maps a language tag to the names the title has there."""

    id: str
    brand: str
    title: str
    owner: str
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    hashtags: tuple[str, ...] = ()
    registrations: tuple[str, ...] = ()
    original_urls: tuple[str, ...] = ()
    elements: tuple[Element, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One question asked of one platform, again and again.

    site            base URL of the instance or page that is asked; "" where the platform is one site
    every_s         seconds between two crawls
    expect_least    posts a week below which the source is suspect, or None
    expect_most     posts a week above which the query is too wide, or None
    """

    id: str
    brand: str
    platform: str
    site: str
    kind: WatchKind
    query: str
    every_s: int
    expect_least: int | None = None
    expect_most: int | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """One brand file: its franchises, the accounts it knows, the watches it wants."""

    id: str
    name: str
    generator_tags: tuple[str, ...]
    franchises: tuple[Franchise, ...]
    accounts: tuple[Account, ...]
    watches: tuple[Watch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An official still or clip, a known infringing clip, or a known false or licensed one.

    kind    image or video
    name    the file's own name, for people only
    """

    id: str
    sha256: str
    franchise: str
    element: str | None
    bank: Bank
    kind: str
    name: str
    size_bytes: int
    added_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One address of an attachment. Unknown sizes are None."""

    url: str
    height_px: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One video or image of a post, at its position in the post, in one or more renditions."""

    position: int
    kind: str
    renditions: tuple[Rendition, ...]
    duration_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """How far a post has gone; None where the platform does not say."""

    views: int | None = None
    likes: int | None = None
    reposts: int | None = None
    comments: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AiLabel:
    """The platform's own AI label: the exact field it stood in, and its value.

    A post without one carries None, which says nothing about how it was made.
    """

    field: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A platform's own word that a post is gone, such as a delete in its stream; `because` names the signal."""

    post: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post as a platform gave it. `language` is a BCP 47 tag or None."""

    id: str
    platform: str
    url: str
    author_handle: str
    author_id: str
    text: str
    hashtags: tuple[str, ...]
    language: str | None
    posted_at: datetime
    attachments: tuple[Attachment, ...]
    metrics: Metrics = Metrics()
    ai_label: AiLabel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """The bytes of one attachment as received.

    container   what the demuxer calls it: mov, matroska, gif, jpeg_pipe ...; "unknown" if it cannot tell
    duration_s and the pixel sizes are None where the file does not say
    rendition   triage (the lowest sufficient) or original
    """

    post: str
    position: int
    sha256: str
    container: str
    duration_s: float | None
    width_px: int | None
    height_px: int | None
    size_bytes: int
    fetched_at: datetime
    rendition: str = "triage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """One hash of one frame (or of a whole clip).

    offset_s    seconds from the start; 0.0 for a still
    region      which part of the frame (whole, inner, top, inset 1 ...), or sound and its speed
    value       the packed bits, most significant first
    quality     0..100, how much there is to recognise
    """

    offset_s: float
    region: str
    value: bytes
    quality: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of the query that shows a stretch of the reference.

    All four ends in seconds. `speed` 0.5: the query plays the reference at half speed; 0: one frame of
    the reference stands still, as in an animated still; -1: backwards. A still reference starts and ends at 0.
    speed_known     whether the frames say so; else `speed` is 1, or -1 where they seem to run backwards
    best_query_s and best_reference_s name the nearest frame pair.
    query_outline   where the reference's picture lies in that query frame: x, y of four corners, clockwise
                    from what is its top left, in fractions of width and height; () when not known
    reference_box   the part of the reference's frame that agrees: x, y, width, height in fractions
    """

    query_start_s: float
    query_end_s: float
    reference_start_s: float
    reference_end_s: float
    speed: float
    pairs: int
    best_query_s: float
    best_reference_s: float
    best_distance: int
    region: str = "whole"
    mirrored: bool = False
    speed_known: bool = True
    query_outline: tuple[float, ...] = ()
    reference_box: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One file against one reference by one method: the least distance and where.

    distance        in units, at most the threshold; where `more_is_nearer`, at least the threshold
    probability     0..1: how often such a match is what it says, by the method's own calibration
    basis           copy: it proves; suggestion: a person decides
    """

    sha256: str
    reference: str
    method: str
    version: int
    distance: int
    threshold: int
    unit: str
    segments: tuple[Segment, ...]
    probability: float
    basis: Basis = Basis.COPY
    more_is_nearer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One statement of a file about its origin. None of them is proof: all but a signature can be typed in.

    kind        aigc-label, c2pa, iptc (digital source type), vendor (a generator's own mark), or
                encoder: neutral, good for telling which clips took the same way, never AI evidence
    state       absent: looked for and not there, which never shows that a person made it, since
                platforms and remuxing strip marks; invalid: there, and broken, with why in `sentence`
    claim       what a present mark says of the content: generated, possibly (generated), suspected,
                composite (with generated parts), or silent. Silent unless state is present
    generator   the producer, generator or signer it names; None where it names none
    fields      what was read, as text of bounded length
    where       box path, metadata key or byte offset; "" when absent
    sentence    one sentence a person can check
    """

    kind: MarkKind
    state: MarkState
    claim: MarkClaim = "silent"
    generator: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    where: str = ""
    sentence: str

    @property
    def evidence(self) -> bool:
        """Say whether it may be counted as evidence of generation: present, and not silent."""
        return self.state == "present" and self.claim != "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One sentence a person can check. `kind` is the method or source it comes from."""

    kind: str
    sentence: str
    weight: float
    detail: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A post that may take from a franchise.

    score       0..1, the chance we give it that a person confirms it
    ai_evidence what says that the clip is generated; empty proves nothing
    """

    id: str
    post: str
    franchise: str
    element: str | None
    basis: Basis
    score: float
    reasons: tuple[Reason, ...]
    ai_evidence: tuple[str, ...]
    author_class: AuthorClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a stage could not finish a subject. `retry_at` None: it will not be tried again."""

    stage: str
    subject: str
    error: str
    message: str
    retry_at: datetime | None
    attempts: int = 1
