"""The find stage: what is known of a post becomes its findings."""

from collections.abc import Iterable, Iterator

from app.home import Home
from app.meanings import meanings
from app.progress import track
from app.reading import read_pictures
from app.stages import BATCH, due, now, tally
from core.findings import RULES_VERSION, Told, judge
from store import queries
from store.ledger import Ledger
from store.texts import texts_of_post


def find(home: Home) -> dict[str, int]:
    """Judge the posts about which something new is known; read the pictures of those that look interesting, and
    judge these again. Returns posts and findings."""
    counts = _judge(home)
    if read_pictures(home)["with text"]:
        again = _judge(home)
        counts = {"posts": counts["posts"], "findings": counts["findings"] + again["findings"]}
    return counts


def _follow_the_rules(ledger: Ledger) -> None:
    """Have every post judged again when the rules changed since; the file itself says by which it was judged."""
    if ledger.db.execute("PRAGMA user_version").fetchone()[0] != RULES_VERSION:
        with ledger.write():
            ledger.enqueue_find()
            ledger.db.execute(f"PRAGMA user_version = {RULES_VERSION}")


def _judge(home: Home) -> dict[str, int]:
    ledger, counts = home.ledger, {"posts": 0, "findings": 0}
    _follow_the_rules(ledger)
    facts = queries.known(ledger, now=now())
    model = meanings(home.settings.match.sentences, facts.franchises)
    with track("find", ledger.count_pending("find", now=now())) as progress:
        for batch in _batches(due(ledger, "find")):
            posts = [queries.post(ledger, name) for name in batch]
            meant = model.of(posts) if model else {}
            with ledger.write():
                for post in posts:
                    told = Told(
                        marks=queries.marks_of_post(ledger, post.id),
                        written=texts_of_post(ledger, post.id),
                        meaning=meant.get(post.id),
                    )
                    findings = judge(post, queries.hits_of_post(ledger, post.id), facts, told)
                    ledger.save_findings(post.id, findings, RULES_VERSION, at=now())
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
