"""What is watched, where each question comes from, what it costs and brings; and one page of it on trial."""

import json
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.brands import load_all
from app.crawling import crawl
from app.home import Home, open_home
from core.coverage import Crawl
from core.errors import NotFound
from core.findings import HIT_SCORE, NEVER_HITS
from core.queries import NAMES, queries
from core.records import Brand, Post, Verdict, Watch
from core.tags import Proposal, Seen, proposals
from core.times import to_text
from core.words import tag
from crawler.crawl import platforms
from crawler.platform import PlatformSpider
from store import queries as asked
from store.ledger import Ledger
from store.rows import post_of

LOOKED_BACK = timedelta(days=7)
LEARNED_FROM = timedelta(weeks=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRow:
    """One watch: where its question comes from, how its last crawl went, and what it brought in seven days.

    posts, hits, confirmed   new posts, findings over the line, and those a person confirmed
    """

    watch: Watch
    why: str
    coverage: str
    said: str
    finished_at: str | None
    posts: int
    hits: int
    confirmed: int


def brands(home: Home) -> list[Brand]:
    """The brand files of a home, read."""
    return load_all(home.brands, {name: spider.kinds for name, spider in platforms().items()})


def rows(home: Home, prefix: str = "") -> list[WatchRow]:
    """Every watch whose id begins so, those that matter most first."""
    since = to_text(datetime.now(UTC) - LOOKED_BACK)
    origins = {brand.id: _origins(brand) for brand in brands(home)}
    crawls = {row["watch"]: row for row in home.ledger.rows("SELECT * FROM latest_crawls")}
    new = _counts(home, "SELECT watch, count(*) AS n FROM posts WHERE seen_at >= ? GROUP BY watch", [since])
    found = (
        "SELECT p.watch, count(*) AS n FROM findings f JOIN posts p ON p.id = f.post {join}"
        " WHERE f.found_at >= ? AND f.score >= ? AND f.author_class NOT IN (SELECT value FROM json_each(?)) {also}"
        " GROUP BY p.watch"
    )
    given = [since, HIT_SCORE, json.dumps(sorted(NEVER_HITS))]
    hits = _counts(home, found.format(join="", also=""), given)
    join, also = "JOIN latest_decisions d ON d.finding = f.id", f"AND d.verdict = '{Verdict.INFRINGING}'"
    confirmed = _counts(home, found.format(join=join, also=also), given)
    return [
        WatchRow(
            watch=watch,
            why=origins.get(watch.brand, {}).get((watch.kind, tag(watch.query)), "named in the brand file"),
            coverage=crawls[watch.id]["coverage"] if watch.id in crawls else "never asked",
            said=crawls[watch.id]["why"] if watch.id in crawls else "",
            finished_at=crawls[watch.id]["finished_at"] if watch.id in crawls else None,
            posts=new.get(watch.id, 0),
            hits=hits.get(watch.id, 0),
            confirmed=confirmed.get(watch.id, 0),
        )
        for watch in asked.watches(home.ledger)
        if watch.id.startswith(prefix)
    ]


def _counts(home: Home, sql: str, parameters: list[Any]) -> Mapping[str, int]:
    return {row["watch"]: row["n"] for row in home.ledger.rows(sql, parameters)}


def _origins(brand: Brand) -> dict[tuple[str, str], str]:
    """(kind, query as compared) -> where the question comes from."""
    names = {watch.platform for watch in brand.watches} or {""}
    made = [query for name in sorted(names) for query in queries(brand, NAMES, platform=name)]
    return {(query.kind, tag(query.text)): query.why for query in reversed(made)}


# ----------------------------------------------------------------------- trial
def trial(home: Home, watch: Watch) -> tuple[Crawl, list[Post]]:
    """Ask one page of a watch now, in a home of its own that is thrown away: nothing is stored.

    What it costs is booked in the real ledger all the same, and its caps hold.
    """
    with tempfile.TemporaryDirectory(prefix="clipwarden-try-") as folder, open_home(Path(folder), alone=True) as own:
        settings = home.settings.model_copy(update={"crawl": home.settings.crawl.model_copy(update={"pages": 1})})
        throwaway = replace(own, settings=settings)
        for brand in brands(home):
            own.ledger.sync(replace(brand, watches=(watch,) if brand.id == watch.brand else ()))
        had = _spending(home.ledger, own.ledger)
        [ended] = crawl(throwaway, [watch])
        _spending(own.ledger, home.ledger, after=had)
        return ended, [post_of(row) for row in own.ledger.rows("SELECT * FROM posts ORDER BY posted_at DESC")]


def _spending(source: Ledger, target: Ledger, *, after: int = 0) -> int:
    """Carry what was spent over to another ledger, but for the first `after` rows; the number of the last."""
    rows = source.rows("SELECT * FROM spending WHERE id > ? ORDER BY id", [after])
    with target.write():
        target.db.table("spending").insert_all([{key: row[key] for key in row if key != "id"} for row in rows])
    return int(target.db.execute("SELECT coalesce(max(id), 0) FROM spending").fetchone()[0] or 0)


def question(home: Home, platform: str, spider: type[PlatformSpider]) -> Crawl | None:
    """Ask a platform one question with a known answer, storing nothing; None where it has none to be asked."""
    # The one that must bring nothing is the cheapest, and is answered to whoever is let in.
    canary = next(iter(sorted(spider.canaries, key=lambda canary: canary.hits)), None)
    known = brands(home)
    if canary is None or not spider.base or not known:
        return None
    query = canary.query.replace("{}", f"clipwarden{secrets.token_hex(6)}")
    watch = Watch(
        id=f"{known[0].id}:{platform}:check", brand=known[0].id, platform=platform, site="", kind=canary.kind,
        query=query, every_s=3600,
    )  # fmt: skip
    return trial(home, watch)[0]


def one(home: Home, name: str) -> Watch:
    """The only watch whose id begins so, or holds the name; NotFound says which there are."""
    every = asked.watches(home.ledger)
    found = [watch for watch in every if watch.id == name] or [watch for watch in every if name in watch.id]
    if len(found) != 1:
        there = "\n  ".join(watch.id for watch in found or every)
        raise NotFound(f"{'no' if not found else 'more than one'} watch is meant by {name!r}; there are:\n  {there}")
    return found[0]


# ---------------------------------------------------------------- learned tags
def proposed(home: Home, brand: Brand) -> tuple[Proposal, ...]:
    """Tags that stand beside the brand's confirmed hits and are not watched."""
    since = to_text(datetime.now(UTC) - LEARNED_FROM)
    known = {tag(watch.query) for watch in brand.watches} | {tag(name) for name in brand.generator_tags}
    known |= {tag(name) for franchise in brand.franchises for name in franchise.hashtags}
    return proposals(_seen(home, brand, since), known=known, weeks=LEARNED_FROM / timedelta(weeks=1))


def _seen(home: Home, brand: Brand, since: str) -> Iterator[Seen]:
    sql = (
        "SELECT p.id, p.hashtags, max(d.verdict = 'infringing') AS infringing FROM posts p"
        " JOIN watches w ON w.id = p.watch LEFT JOIN findings f ON f.post = p.id"
        " LEFT JOIN latest_decisions d ON d.finding = f.id AND d.verdict <> 'unsure'"
        " WHERE w.brand = ? AND p.seen_at >= ? GROUP BY p.id"
    )
    for row in home.ledger.db.query(sql, [brand.id, since]):
        said = row["infringing"]
        yield Seen(tags=json.loads(row["hashtags"]), infringing=None if said is None else bool(said))


def accept(home: Home, brand: Brand, name: str, *, reviewer: str) -> Path:
    """Write a tag into the brand's file of learned tags: watched from the next sync wherever its tags are."""
    path = home.brands / f"{brand.id}.learned"
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{tag(name)}\t{datetime.now(UTC):%Y-%m-%d}\t{reviewer}\n")
    return path


def plain_row(row: WatchRow) -> dict[str, Any]:
    """A row as JSON has it."""
    return asdict(row.watch) | {key: getattr(row, key) for key in WatchRow.__slots__ if key != "watch"}
