"""Pinterest pins as its web client loads them; one scraped from HTML has no author and is left out."""

from collections.abc import Iterator
from datetime import UTC, datetime

from core.errors import PageChanged
from core.records import Attachment, Metrics, Post, Rendition
from core.words import hashtags
from crawler.captures.capture import Captured, Reader
from crawler.fields import Fields


def read(captured: Captured) -> Iterator[Post]:
    """A video pin."""
    pin = captured.data
    files = tuple(_renditions(pin))
    if not files:
        return
    name = pin.maybe("entityId", str) or pin.text("id")
    parts = (pin.maybe("title", str), pin.maybe("description", str))
    text = "\n".join(part.strip() for part in parts if part and part.strip())
    told = pin.maybe("created_at", str) or pin.maybe("createdAt", str)
    yield Post(
        id=f"pinterest:{name}",
        platform="pinterest",
        url=f"https://www.pinterest.com/pin/{name}",
        author_handle=pin.text("pinner.username"),
        author_id=pin.maybe("pinner.id", str) or pin.text("pinner.username"),
        text=text,
        hashtags=hashtags(text),
        language=None,
        posted_at=_instant(told, pin) if told else captured.collected_at,  # many pins have no time at all
        attachments=(Attachment(position=0, kind="video", renditions=files),),
        metrics=Metrics(comments=pin.maybe("comment_count", int)),
    )


def _renditions(pin: Fields) -> Iterator[Rendition]:
    """The files of `videos.video_list`, of the pin itself or of its story's pages; HLS lists are left to the MP4s."""
    lists = [pin.data.get("videos")]
    for page in pin.maybe("story_pin_data.pages", list) or ():
        blocks = page.get("blocks") if isinstance(page, dict) else ()
        lists += [block.get("video") for block in blocks or () if isinstance(block, dict)]
    for holder in lists:
        files = holder.get("video_list") if isinstance(holder, dict) else None
        for file in (files or {}).values():
            one = Fields(file, where=pin.where)
            if not one.text("url").split("?")[0].endswith(".m3u8"):
                yield Rendition(url=one.text("url"), height_px=one.maybe("height", int))


def _instant(text: str, pin: Fields) -> datetime:
    try:
        return datetime.strptime(text, "%a, %d %b %Y %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        raise PageChanged(f"{pin.where}: 'created_at' is no time: {text!r}") from None


READER = Reader(platform="pinterest", sources=frozenset({"pinterest.com"}), read=read)
