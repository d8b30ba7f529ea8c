"""Small records for tests, every field filled with something plain."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from core.records import (
    Account,
    Attachment,
    AuthorClass,
    Bank,
    Brand,
    Element,
    Fingerprint,
    Franchise,
    Match,
    Media,
    Post,
    Reference,
    Rendition,
    Segment,
    Watch,
    WatchKind,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FRANCHISE = "brand/lanterns"


def watch(query: str = "lanterns", **changes: Any) -> Watch:
    """A Mastodon hashtag watch."""
    made = Watch(
        id=f"brand:mastodon@site:hashtag:{query}",
        brand="brand",
        platform="mastodon",
        site="https://site.example",
        kind=WatchKind.HASHTAG,
        query=query,
        every_s=3600,
    )
    return replace(made, **changes)


def brand(*watches: Watch, accounts: tuple[Account, ...] = (), **changes: Any) -> Brand:
    """A brand of one franchise with one element."""
    gown = Element(id=f"{FRANCHISE}/gown", franchise=FRANCHISE, name="Moonlit Gown", nature="costume")
    title = Franchise(
        id=FRANCHISE,
        brand="brand",
        title="Lanterns of Avelore",
        owner="Owner LLC",
        aliases={"ko": ("아벨로어의 등불",)},
        hashtags=("LanternsOfAvelore",),
        elements=(gown,),
    )
    made = Brand(
        id="brand",
        name="Brand",
        generator_tags=("seedance",),
        franchises=(title,),
        accounts=accounts,
        watches=watches or (watch(),),
    )
    return replace(made, **changes)


def account(author_class: AuthorClass, handle: str = "someone@site.example", **changes: Any) -> Account:
    """A Mastodon account the brand knows."""
    made = Account(brand="brand", platform="mastodon", handle=handle, author_class=author_class)
    return replace(made, **changes)


def post(number: int = 1, **changes: Any) -> Post:
    """A Mastodon post with one clip."""
    rendition = Rendition(url=f"https://site.example/media/{number}.mp4", height_px=270)
    made = Post(
        id=f"mastodon:site.example/users/a/statuses/{number}",
        platform="mastodon",
        url=f"https://site.example/@a/{number}",
        author_handle="someone@site.example",
        author_id="https://site.example/@a",
        text="a clip",
        hashtags=(),
        language="en",
        posted_at=NOW,
        attachments=(Attachment(position=0, kind="video", renditions=(rendition,)),),
    )
    return replace(made, **changes)


def media(post_id: str, sha256: str = "a" * 64, **changes: Any) -> Media:
    """The one file of a post."""
    made = Media(
        post=post_id,
        position=0,
        sha256=sha256,
        container="mov",
        duration_s=6.0,
        width_px=480,
        height_px=270,
        size_bytes=1000,
        fetched_at=NOW,
    )
    return replace(made, **changes)


def reference(sha256: str = "b" * 64, **changes: Any) -> Reference:
    """An official trailer."""
    made = Reference(
        id="R-" + sha256[:10],
        sha256=sha256,
        franchise=FRANCHISE,
        element=None,
        bank=Bank.POSITIVE,
        kind="video",
        name="trailer.mp4",
        size_bytes=1000,
        added_at=NOW,
    )
    return replace(made, **changes)


def segment(**changes: Any) -> Segment:
    """Five seconds of the query that show five of the reference."""
    made = Segment(
        query_start_s=0.0,
        query_end_s=5.0,
        reference_start_s=10.0,
        reference_end_s=15.0,
        speed=1.0,
        pairs=6,
        best_query_s=2.0,
        best_reference_s=12.0,
        best_distance=4,
    )
    return replace(made, **changes)


def match(sha256: str = "a" * 64, of: Reference | None = None, distance: int = 4, **changes: Any) -> Match:
    """A file that equals a reference."""
    made = Match(
        sha256=sha256,
        reference=(of or reference()).id,
        method="phash",
        version=1,
        distance=distance,
        threshold=40,
        unit="bits",
        segments=(segment(best_distance=distance),),
        probability=0.99 - 0.19 * min(distance, 40) / 40,
    )
    return replace(made, **changes)


def fingerprint(offset_s: float = 0.0, value: bytes = b"\x0f" * 32, **changes: Any) -> Fingerprint:
    """One frame's hash."""
    return replace(Fingerprint(offset_s=offset_s, region="whole", value=value, quality=90), **changes)
