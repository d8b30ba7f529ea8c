"""The find stage: what is known of a post becomes its findings."""

from collections.abc import Iterable, Iterator

from app.home import Home
from app.progress import track
from app.stages import BATCH, due, now, tally
from core.findings import RULES_VERSION, judge
from store import queries


def find(home: Home) -> dict[str, int]:
    """Judge the posts about which something new is known. Returns posts and findings."""
    ledger, counts = home.ledger, {"posts": 0, "findings": 0}
    facts = queries.known(ledger, now=now())
    with track("find", ledger.count_pending("find", now=now())) as progress:
        for batch in _batches(due(ledger, "find")):
            with ledger.write():
                for post in batch:
                    hits, marks = queries.hits_of_post(ledger, post), queries.marks_of_post(ledger, post)
                    findings = judge(queries.post(ledger, post), hits, facts, marks)
                    ledger.save_findings(post, findings, RULES_VERSION, at=now())
                    counts["posts"] += 1
                    counts["findings"] += len(findings)
            progress.to(counts["posts"], note=tally(counts))
    return counts


def _batches(pairs: Iterable[tuple[str, str]]) -> Iterator[list[str]]:
    batch: list[str] = []
    for subject, _ in pairs:
        batch.append(subject)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
