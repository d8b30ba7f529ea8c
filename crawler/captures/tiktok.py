"""TikTok items as its web pages load them."""

from collections.abc import Iterator

from core.records import AiLabel, Attachment, Metrics, Post, Rendition
from core.words import hashtags, tag
from crawler.captures.capture import Captured, Reader, instant
from crawler.fields import Fields

AI_FIELDS = ("IsAigc", "aigcLabelType", "AIGCDescription")


def read(captured: Captured) -> Iterator[Post]:
    """A video item; photo posts (imagePost) carry no clip."""
    item = captured.data
    if item.maybe("imagePost", dict):
        return
    # An item embedded in the page names its author in one word; one loaded later has an object.
    embedded = isinstance(item.data.get("author"), str)
    name, handle = item.text("id"), item.text("author" if embedded else "author.uniqueId")
    url = f"https://www.tiktok.com/@{handle}/video/{name}"
    text = item.text("desc")
    titles = (
        [extra.maybe("hashtagName", str) or "" for extra in item.objects("textExtra")]
        if "textExtra" in item.data
        else []
    )
    yield Post(
        id=f"tiktok:{name}",
        platform="tiktok",
        url=url,
        author_handle=handle,
        author_id=item.maybe("authorId", str) or item.maybe("author.id", str) or handle,
        text=text,
        hashtags=tuple(dict.fromkeys([*hashtags(text), *(tag(title) for title in titles if title)])),
        language=item.maybe("textLanguage", str) or None,
        posted_at=instant(int(item.data.get("createTime") or item.integer("createTime"))),
        # Its links to files want the session's cookie and expire: the page is what yt-dlp reads.
        attachments=(
            Attachment(
                position=0,
                kind="video",
                renditions=(Rendition(url=url),),
                duration_s=item.maybe_number("video.duration"),
            ),
        ),
        metrics=_metrics(item),
        ai_label=_label(item),
    )


def _metrics(item: Fields) -> Metrics:
    def count(name: str) -> int | None:
        value = (item.data.get("stats") or {}).get(name, (item.data.get("statsV2") or {}).get(name))
        return int(value) if isinstance(value, int | str) and str(value).isdigit() else None

    return Metrics(
        views=count("playCount"), likes=count("diggCount"), reposts=count("shareCount"), comments=count("commentCount")
    )


def _label(item: Fields) -> AiLabel | None:
    """The first of TikTok's label fields that says something; "" and 0 are its way to say nothing."""
    for name in AI_FIELDS:
        value = item.data.get(name)
        if value not in (None, "", 0, "0", False):
            return AiLabel(field=name, value=str(value))
    return None


READER = Reader(platform="tiktok", sources=frozenset({"tiktok.com"}), read=read)
