"""The capture import: files that a person's browser wrote, and lists of addresses, become posts.

The whole file is kept as it came (it is what a finding's post was read from). Running it twice changes
nothing, and a kill in the middle is mended by running it again.
"""

import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from app.home import Home
from app.progress import track
from core.coverage import Crawl
from core.errors import ClipwardenError, NotFound
from core.records import Coverage, Post, Watch, WatchKind
from crawler.captures.files import Bad, read_lines
from store.coverage import save_crawl
from store.ledger import Ledger

BATCH = 200
SETTLED_S = 5.0  # a file that changed less long ago may still be on its way into the inbox
MOST_FILE_BYTES = 4 << 30
KIB = 1024


@dataclass(slots=True, kw_only=True)
class Imported:
    """What one file held: posts in it, those the ledger had not, sound lines without a video, and bad lines."""

    file: str
    posts: int = 0
    new: int = 0
    without_video: int = 0
    bad: list[Bad] = field(default_factory=list)


def import_files(home: Home, paths: Sequence[Path], *, brand: str, keep: bool = True) -> list[Imported]:
    """Read files into the ledger.

    brand   id of the brand they were captured for
    keep    False: only say what is in them
    raises  NotFound for a file that is not there or is none; before anything is read
    """
    for path in paths:
        _check(path)
    return [_import(home, path, brand, keep=keep) for path in paths]


def _check(path: Path) -> None:
    try:
        status = path.stat()
    except OSError as error:
        raise NotFound(f"{path}: {error.strerror}; name a file that can be read") from None
    if not stat.S_ISREG(status.st_mode):
        raise NotFound(f"{path} is no file; name the files in it")
    if status.st_size > MOST_FILE_BYTES:
        raise NotFound(f"{path} is larger than {MOST_FILE_BYTES >> 30} GiB; split it by lines")


def _import(home: Home, path: Path, brand: str, *, keep: bool) -> Imported:
    done, now = Imported(file=path.name), datetime.now(UTC)
    raw = home.blobs.copy(path) if keep else ""
    # What is read is what is kept, should somebody write to the original meanwhile.
    source = home.blobs.get(raw) if keep else path
    waiting, counts = dict[str, list[Post]](), dict[str, int]()

    def save(platform: str) -> None:
        posts = waiting.pop(platform)
        counts[platform] = counts.get(platform, 0) + len(posts)
        if keep:
            watch = _watch(home.ledger, brand, platform)
            done.new += home.ledger.save_posts(watch, [(post, raw) for post in posts], seen_at=now)

    with track(f"import {path.name[:40]}", source.stat().st_size // KIB) as progress, source.open("rb") as file:
        for at, line in read_lines(file, now=now):
            if isinstance(line, Bad):
                done.without_video += line.skipped
                done.bad += [] if line.skipped else [line]
            else:
                done.posts += 1
                waiting.setdefault(line.platform, []).append(line)
                if len(waiting[line.platform]) >= BATCH:
                    save(line.platform)
            progress.to(at // KIB, note=f"{done.posts} posts, {len(done.bad)} bad lines")
        for platform in list(waiting):
            save(platform)
    for platform, posts in counts.items() if keep else ():
        watch = _watch(home.ledger, brand, platform)
        ended = datetime.now(UTC)
        save_crawl(
            home.ledger,
            Crawl(
                watch=watch,
                started_at=now,
                finished_at=ended,
                coverage=Coverage.OK,
                pages=1,
                posts=posts,
                route="import",
            ),
        )
    return done


def _watch(ledger: Ledger, brand: str, platform: str) -> str:
    """The id of the platform's watch for captures, which no crawl ever asks."""
    watch = Watch(
        id=f"{brand}:{platform}:capture", brand=brand, platform=platform, site="", kind=WatchKind.URL,
        query="captures", every_s=0,
    )  # fmt: skip
    with ledger.write():
        ledger.db.table("watches").insert(asdict(watch) | {"enabled": 0}, pk="id", ignore=True)
    return watch.id


# ----------------------------------------------------------------------- inbox
def inbox(home: Home) -> Iterator[Imported]:
    """Import every settled file of HOME/inbox/BRAND/, and move it to `done` beside it.

    A file with bad lines goes there all the same, with FILE.left-out.txt naming them.
    """
    for folder in sorted(path for path in (home.folder / "inbox").glob("*") if path.is_dir() and not path.is_symlink()):
        brands = home.ledger.rows("SELECT id FROM brands WHERE id = ?", [folder.name])
        for path in sorted(folder.iterdir()):
            if not _settled(path):
                continue
            if not brands:
                raise NotFound(
                    f"{folder}: no brand file has the id {folder.name!r}; rename the folder, or add the brand"
                )
            done = _import(home, path, folder.name, keep=True)
            _put_away(path, done)
            yield done


def _settled(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime >= SETTLED_S and path.name[0] != "."


def _put_away(path: Path, done: Imported) -> None:
    kept = path.parent / "done"
    kept.mkdir(exist_ok=True)
    if done.bad:
        lines = "".join(f"line {bad.line}: {bad.why}\n" for bad in done.bad)
        (kept / f"{path.name}.left-out.txt").write_text(lines, encoding="utf-8")
    path.replace(kept / path.name)


def brand_of(ledger: Ledger, name: str | None) -> str:
    """The id of the brand a person named, or of the only one there is."""
    rows = ledger.rows("SELECT id, name FROM brands ORDER BY id")
    found = [row["id"] for row in rows if name is None or name.casefold() in {row["id"], row["name"].casefold()}]
    if len(found) == 1:
        return str(found[0])
    there = ", ".join(row["name"] for row in rows) or "none; `clipwarden init` writes an example"
    raise ClipwardenError(f"say for which brand: --brand NAME; there are: {there}")
