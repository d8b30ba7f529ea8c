"""A captured file, line by line: the posts it holds, and what is wrong with the lines that hold none.

Zeeschuimer's NDJSON, 4CAT's CSV, or a plain list of addresses; told apart by the first line. One bad line never
stops the rest.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO, TypeAlias

from core.errors import ClipwardenError, PageChanged
from core.records import Attachment, Metrics, Post, Rendition
from core.words import hashtags, tag
from crawler.captures.addresses import Place, place_of
from crawler.captures.capture import Captured, instant, readers
from crawler.fields import Fields

MOST_LINE_BYTES = 4 << 20  # the largest TikTok item seen is 60 kB
ADDRESSES = ("url", "link", "post_url", "tiktok_url", "permalink", "video_page")
TEXTS = ("body", "subject", "text", "caption", "description")
# our number -> the columns 4CAT calls it by
NUMBERS = {
    "views": ("plays", "play_count", "views", "view_count", "impression_count"),
    "likes": ("likes", "num_likes", "like_count", "digg_count"),
    "reposts": ("shares", "reposts", "retweet_count", "share_count"),
    "comments": ("comments", "num_comments", "replies", "reply_count", "comment_count"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A line that holds no post, and why; `skipped` when it is sound but carries no video."""

    line: int
    why: str
    skipped: bool = False


Line: TypeAlias = Post | Bad


def read_lines(file: BinaryIO, *, now: datetime) -> Iterator[tuple[int, Line]]:
    """Every line of a file as (bytes read so far, post or what is wrong).

    file    opened for bytes, at its beginning
    now     aware UTC: when a post was made, where nothing tells
    """
    head = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    file.seek(0)
    if head[:1] == b"{":
        yield from _objects(file)
    elif head.split(b"\n", 1)[0].count(b",") >= 2 and not head.lower().startswith(b"http"):
        yield from _table(file, now)
    else:
        yield from _addresses(file, now)


def _lines(file: BinaryIO) -> Iterator[tuple[int, int, bytes | None]]:
    """Line number, bytes so far, and the line; None for one that is longer than any sound one."""
    number = 0
    while line := file.readline(MOST_LINE_BYTES):
        number += 1
        whole = line.endswith(b"\n") or len(line) < MOST_LINE_BYTES
        while not whole and (rest := file.readline(MOST_LINE_BYTES)) and not rest.endswith(b"\n"):
            pass
        yield number, file.tell(), (line.strip().removeprefix(b"\xef\xbb\xbf") if whole else None)


# ----------------------------------------------------------------- Zeeschuimer
def _objects(file: BinaryIO) -> Iterator[tuple[int, Line]]:
    for number, at, line in _lines(file):
        if line is None:
            yield at, Bad(line=number, why=f"longer than {MOST_LINE_BYTES >> 20} MiB")
        elif line:
            for read in _object(number, line):
                yield at, read


def _object(number: int, line: bytes) -> Iterator[Line]:
    where = f"line {number}"
    try:
        whole = Fields(json.loads(line), where=where)
        source = whole.text("source_platform")
        reader = readers().get(source)
        if reader is None:
            raise PageChanged(f"nothing here reads {source!r}; it reads: {', '.join(sorted(readers()))}")
        at = instant(whole.integer("timestamp_collected") / 1000)
        data = Fields(whole.data.get("data"), where=where)
        posts = list(reader.read(Captured(data=data, collected_at=at)))
    except ClipwardenError as error:
        yield Bad(line=number, why=str(error).removeprefix(f"{where}: "))
    except json.JSONDecodeError as error:
        yield Bad(line=number, why=f"not JSON: {error}")
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError, OverflowError) as error:
        # What a person's browser captured may hold anything; the line is told, and the rest is read.
        yield Bad(line=number, why=f"not as {type(error).__name__} expects: {str(error)[:200]}")
    else:
        yield from posts
        if not posts:
            yield Bad(line=number, why="no video in it", skipped=True)


# ------------------------------------------------------------------------ 4CAT
def _table(file: BinaryIO, now: datetime) -> Iterator[tuple[int, Line]]:
    csv.field_size_limit(MOST_LINE_BYTES)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
    try:
        table = csv.DictReader(text)
        while True:
            try:
                row = next(table)
            except StopIteration:
                return
            except csv.Error as error:
                yield file.tell(), Bad(line=table.line_num, why=f"not CSV: {error}")
                continue
            yield file.tell(), _row(table.line_num, row, now)
    finally:
        text.detach()  # or it would close the caller's file


def _row(number: int, row: dict[str, Any], now: datetime) -> Line:
    values = {str(key): value.strip() for key, value in row.items() if isinstance(value, str)}
    address = next((values[name] for name in ADDRESSES if values.get(name)), "")
    if not address:
        return Bad(line=number, why=f"no address of a post; one of these columns holds it: {', '.join(ADDRESSES)}")
    if values.get("media_type") == "photo" or values.get("is_video") == "no":
        return Bad(line=number, why="no video in it", skipped=True)
    try:
        place = place_of(address)
        told = values.get("unix_timestamp", "")
        posted = instant(float(told)) if told else place.posted_at or now
    except ValueError as error:
        return Bad(line=number, why=str(error))
    text = "\n".join(values[name] for name in TEXTS if values.get(name))
    listed = [tag(name) for name in values.get("hashtags", "").split(",") if name.strip()]
    numbers = {ours: _number(values, names) for ours, names in NUMBERS.items()}
    handle = values.get("author") or place.handle
    return _post(
        place,
        handle=handle,
        author_id=values.get("author_id") or values.get("author_user_id") or handle,
        text=text,
        tags=tuple(dict.fromkeys([*hashtags(text), *listed])),
        posted_at=posted,
        metrics=Metrics(**numbers),
    )


def _number(values: dict[str, str], names: tuple[str, ...]) -> int | None:
    for name in names:
        if values.get(name, "").isdigit():
            return int(values[name])
    return None


# ------------------------------------------------------------------- addresses
def _addresses(file: BinaryIO, now: datetime) -> Iterator[tuple[int, Line]]:
    for number, at, line in _lines(file):
        if not line or line.startswith(b"#"):
            continue
        address = line.decode("utf-8", "replace").split()[0].strip(",;<>\"'")
        try:
            place = place_of(address)
        except ValueError as error:
            yield at, Bad(line=number, why=str(error))
            continue
        yield at, _post(place, handle=place.handle, posted_at=place.posted_at or now)


def _post(
    place: Place,
    *,
    handle: str,
    posted_at: datetime,
    author_id: str = "",
    text: str = "",
    tags: tuple[str, ...] = (),
    metrics: Metrics = Metrics(),  # noqa: B008 - frozen
) -> Post:
    """A post of which little more than its address is known; yt-dlp finds the clip on its page."""
    return Post(
        id=place.post,
        platform=place.platform,
        url=place.url,
        author_handle=handle,
        author_id=author_id or handle,
        text=text,
        hashtags=tags,
        language=None,
        posted_at=posted_at.astimezone(UTC),
        attachments=(Attachment(position=0, kind="video", renditions=(Rendition(url=place.url),)),),
        metrics=metrics,
    )
