"""What instagram.py and threads.py share: both web clients load the same media objects, named by `code`."""

from collections.abc import Iterator
from typing import Any

from core.records import AiLabel, Attachment, Metrics, Post, Rendition
from core.words import hashtags
from crawler.captures.addresses import told_by
from crawler.captures.capture import Captured, instant
from crawler.fields import Fields


def posts_of(captured: Captured, platform: str) -> Iterator[Post]:
    """The post, with each clip it holds."""
    item = captured.data
    code = item.text("code")
    attachments = tuple(_attachments(item))
    if not attachments:
        return
    who = item.maybe("user.username", str) or item.text("owner.username")
    text = item.maybe("caption.text", str) or ""
    taken = item.maybe("taken_at", int)
    # An item of a profile's grid has no time of its own; its shortcode does.
    posted = instant(taken) if taken else told_by("instagram", code) or captured.collected_at
    base = "https://www.instagram.com/p/" if platform == "instagram" else f"https://www.threads.com/@{who}/post/"
    yield Post(
        id=f"{platform}:{code}",
        platform=platform,
        url=base + code,
        author_handle=who,
        author_id=_author_id(item) or who,
        text=text,
        hashtags=hashtags(text),
        language=None,
        posted_at=posted,
        attachments=attachments,
        metrics=Metrics(
            views=item.maybe("play_count", int) or item.maybe("view_count", int),
            likes=None if item.data.get("like_and_view_counts_disabled") else item.maybe("like_count", int),
            reposts=item.maybe("text_post_app_info.repost_count", int),
            comments=item.maybe("comment_count", int) or item.maybe("text_post_app_info.direct_reply_count", int),
        ),
        ai_label=_label(item),
    )


def _attachments(item: Fields) -> Iterator[Attachment]:
    parts = item.maybe("carousel_media", list) or [item.data]
    for position, part in enumerate(Fields(one, where=item.where) for one in parts):
        versions = part.maybe("video_versions", list) or ()
        if not versions:
            continue
        yield Attachment(
            position=position,
            kind="video",
            renditions=tuple(_renditions(Fields(one, where=item.where) for one in versions)),
            duration_s=part.maybe_number("video_duration"),
        )


def _renditions(versions: Iterator[Fields]) -> Iterator[Rendition]:
    seen = set[str]()
    for version in versions:  # the same address stands there up to three times
        url = version.text("url")
        if url not in seen:
            seen.add(url)
            yield Rendition(url=url, height_px=version.maybe("height", int))


def _author_id(item: Fields) -> str:
    for holder in ("user", "owner"):
        account: dict[str, Any] = item.maybe(holder, dict) or {}
        if name := account.get("pk") or account.get("id"):
            return str(name)
    return ""


def _label(item: Fields) -> AiLabel | None:
    """`gen_ai_detection_method`, as the web client names it; "NONE" is its way to say nothing."""
    method = item.maybe("gen_ai_detection_method.detection_method", str)
    if method and method.upper() != "NONE":
        return AiLabel(field="gen_ai_detection_method.detection_method", value=method)
    return None
