"""A small real ledger for the tests of the hit list: one brand, two franchises, posts as they are asked for."""

from datetime import UTC, date, datetime, timedelta

from app.hits import DailyList, daily
from core.coverage import Crawl
from core.findings import judge
from core.records import (
    Account,
    AiLabel,
    AuthorClass,
    Bank,
    Brand,
    Coverage,
    Element,
    Franchise,
    Match,
    Media,
    Metrics,
    Post,
    Reference,
    Segment,
    Watch,
    WatchKind,
)
from core.words import hashtags
from store import queries
from store.coverage import save_crawl
from store.ledger import Ledger

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = date(2026, 11, 20)
LABEL = AiLabel(field="ai_generated", value="true")
SUGGESTED = "my own Moonlit Gown for #LanternsOfAvelore"  # with a label it makes a hit

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></title></bdi><svg onload=alert(1)>",
    "{{7*7}}{% raw %}${7*7}",
    "\u202egnp.exe\u2066\u200f",
    "a\x00b\x07c",
    '=HYPERLINK("http://evil.example","x")',
    "  +1+1",
    "\uff1d1+1",
    "@SUM(1)",
    "-1",
    '"=1+1',
    "\t=1",
    "foo;=1+1;\"=cmd|' /C calc'!A0",
    "\x1b[31mred\x1b]8;;http://evil.example\x07link\x9b2J",
    "[bold red]styled[/] [link=http://evil.example]x[/link] :skull:",
    "line\r\n=2+2\u2028end",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \ufdfd \u200b=1",
)
ADDRESSES = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "https://user:pass@evil.example/",
    'https://ok.example/"onmouseover="alert(1)',
    "https://[bad/",
    "//evil.example/x",
)


def reference(name: str, *, sha256: str = "", bank: Bank = Bank.POSITIVE, element: str | None = None) -> Reference:
    """A still of the first franchise."""
    return Reference(
        id=f"R-{name}",
        sha256=sha256 or f"{name}-sha256",
        franchise="n/avelore",
        element=element,
        bank=bank,
        kind="image",
        name=f"{name}.png",
        size_bytes=1,
        added_at=NOW,
    )


BRAND = Brand(
    id="n",
    name="Northlight <Pictures>",
    generator_tags=("seedance",),
    franchises=(
        Franchise(
            id="n/avelore",
            brand="n",
            title="Lanterns of Avelore",
            owner="Northlight",
            hashtags=("LanternsOfAvelore",),
            elements=(Element(id="n/avelore/gown", franchise="n/avelore", name="Moonlit Gown", nature="costume"),),
        ),
        Franchise(id="n/choir", brand="n", title="The Hollow Choir", owner="Northlight"),
    ),
    accounts=(
        Account(brand="n", platform="mastodon", handle="licensee", author_class=AuthorClass.LICENSED),
        Account(
            brand="n",
            platform="mastodon",
            handle="was_press",
            author_class=AuthorClass.PRESS,
            expires_at=NOW - timedelta(days=1),
        ),
    ),
    watches=tuple(
        Watch(id=name, brand="n", platform=name, site="", kind=WatchKind.HASHTAG, query="avelore", every_s=3600)
        for name in ("mastodon", "peertube")
    ),
)


class Desk:
    """A ledger and what a test puts into it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.posts = ledger, 0
        ledger.sync(BRAND)
        ledger.save_references([reference("gown", element="n/avelore/gown"), reference("lake")])

    def crawl(self, watch: str, coverage: Coverage = Coverage.OK, why: str = "", *, at: datetime = NOW) -> None:
        """A crawl that ended so."""
        made = Crawl(
            watch=watch, started_at=at, finished_at=at, coverage=coverage, why=why, pages=1, posts=3, ground=True
        )
        save_crawl(self.ledger, made)

    def post(
        self,
        text: str = "",
        *,
        author: str = "somebody",
        url: str = "https://clips.example/1",
        sha256: str = "",
        equals: str | None = None,
        label: AiLabel | None = None,
        duration_s: float | None = 9.0,
    ) -> str:
        """A post with one file, judged; `equals` names the reference its frame at 00:02.0 equals. Returns its id."""
        self.posts += 1
        post = Post(
            id=f"mastodon:{self.posts}",
            platform="mastodon",
            url=url,
            author_handle=author,
            author_id="1",
            text=text,
            hashtags=hashtags(text),
            language="en",
            posted_at=NOW,
            attachments=(),
            metrics=Metrics(views=1234),
            ai_label=label,
        )
        sha256 = sha256 or f"file-{self.posts}"
        self.ledger.save_posts("mastodon", [(post, "raw")], seen_at=NOW)
        self.ledger.save_media([_media(post.id, sha256, duration_s)])
        if equals:
            self.ledger.save_matches("match", sha256, "phash", 1, [_match(sha256, equals)], at=NOW)
        findings = judge(post, queries.hits_of_post(self.ledger, post.id), queries.known(self.ledger, now=NOW))
        self.ledger.save_findings(post.id, findings, 1, at=NOW)
        return post.id

    def list(self) -> DailyList:
        """The day's list."""
        return daily(self.ledger, DAY, NOW)


def _media(post: str, sha256: str, duration_s: float | None) -> Media:
    return Media(
        post=post,
        position=0,
        sha256=sha256,
        container="mov",
        duration_s=duration_s,
        width_px=160,
        height_px=90,
        size_bytes=1,
        fetched_at=NOW,
    )


def _match(sha256: str, name: str) -> Match:
    part = Segment(
        query_start_s=2,
        query_end_s=2,
        reference_start_s=0,
        reference_end_s=0,
        speed=1,
        pairs=1,
        best_query_s=2.0,
        best_reference_s=0.0,
        best_distance=12,
    )
    return Match(
        sha256=sha256,
        reference=f"R-{name}",
        method="phash",
        version=1,
        distance=12,
        threshold=62,
        unit="bits",
        segments=(part,),
        probability=0.95,
    )
