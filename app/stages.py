"""The first stages after discover: fetch, fingerprint, marks; matching.py and finding.py are the next.

Each writes as results come, one transaction a subject, so that a kill between any two loses and
doubles nothing. None sends anything anywhere.
"""

import multiprocessing
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from multiprocessing import forkserver
from urllib.parse import urlsplit

from app.fingerprinting import FileJob, fingerprint, is_sparse, read_marks
from app.home import Home
from app.isolation import Guard, each
from app.progress import track
from core.errors import ClipwardenError, SettingsWrong
from core.records import Attachment, Failure, Mark, Media, Post
from core.times import to_text
from crawler.download import DownloadSettings, ErrorClass, Got, Job, Refused, best_already, download
from crawler.links import is_clip_page
from matchers.frames import FIRST, WHOLE
from matchers.method import methods
from store import passes, queries
from store.ledger import Ledger

BATCH = 100  # subjects asked for at a time: the list of work may be millions long
MIB = 1024 * 1024
MARKS, MARKS_VERSION = "marks", 1  # raise it when other marks are read: every file is then read again


def now() -> datetime:
    """This instant, aware UTC."""
    return datetime.now(UTC)


def warm() -> None:
    """Start the server that workers are forked from, with what any of them imports: once, not in each."""
    multiprocessing.set_forkserver_preload(["__main__", "crawler.download_worker", "app.fingerprinting"])
    forkserver.ensure_running()


def register(ledger: Ledger) -> None:
    """Tell the ledger which methods are in force; a new version makes its files due again."""
    versions = {name: method.version for name, method in methods().items()}
    ledger.register_methods(versions, looking={MARKS: MARKS_VERSION})


def due(ledger: Ledger, stage: str) -> Iterator[tuple[str, str]]:
    """Every (subject, method) due at the start, each once; what comes later waits for the next run."""
    started, last = now(), ("", "")
    while batch := ledger.pending(stage, now=started, limit=BATCH, after=last):
        last = batch[-1]
        yield from batch


# ------------------------------------------------------------------ download
def fetch(home: Home) -> dict[str, int]:
    """Download what posts carry, the lowest rendition that serves; the promising posts first.

    returns how many files came, and how many failures of each class
    """
    first = dict.fromkeys(passes.promising_posts(home.ledger))
    others = (post for post, _ in due(home.ledger, "download") if post not in first)
    return _fetch(home, "download", chain(first, others))


def fetch_originals(home: Home) -> dict[str, int]:
    """Download the best rendition of the posts that are proved copies. Returns as `fetch`, and how many `kept`.

    A post whose files are the best there are already is noted so, and asked for nothing.
    """
    kept, wanted = 0, []
    for post_id, _ in due(home.ledger, "original"):
        post = queries.post(home.ledger, post_id)
        if any(_page(post, one) or not best_already(one.renditions, _least_px(home)) for one in post.attachments):
            wanted.append(post_id)
        else:
            kept += passes.keep_triage_as_original(home.ledger, post_id)
    return {"kept": kept, **(_fetch(home, "original", wanted) if wanted else {})}


