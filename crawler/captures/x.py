"""X posts as its web client loads them (GraphQL objects with `rest_id` and `legacy`)."""

from collections.abc import Iterator
from datetime import UTC, datetime

from core.errors import PageChanged
from core.records import Attachment, Metrics, Post, Rendition
from core.words import hashtags
from crawler.captures.capture import Captured, Reader
from crawler.fields import Fields

VIDEO_KINDS = frozenset({"video", "animated_gif"})


def read(captured: Captured) -> Iterator[Post]:
    """A post that carries its own video; reposts are left to the account that posted."""
    item = captured.data
    legacy = Fields(item.data.get("legacy"), where=item.where)
    if legacy.maybe("retweeted_status_result", dict):
        return
    attachments = tuple(_attachments(legacy))
    if not attachments:
        return
    name, who = item.text("rest_id"), _screen_name(item)
    text = legacy.text("full_text")
    views = str((item.data.get("views") or {}).get("count"))
    yield Post(
        id=f"x:{name}",
        platform="x",
        url=f"https://x.com/{who or 'i/web'}/status/{name}",
        author_handle=who or legacy.text("user_id_str"),
        author_id=legacy.text("user_id_str"),
        text=text,
        hashtags=hashtags(text),
        language=legacy.maybe("lang", str) if legacy.data.get("lang") not in {"und", "zxx", "qme"} else None,
        posted_at=_instant(legacy),
        attachments=attachments,
        metrics=Metrics(
            views=int(views) if views.isdigit() else None,
            likes=legacy.maybe("favorite_count", int),
            reposts=legacy.maybe("retweet_count", int),
            comments=legacy.maybe("reply_count", int),
        ),
    )


def _attachments(legacy: Fields) -> Iterator[Attachment]:
    media = legacy.maybe("extended_entities.media", list) or ()
    for position, one in enumerate(Fields(item, where=legacy.where) for item in media):
        if one.text("type") not in VIDEO_KINDS:
            continue
        variants = [
            variant for variant in one.objects("video_info.variants") if variant.data.get("bitrate") is not None
        ]
        height = one.maybe("original_info.height", int)
        best = max((variant.integer("bitrate") for variant in variants), default=0)
        renditions = tuple(
            # Only the best one has the height that the post names.
            Rendition(url=variant.text("url"), height_px=height if variant.integer("bitrate") == best else None)
            for variant in variants
        )
        length = one.maybe("video_info.duration_millis", int)
        yield Attachment(
            position=position, kind="video", renditions=renditions, duration_s=length / 1000 if length else None
        )


def _screen_name(item: Fields) -> str:
    """The author's handle, which moved from `legacy` to `core` in 2025; "" when the object leaves it out."""
    base = "core.user_results.result"
    return item.maybe(f"{base}.core.screen_name", str) or item.maybe(f"{base}.legacy.screen_name", str) or ""


def _instant(legacy: Fields) -> datetime:
    text = legacy.text("created_at")
    try:
        return datetime.strptime(text, "%a %b %d %H:%M:%S %z %Y").astimezone(UTC)
    except ValueError:
        raise PageChanged(f"{legacy.where}: 'created_at' is no time: {text!r}") from None


READER = Reader(platform="x", sources=frozenset({"twitter.com", "x.com"}), read=read)
