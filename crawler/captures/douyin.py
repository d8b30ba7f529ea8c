"""Douyin items: from its web API (snake_case), or embedded in a page (camelCase). Streams carry no post."""

from collections.abc import Iterator, Mapping
from typing import Any

from core.records import AiLabel, Attachment, Metrics, Post, Rendition
from core.words import hashtags, tag
from crawler.captures.capture import Captured, Reader, instant
from crawler.fields import Fields

# field of ours -> its names in the two forms, the web API's first
NAMES: Mapping[str, tuple[str, str]] = {
    "id": ("aweme_id", "awemeId"),
    "time": ("create_time", "createTime"),
    "author": ("author", "authorInfo"),
    "account": ("sec_uid", "secUid"),
    "counts": ("statistics", "stats"),
    "extras": ("text_extra", "textExtra"),
    "title": ("hashtag_name", "hashtagName"),
    "views": ("play_count", "playCount"),
    "likes": ("digg_count", "diggCount"),
    "reposts": ("share_count", "shareCount"),
    "comments": ("comment_count", "commentCount"),
}


def read(captured: Captured) -> Iterator[Post]:
    """A video; picture posts (`images`) and live rooms are left out."""
    item = captured.data
    if item.data.get("images") or _says(item.data.get("rawdata")) or _says(item.data.get("cell_room")):
        return
    form = int("awemeId" in item.data)
    name, text = item.text(NAMES["id"][form]), item.text("desc")
    author = Fields(item.data.get(NAMES["author"][form]), where=item.where)
    url = f"https://www.douyin.com/video/{name}"
    extras = item.maybe(NAMES["extras"][form], list) or ()
    titles = [str(extra.get(NAMES["title"][form]) or "") for extra in extras if isinstance(extra, dict)]
    files = tuple(_renditions(item))
    length = item.maybe_number("video.duration")
    yield Post(
        id=f"douyin:{name}",
        platform="douyin",
        url=url,
        author_handle=author.text("nickname"),
        author_id=author.text(NAMES["account"][form]),
        text=text,
        hashtags=tuple(dict.fromkeys([*hashtags(text), *(tag(title) for title in titles if title)])),
        language=None,
        posted_at=instant(item.integer(NAMES["time"][form])),
        attachments=(
            Attachment(
                position=0,
                kind="video",
                renditions=files or (Rendition(url=url),),
                duration_s=length / 1000 if length else None,  # milliseconds
            ),
        ),
        metrics=_metrics(item, form),
        ai_label=_label(item),
    )


def _renditions(item: Fields) -> Iterator[Rendition]:
    for file in item.maybe("video.bit_rate", list) or ():
        one = Fields(file, where=item.where)
        for url in (one.maybe("play_addr.url_list", list) or ())[:1]:  # the rest are mirrors of the first
            yield Rendition(
                url=str(url),
                height_px=one.maybe("play_addr.height", int),
                size_bytes=one.maybe("play_addr.data_size", int),
            )


def _metrics(item: Fields, form: int) -> Metrics:
    counts: dict[str, Any] = item.maybe(NAMES["counts"][form], dict) or {}

    def count(field: str) -> int | None:
        value = counts.get(NAMES[field][form])
        return value if isinstance(value, int) else None

    # Douyin gives 0 plays to everybody but the author.
    return Metrics(
        views=count("views") or None, likes=count("likes"), reposts=count("reposts"), comments=count("comments")
    )


def _label(item: Fields) -> AiLabel | None:
    kind = item.maybe("aigc_info.aigc_label_type", int)
    return AiLabel(field="aigc_info.aigc_label_type", value=str(kind)) if kind else None


def _says(value: object) -> bool:
    return value not in (None, "", "$undefined")


READER = Reader(platform="douyin", sources=frozenset({"douyin.com"}), read=read)
