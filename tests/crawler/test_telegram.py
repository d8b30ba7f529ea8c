"""Telegram's preview pages: rounded numbers, names that are checked, and what proves that a message went."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from scrapy import Request
from scrapy.http import HtmlResponse

from core.causes import Cause
from core.errors import SourceBlind
from core.records import Presence, WatchKind
from crawler.runs import WatchRun
from crawler.spiders.telegram import TelegramSpider, counted
from tests.builders import watch

FROZEN = Path(__file__).parents[1] / "fixtures" / "platforms" / "telegram"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("999", 999),
        ("1.2K", 1200),
        ("12.4K", 12_400),
        ("3M", 3_000_000),
        ("1.05B", 1_050_000_000),
        (" 7 ", 7),
        ("", None),
        ("1,2K", None),
        ("-1", None),
        ("nan", None),
        ("٣", None),
        ("9" * 400, None),
    ],
)
def test_views_are_read_as_they_are_rounded(text: str, count: int | None) -> None:
    """K, M and B; what is no such number is unknown, never 0."""
    assert counted(text) == count


@pytest.mark.parametrize(
    "query", ["@hollow_choir", "hollow_choir", "https://t.me/hollow_choir", "https://t.me/s/hollow_choir"]
)
def test_channel_is_named_in_any_of_its_forms(query: str) -> None:
    """As people write it."""
    asked = watch(query, platform="telegram", site="", kind=WatchKind.ACCOUNT)
    [request] = TelegramSpider(route="feed").requests(asked)

    assert request.url == "https://t.me/s/hollow_choir"


@pytest.mark.parametrize("query", ["+AbCdEf", "joinchat/AbC", "../x", "a b", "ab", ""])
def test_invitation_is_no_public_channel(query: str) -> None:
    """Private links and nonsense are the brand file's mistake, said so, and never asked."""
    with pytest.raises(SourceBlind) as told:
        list(TelegramSpider().requests(watch(query, platform="telegram", site="", kind=WatchKind.ACCOUNT)))

    assert told.value.cause == Cause.OURS


@pytest.mark.parametrize(
    ("shown", "presence"),
    [
        ([120, 121, 122], Presence.UP),
        ([120, 122], Presence.GONE),
        ([118, 119, 120], Presence.UNCLEAR),  # newest: the page may simply be older
        ([122, 123], Presence.UNCLEAR),
        ([], Presence.UNCLEAR),
    ],
)
def test_message_is_gone_when_both_neighbours_are_shown(shown: list[int], presence: Presence) -> None:
    """Absence alone proves nothing; absence between two messages does."""
    body = "".join(f'<div class="tgme_widget_message" data-post="Hollow_Choir/{number}"></div>' for number in shown)
    answer = HtmlResponse("https://t.me/s/hollow_choir/121", body=body.encode(), encoding="utf-8")

    assert TelegramSpider.seen_gone(answer) is presence


def test_another_channels_messages_prove_nothing() -> None:
    """A forged page of another channel's numbers shows nothing of ours."""
    body = "".join(f'<div class="tgme_widget_message" data-post="other/{number}"></div>' for number in (120, 122))
    answer = HtmlResponse("https://t.me/s/hollow_choir/121", body=body.encode(), encoding="utf-8")

    assert TelegramSpider.seen_gone(answer) is Presence.UNCLEAR


@pytest.mark.parametrize(("days", "asks"), [(None, True), (1, True), (-1, False)])
def test_page_without_clips_ends_at_known_ground(days: int | None, *, asks: bool) -> None:
    """A channel that talks and shows nothing is not read to its beginning each hour."""
    asked = watch("hollow_choir", platform="telegram", site="", kind=WatchKind.ACCOUNT)
    page = (FROZEN / "channel_page1.html").read_bytes()
    posted_at = datetime(2026, 11, 20, 10, tzinfo=UTC)
    ground = posted_at - timedelta(days=days) if days is not None else None
    spider = TelegramSpider(runs={asked.id: WatchRun(watch=asked, ground_at=ground, started_at=posted_at)})
    answer = HtmlResponse("https://t.me/s/hollow_choir", body=page, encoding="utf-8")

    assert any(isinstance(one, Request) for one in spider.read(answer, asked)) == asks


def test_message_is_rechecked_by_its_widget() -> None:
    """It alone says that a message is gone; what is no message's address is left as it is."""
    assert TelegramSpider.recheck_url("https://t.me/hollow_choir/121") == "https://t.me/hollow_choir/121?embed=1"
    assert TelegramSpider.recheck_url("https://t.me/hollow_choir") == "https://t.me/hollow_choir"


@pytest.mark.parametrize("page", ["", "/s"])
def test_words_of_the_widget_count_in_the_widget_alone(page: str) -> None:
    """The same words elsewhere, or with something beside them, prove nothing."""
    error = '<div class="tgme_widget_message_error">Post not found{}</div>'
    told = [
        TelegramSpider.seen_gone(HtmlResponse(f"https://t.me{page}/hollow_choir/121{query}", body=body.encode()))
        for query, body in (("", error.format("")), ("?embed=1", error.format("<b>x</b> here")))
    ]

    assert told == [Presence.UNCLEAR, Presence.UNCLEAR]
