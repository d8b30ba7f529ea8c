"""RedNote (Xiaohongshu) notes: from its web API, or embedded in a page; one scraped from HTML is too little."""

from collections.abc import Iterator
from typing import Any

from core.errors import PageChanged
from core.records import Attachment, Metrics, Post, Rendition
from core.words import hashtags
from crawler.captures.addresses import told_by
from crawler.captures.capture import Captured, Reader, instant
from crawler.fields import Fields


def read(captured: Captured) -> Iterator[Post]:
    """A note that is a video; its address needs the token that came with it."""
    whole = captured.data
    if whole.data.get("_zs-origin") == "html":
        raise PageChanged(
            f"{whole.where}: a tile read off the page, too little for a post; open the note and capture it"
        )
    card = next((whole.data[key] for key in ("note_card", "note") if key in whole.data), whole.data)
    note = Fields(card, where=whole.where)
    if note.data.get("type") != "video" and whole.data.get("type") != "video":
        return
    name = whole.maybe("id", str) or whole.text("note_id")
    token = whole.maybe("xsec_token", str) or note.maybe("xsecToken", str)
    url = f"https://www.xiaohongshu.com/explore/{name}" + (f"?xsec_token={token}" if token else "")
    text = "\n".join(
        part for part in (note.maybe("display_title", str) or note.maybe("title", str), note.maybe("desc", str)) if part
    )
    user = Fields(note.data.get("user"), where=note.where)
    handle = next((user.data[key] for key in ("nickname", "nick_name", "nickName") if user.data.get(key)), None)
    told = note.maybe("time", int)
    files = tuple(_renditions(note))
    yield Post(
        id=f"rednote:{name}",
        platform="rednote",
        url=url,
        author_handle=str(handle) if handle else user.text("nickname"),
        author_id=user.maybe("user_id", str) or user.text("userId"),
        text=text,
        hashtags=hashtags(text.replace("[话题]", " ")),
        language=None,
        posted_at=instant(told / 1000) if told else told_by("rednote", name) or captured.collected_at,
        attachments=(Attachment(position=0, kind="video", renditions=files or (Rendition(url=url),)),),
        metrics=_metrics(note),
    )


def _renditions(note: Fields) -> Iterator[Rendition]:
    streams: dict[str, Any] = note.maybe("video.media.stream", dict) or {}
    for codec in ("h264", "h265"):
        for file in streams.get(codec) or ():
            one = Fields(file, where=note.where)
            url = one.maybe("master_url", str) or one.text("masterUrl")
            yield Rendition(url=url, height_px=one.maybe("height", int), size_bytes=one.maybe("size", int))


def _metrics(note: Fields) -> Metrics:
    counts: dict[str, Any] = note.data.get("interact_info") or note.data.get("interactInfo") or {}

    def count(*names: str) -> int | None:
        value = str(next((counts[name] for name in names if counts.get(name) is not None), ""))
        number, scale = (value[:-1], 10_000) if value.endswith("万") else (value, 1)
        try:
            return round(float(number) * scale)
        except ValueError:
            return None

    return Metrics(
        likes=count("liked_count", "likedCount"),
        reposts=count("share_count", "shareCount"),
        comments=count("comment_count", "commentCount"),
    )


READER = Reader(platform="rednote", sources=frozenset({"xiaohongshu.com"}), read=read)
