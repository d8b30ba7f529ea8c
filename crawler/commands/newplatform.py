"""`scrapy newplatform NAME`: a spider to fill in, and the folder for its frozen responses.

Writes two files and edits none: Scrapy's loader finds the spider, the recording test finds the folder.
"""

import argparse
import re
from pathlib import Path
from typing import ClassVar

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

SPIDER = '''"""{title}: what is asked, and what is never asked.

Say here which official route this is, its quota, and its traps.
"""

from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import urlencode

from scrapy import Request
from scrapy.http import Response

from core.records import Attachment, Metrics, Post, Presence, Rendition, Watch, WatchKind
from core.words import hashtags
from crawler.facts import Facts
from crawler.fields import Fields
from crawler.platform import PlatformSpider, json_of, presence


class {cls}Spider(PlatformSpider):
    """Say what names a post here, so that two crawls agree."""

    name = "{name}"
    facts = Facts(
        route="say which official route is asked",
        quota="what the platform allows, and in which period",
        posts_a_day="how many posts that lets one see",
        ai_label="none",
        deletion="404 or 410 at the post's own address",
        tested="answers frozen after the official documents",
        evidence="where this was read",
        as_of="YYYY-MM-DD",
    )
    kinds: ClassVar[frozenset[WatchKind]] = frozenset({{WatchKind.HASHTAG}})

    def requests(self, watch: Watch) -> Iterator[Request]:
        """The first page of a hashtag."""
        yield self.page(f"{{self.site_of(watch)}}/api/search?{{urlencode({{'tag': watch.query}})}}")

    def read(self, response: Response, watch: Watch) -> Iterator[Post | Request]:  # noqa: ARG002
        """The posts of a page, then the next page."""
        data = Fields(json_of(response), where=response.url)
        for item in data.objects("posts"):
            yield post_of(item)
        following = data.maybe("next", str)
        if following:
            yield self.page(response.urljoin(following))

    @staticmethod
    def seen_gone(response: Response) -> Presence:
        """What a post's own address shows; anything that proves nothing stays unclear."""
        return presence(response, up=b'"id"' in response.body)


def post_of(item: Fields) -> Post:
    """One post as the platform gives it."""
    return Post(
        id=f"{name}:{{item.text('id')}}",
        platform="{name}",
        url=item.text("url"),
        author_handle=item.text("author.handle"),
        author_id=item.text("author.id"),
        text=item.text("text"),
        hashtags=hashtags(item.text("text")),
        language=item.maybe("language", str),
        posted_at=item.instant("created_at"),
        attachments=(Attachment(position=0, kind="video", renditions=(Rendition(url=item.text("video")),)),),
        metrics=Metrics(views=item.maybe("views", int)),
    )
'''

README = """\
Put real answers of {name} here, as they came, one file each: page.json (or .html), with beside it
page.yml that says {{url: ..., role: page, watch: {{kind: hashtag, query: ..., site: ...}}}}. The recording
test writes page.posts.json the first time and fails until you have read it and renamed it from .unread.
Then delete this file.
"""


class Command(ScrapyCommand):
    """Scaffold a platform."""

    requires_project = True
    default_settings: ClassVar[dict[str, object]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """What stands behind the command."""
        return "NAME"

    def short_desc(self) -> str:
        """One line for `scrapy --help`."""
        return "Write a new platform's spider and the folder for its frozen responses"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 - Scrapy's signature
        """Write both files; refuse to touch any that is there."""
        if len(args) != 1 or not re.fullmatch(r"[a-z][a-z0-9_]*", args[0]):
            raise UsageError("give one NAME of small letters and digits, such as: scrapy newplatform coub")
        name = args[0]
        spider = Path("crawler/spiders") / f"{name}.py"
        readme = Path("tests/fixtures/platforms") / name / "README.txt"
        if spider.exists():
            raise UsageError(f"{spider} is there already")
        cls = "".join(part.capitalize() for part in name.split("_"))
        spider.write_text(SPIDER.format(name=name, cls=cls, title=cls), encoding="utf-8")
        readme.parent.mkdir(parents=True, exist_ok=True)
        readme.write_text(README.format(name=name), encoding="utf-8")
        for path in (spider, readme):
            print(f"wrote {path}")  # noqa: T201 - a command speaks
