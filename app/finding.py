"""The find stage: what is known of a post becomes its findings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from app.home import Home
from app.meanings import Meanings, meanings
from app.progress import track
from app.reading import read_pictures
from app.stages import BATCH, due, now, tally
from core.findings import RULES_VERSION, Caption, Known, Told, judge
from core.records import Post
from store import queries
from store.captions import captions_of, edit_counts
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
            edits = edit_counts(ledger, batch)  # before the posts: one that is edited from here on stays due
            posts = [queries.post(ledger, name) for name in batch]
            meant = model.of(posts) if model else {}
            said = {post.id: Told(meaning=meant.get(post.id)) for post in posts}
            alone = [post for post in posts if post.id in edits]
            said |= {post.id: replace(said[post.id], earlier=_earlier(ledger, model, post)) for post in alone}
            # Fifty long captions take seconds: such a post is judged alone, so that a crawl waits no longer to write.
            for some in ([post for post in posts if post.id not in edits], *([post] for post in alone)):
                counts["findings"] += _judge_some(ledger, some, facts, said, edits)
                counts["posts"] += len(some)
            progress.to(counts["posts"], note=tally(counts))
    return counts


def _judge_some(
    ledger: Ledger, posts: Sequence[Post], facts: Known, said: Mapping[str, Told], edits: Mapping[str, int]
) -> int:
    """Judge some posts in one transaction; return how many findings they have."""
    found = 0
    with ledger.write():
        now_edited = edit_counts(ledger, [post.id for post in posts])
        for post in posts:
            if now_edited.get(post.id) != edits.get(post.id):
                continue  # a crawl saw another caption meanwhile: it is due still
            marks, written = queries.marks_of_post(ledger, post.id), texts_of_post(ledger, post.id)
            told = replace(said[post.id], marks=marks, written=written)
            findings = judge(post, queries.hits_of_post(ledger, post.id), facts, told)
            ledger.save_findings(post.id, findings, RULES_VERSION, at=now())
            found += len(findings)
    return found


def _earlier(ledger: Ledger, model: Meanings | None, post: Post) -> list[Caption]:
    """What a post said before, and what the model makes of each."""
    said = captions_of(ledger, post.id)
    if model is None or not said:
        return said
    meant = model.of([replace(one.said_by(post), id=str(number)) for number, one in enumerate(said)])
    return [replace(one, meaning=meant.get(str(number))) for number, one in enumerate(said)]


def _batches(pairs: Iterable[tuple[str, str]]) -> Iterator[list[str]]:
    batch: list[str] = []
    for subject, _ in pairs:
        batch.append(subject)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
