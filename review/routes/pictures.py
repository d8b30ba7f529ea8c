"""Pictures and clips from the blob store: frames as small JPEGs, clips by ranges; never from a platform.

A blob never changes, so that what a browser has once it may keep.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from review.desk import desk_of, ledger_of
from review.rights import Right, needs
from store.ledger import Ledger

router = APIRouter()
SHA256 = re.compile(r"[0-9a-f]{64}")
RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
FOR_EVER = "private, max-age=31536000, immutable"
CHUNK_BYTES = 1 << 18
# Retired ones too: a case goes on showing what its hit was found by.
REFERENCE = (
    "SELECT 1 FROM refs WHERE sha256 = ?1 UNION ALL SELECT 1 FROM retirements"
    " WHERE json_extract(was, '$.sha256') = ?1 LIMIT 1"
)
MOST_MS = 24 * 3600 * 1000
# By what the demuxer called it, never by a name a stranger gave; anything else is bytes to save, not to show.
KINDS = {"mov": "video/mp4", "matroska": "video/webm", "webm": "video/webm"}


@router.get("/pictures/{sha256}/{at_ms}.jpg", dependencies=[needs(Right.SEE)])
def picture(request: Request, sha256: str, at_ms: int) -> Response:
    """A frame of a file of ours, as a JPEG; 404 where none can be made."""
    _ours(ledger_of(request), sha256)
    if not 0 <= at_ms <= MOST_MS:
        raise HTTPException(404, "no such moment")
    jpeg = desk_of(request).picture(sha256, at_ms / 1000)
    if jpeg is None:
        raise HTTPException(404, "no picture can be made of this file; its explanation says why")
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": FOR_EVER})


@router.get("/media/{sha256}", dependencies=[needs(Right.SEE)])
def media(request: Request, sha256: str) -> Response:
    """A file of ours by ranges, as a player asks for it."""
    kind = _ours(ledger_of(request), sha256)
    path = desk_of(request).blob(sha256)
    if not path.is_file():
        raise HTTPException(404, "the file is missing from the home's blobs; restore it from a backup")
    size = path.stat().st_size
    start, end, partial = _range(request.headers.get("range"), size)
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(end - start), "Cache-Control": FOR_EVER}
    if partial:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    if not kind:
        headers["Content-Disposition"] = f'attachment; filename="{sha256[:12]}.bin"'
    return StreamingResponse(
        _chunks(path, start, end),
        status_code=206 if partial else 200,
        media_type=kind or "application/octet-stream",
        headers=headers,
    )


def _ours(ledger: Ledger, sha256: str) -> str:
    """The content type of a file that is a post's or a reference's; "" where it is none that is shown."""
    if not SHA256.fullmatch(sha256):
        raise HTTPException(404, "no such file")
    rows = ledger.rows("SELECT container FROM media WHERE sha256 = ? LIMIT 1", [sha256])
    if not rows and not ledger.rows(REFERENCE, [sha256]):
        raise HTTPException(404, "no such file")
    return KINDS.get(rows[0]["container"], "") if rows else ""


def _range(asked: str | None, size: int) -> tuple[int, int, bool]:
    """First byte, one past the last, and whether it is a part."""
    match = RANGE.fullmatch(asked or "")
    if not match or match.groups() == ("", ""):
        return 0, size, False
    first, last = match.groups()
    if not first:  # the last so many bytes
        return max(size - int(last), 0), size, True
    start, end = int(first), min(int(last) + 1 if last else size, size)
    if start >= end:
        raise HTTPException(416, "no such range", headers={"Content-Range": f"bytes */{size}"})
    return start, end, True


def _chunks(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while start < end and (chunk := file.read(min(CHUNK_BYTES, end - start))):
            start += len(chunk)
            yield chunk