def _fetch(home: Home, stage: str, posts: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    warm()
    with track(
        "fetch" if stage == "download" else "originals", home.ledger.count_pending(stage, now=now())
    ) as progress:
        collected: dict[str, list[Got | Refused]] = {}
        wanted: dict[str, Post] = {}
        paused = _paused_hosts(home.ledger)
        for outcome in download(_jobs(home, stage, posts, wanted, paused), settings=download_settings(home)):
            post = outcome.job.post
            if isinstance(outcome, Got):
                home.blobs.adopt(outcome.path, outcome.sha256)
            elif outcome.error_class is ErrorClass.RATE_LIMITED:
                paused.add(urlsplit(wanted[post].url).netloc)
            collected.setdefault(post, []).append(outcome)
            if len(collected[post]) == len(wanted[post].attachments):
                _save_download(home.ledger, stage, post, collected.pop(post), counts)
                del wanted[post]
                progress.step(note=tally(counts))
    return counts


def _jobs(home: Home, stage: str, posts: Iterable[str], wanted: dict[str, Post], paused: set[str]) -> Iterator[Job]:
    """A job for each attachment of each post; `wanted` learns which posts are on their way.

    A post of a host that asked us to wait is left where it is, with no failure against it.
    """
    for post_id in posts:
        post = queries.post(home.ledger, post_id)
        if urlsplit(post.url).netloc in paused:
            continue
        wanted[post_id] = post
        attempts = home.ledger.attempts(stage, post_id)
        for attachment in post.attachments:
            yield Job(
                post=post_id,
                position=attachment.position,
                renditions=attachment.renditions,
                page=_page(post, attachment),
                attempts=attempts,
                best=stage == "original",
            )


def _page(post: Post, attachment: Attachment) -> str | None:
    """A rendition that is the post's own page, or a clip's page elsewhere, is for yt-dlp's extractors to read."""
    urls = [one.url for one in attachment.renditions]
    return urls[0] if len(urls) == 1 and (urls[0] == post.url or is_clip_page(urls[0])) else None


def _least_px(home: Home) -> int:
    return home.settings.fetch.least_height_px


def _paused_hosts(ledger: Ledger) -> set[str]:
    """The hosts whose "not now" still holds."""
    sql = (
        "SELECT p.url FROM failures f JOIN posts p ON p.id = f.subject"
        " WHERE f.stage IN ('download', 'original') AND f.error = ? AND f.retry_at > ?"
    )
    return {urlsplit(row["url"]).netloc for row in ledger.rows(sql, [ErrorClass.RATE_LIMITED, to_text(now())])}


def _save_download(
    ledger: Ledger, stage: str, post: str, outcomes: list[Got | Refused], counts: dict[str, int]
) -> None:
    """All the files of a post together, or the failure that stopped one of them."""
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    got = [outcome for outcome in outcomes if isinstance(outcome, Got)]
    # Some files and a final failure: what came is evidence; a failure that may pass is waited for.
    waiting = [outcome for outcome in refused if outcome.retry_after_s is not None]
    if got and not waiting:
        ledger.save_media(_media(outcome, stage) for outcome in got)
        counts["files"] = counts.get("files", 0) + len(got)
        return
    worst = (waiting or refused)[0]
    retry_at = now() + timedelta(seconds=worst.retry_after_s) if worst.retry_after_s is not None else None
    failure = Failure(
        stage=stage,
        subject=post,
        error=worst.error_class,
        message=worst.message,
        retry_at=retry_at,
        attempts=worst.job.attempts + 1,
    )
    ledger.save_failure(failure, at=now())
    counts[worst.error_class] = counts.get(worst.error_class, 0) + 1


def _media(got: Got, stage: str) -> Media:
    return Media(
        post=got.job.post,
        position=got.job.position,
        sha256=got.sha256,
        container=got.container,
        duration_s=got.duration_s,
        width_px=got.width_px,
        height_px=got.height_px,
        size_bytes=got.size_bytes,
        fetched_at=now(),
        rendition="original" if stage == "original" else "triage",
    )


def download_settings(home: Home) -> DownloadSettings:
    """What a download may take, as the home decides."""
    fetching = home.settings.fetch
    return DownloadSettings(
        attempts=home.scratch,
        workers=fetching.workers,
        allowed_hosts=frozenset(home.settings.allowed_hosts),
        max_file_bytes=fetching.max_file_mib * MIB,
        max_seconds=fetching.max_seconds,
        min_free_bytes=fetching.min_free_mib * MIB,
        least_height_px=fetching.least_height_px,
        user_agent=home.settings.crawl.user_agent,
        proxy=home.settings.network.proxy,
        ca_file=home.settings.network.ca_file,
    )


# --------------------------------------------------------------- fingerprint
def fingerprint_files(home: Home) -> dict[str, int]:
    """Fingerprint media and references that lack a method's hashes. Returns done and failed.

    A post's file is looked at sparsely, unless something has asked for a closer look: see cascade.py.
    """
    counts = {"files": 0, "unreadable": 0}
    warm()
    with track("fingerprint", home.ledger.count_pending("fingerprint", now=now())) as progress:
        for job, result in each(fingerprint, _files(home), guard(home)):
            if isinstance(result, SettingsWrong):  # a broken model, say: no fault of any file
                raise result
            if isinstance(result, ClipwardenError):
                failure = Failure(
                    stage="fingerprint", subject=job.sha256, error="unreadable", message=str(result), retry_at=None
                )
                home.ledger.save_failure(failure, at=now())
                counts["unreadable"] += 1
            else:
                with home.ledger.write():
                    for name, prints in result.items():
                        version = methods()[name].version
                        sparse = is_sparse(job, name)
                        home.ledger.save_fingerprints(job.sha256, name, version, prints, at=now(), sparse=sparse)
                counts["files"] += 1
            progress.step(note=tally(counts))
    return counts


def _files(home: Home) -> Iterator[FileJob]:
    """One job a file, for all the methods it lacks."""
    given = set[str]()
    for sha256, name in due(home.ledger, "fingerprint"):
        if sha256 in given or name == MARKS:
            continue
        given.add(sha256)
        sql = "SELECT method FROM work WHERE stage = 'fingerprint' AND subject = ? AND method <> ?"
        lacking = tuple(row["method"] for row in home.ledger.rows(sql, [sha256, MARKS]))
        plan = WHOLE if passes.looked_at_whole(home.ledger, sha256) else FIRST
        yield FileJob(sha256=sha256, path=home.blobs.path(sha256), methods=lacking, plan=plan)


def read_all_marks(home: Home) -> dict[str, int]:
    """Read what downloaded files say of their own origin. Returns files, and how many say they are generated."""
    counts = {"files": 0, "generated": 0}
    warm()
    waiting = [sha256 for sha256, name in due(home.ledger, "fingerprint") if name == MARKS]
    jobs = (FileJob(sha256=sha256, path=home.blobs.path(sha256), methods=()) for sha256 in waiting)
    with track("marks", len(waiting)) as progress:
        for job, result in each(read_marks, jobs, guard(home)):
            if isinstance(result, ClipwardenError):  # its pictures may still be read: no failure of the file
                unread = f"The file's marks could not be read: {result}"
                result = (Mark(kind="vendor", state="invalid", sentence=unread),)  # noqa: PLW2901 - what is kept of it
            home.ledger.save_marks(job.sha256, MARKS, MARKS_VERSION, result, at=now())
            counts["files"] += 1
            counts["generated"] += any(mark.evidence for mark in result)
            progress.step(note=tally(counts))
    return counts


def guard(home: Home) -> Guard:
    """What looking at one file may take."""
    matching = home.settings.match
    return Guard(workers=matching.workers, max_seconds=matching.max_seconds, memory_bytes=matching.memory_mib * MIB)


def tally(counts: dict[str, int]) -> str:
    """Counts as a person reads them beside a bar."""
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)
