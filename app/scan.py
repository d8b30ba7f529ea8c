"""Score files, folders or URLs against the references at once, without a crawl.

Writes nothing to the ledger: a question, not a finding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from app.fingerprinting import FileJob, fingerprint
from app.home import Home
from app.isolation import each
from app.matching import reference_bank
from app.progress import track
from app.refs import IMAGES, VIDEOS
from app.stages import download_settings, guard
from core.errors import ClipwardenError, NotFound
from core.reasons import match_reason
from core.records import Bank as RefBank
from core.records import Fingerprint, Match, Reference, Rendition
from crawler.download import Got, Job, download
from matchers.frames import KEYS, WHOLE, Plan
from matchers.method import Bank, Method, methods
from store import queries

QUICK = frozenset({"phash", "local"})  # what says most for its cost, of key frames alone: bench/quick.py


def scan(home: Home, targets: Sequence[str], *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """One plain record a file or URL: path, score 0..1, matches with their reasons, or an error.

    quick   key frames only, by a hash and by features: misses more of what lasts a second or two
    raises  NotFound for a path that is not there, or when there is no reference to compare with
    """
    references = {reference.id: reference for reference in queries.references(home.ledger)}
    if not references:
        raise NotFound("no references yet; add official stills and trailers with `clipwarden refs add`")
    known = {name: one for name, one in methods().items() if name in QUICK or not quick}
    plan = KEYS if quick else WHOLE
    banks = {name: reference_bank(home.ledger, method) for name, method in known.items()}
    if not any(len(bank) for bank in banks.values()):
        raise NotFound("the references have no fingerprints yet; run `clipwarden match` once")
    urls = [target for target in targets if "://" in target]
    files = [path for target in targets if "://" not in target for path in _files(Path(target))]
    with track("scan", len(files) + len(urls)) as progress:
        jobs = (FileJob(sha256=str(path), path=path, methods=tuple(known), plan=plan) for path in files)
        for job, result in each(fingerprint, jobs, guard(home)):
            progress.step()
            yield {"path": str(job.path), **scored(job.sha256, result, known, banks, references)}
        for record in _scan_urls(home, urls, known, banks, references, plan=plan):
            progress.step()
            yield record


def _scan_urls(
    home: Home,
    urls: list[str],
    known: dict[str, Method],
    banks: dict[str, Bank],
    references: dict[str, Reference],
    *,
    plan: Plan,
) -> Iterator[dict[str, Any]]:
    jobs = (_job(url) for url in urls)
    for outcome in download(jobs, settings=download_settings(home)):
        if not isinstance(outcome, Got):
            yield {"path": outcome.job.post, "score": None, "error": f"{outcome.error_class}: {outcome.message}"}
            continue
        job = FileJob(sha256=outcome.sha256, path=outcome.path, methods=tuple(known), plan=plan)
        for _, result in each(fingerprint, [job], guard(home)):
            yield {"path": outcome.job.post, **scored(outcome.sha256, result, known, banks, references)}


def _job(url: str) -> Job:
    """A file by its address, or a page for yt-dlp's extractors to read."""
    if PurePosixPath(urlsplit(url).path).suffix.lower() in IMAGES | VIDEOS:
        return Job(post=url, position=0, renditions=(Rendition(url=url),))
    return Job(post=url, position=0, page=url)


def scored(
    name: str,
    result: dict[str, list[Fingerprint]] | ClipwardenError,
    known: dict[str, Method],
    banks: dict[str, Bank],
    references: dict[str, Reference],
) -> dict[str, Any]:
    """What one file's fingerprints match, as plain values: score 0..1 and matches, or score None and the error.

    name    of the file, for the record
    known   methods by name; banks: the references of each, by its name; references: by id
    """
    if isinstance(result, ClipwardenError):
        return {"score": None, "error": str(result)}
    found = [match for method in known for match in banks[method].compare(name, result[method])]
    told = [_told(match, references[match.reference]) for match in found]
    positive = [one["weight"] for one in told if one["bank"] == RefBank.POSITIVE]
    return {"score": max(positive, default=0.0), "matches": told}


def _told(match: Match, reference: Reference) -> dict[str, Any]:
    reason = match_reason(match, reference)
    return {
        "reference": reference.id,
        "name": reference.name,
        "franchise": reference.franchise,
        "element": reference.element,
        "bank": str(reference.bank),
        "basis": str(match.basis),
        "method": match.method,
        "distance": match.distance,
        "threshold": match.threshold,
        "unit": match.unit,
        "weight": reason.weight,
        "reason": reason.sentence,
        "segments": [asdict(segment) for segment in match.segments],
    }


def _files(path: Path) -> list[Path]:
    """A file as it is named; a folder's media, by their names."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file() and file.suffix.lower() in IMAGES | VIDEOS)
    if not path.is_file():
        raise NotFound(f"{path}: no such file or folder")
    return [path]
