"""docs/platforms.md, made from what the spiders say of themselves: `python -m crawler.table > docs/platforms.md`."""

import sys
from collections.abc import Iterator, Mapping

from crawler.crawl import platforms
from crawler.platform import PlatformSpider

HEAD = """\
# Platforms

What each spider asks, and what it was held to. Made from the spiders themselves (`python -m crawler.table`); a test
holds the page to them. None of them could be tried against the live platform where clipwarden was built: "tested
against" says what stood in for it. Check each platform's terms before you crawl it.
"""
TAIL = """
## Where no interface may be asked
`clipwarden import` reads what an analyst's own browser captured (Zeeschuimer NDJSON: TikTok, Instagram, Threads, X,
Pinterest, Douyin, RedNote), 4CAT tables, and plain lists of addresses. Files laid into `HOME/inbox/BRAND/` are read at
each `run`. A post so brought in has the same id as the one a spider finds.
"""


def page(spiders: Mapping[str, type[PlatformSpider]]) -> str:
    """The page for these spiders, one section each, by name."""
    return "\n".join([HEAD, *(line for name in sorted(spiders) for line in _section(name, spiders[name]))]) + TAIL


def _section(name: str, spider: type[PlatformSpider]) -> Iterator[str]:
    facts = spider.facts
    off = " (off unless `crawl.fragile` names it)" if spider.fragile else ""
    yield f"## {name}{off}"
    yield f"| | |\n|---|---|\n| asks | {facts.route} |"
    yield f"| watches | {', '.join(sorted(spider.kinds))} |"
    keys = [f"`{one.name}`{' (optional)' if one.optional else ''}: {one.what}" for one in spider.secrets]
    yield f"| credential | {'; '.join(keys) or 'none'} |"
    yield f"| quota | {facts.quota} |"
    caps = [f"{one.most:g} {one.unit} a {one.per} (`{name}:{one.name}`)" for one in spider.allowances]
    yield f"| booked before each request | {'; '.join(caps) or 'nothing'} |"
    yield f"| posts a day | {facts.posts_a_day} |"
    yield f"| AI label | {facts.ai_label} |"
    yield f"| sign of deletion | {facts.deletion} |"
    yield f"| routes | {', then '.join(spider.routes)} |"
    yield f"| tested against | {facts.tested} |"
    yield f"| read in | {facts.evidence}, {facts.as_of} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(page(platforms()))
