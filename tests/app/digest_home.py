"""A home with a day of hits, and what the digest's tests do with it."""

from pathlib import Path
from typing import Any

from app.digest import compose
from app.digest_sending import Outcome, send
from app.home import Home
from core.records import Coverage
from tests.app.hits_ledger import DAY, LABEL, NOW, SUGGESTED, Desk

SECRET = "a secret of thirty-two characters"  # noqa: S105 - of these tests alone
ENVIRONMENT = {
    "CLIPWARDEN_SMTP_PASSWORD": "right",
    "CLIPWARDEN_WEBHOOK_SECRET": SECRET,
    "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
}


def write_settings(folder: Path, *lines: str, top: str = "", network: str = "") -> None:
    """A home's settings: lines of [digest], of [network], and above both."""
    text = "\n".join([top, "[network]", network, "[digest]", *lines])
    folder.mkdir(exist_ok=True)
    (folder / "clipwarden.toml").write_text(text)


def filled(home: Home) -> Desk:
    """A day with a copy, a suggestion, and a blind source."""
    desk = Desk(home.ledger)
    desk.crawl("mastodon")
    desk.crawl("peertube", Coverage.BLIND, "a captcha stands before it")
    desk.post("look at this", equals="gown")
    desk.post(SUGGESTED, label=LABEL)
    return desk


def sent(home: Home, **how: Any) -> list[Outcome]:
    """Make the day's digest and send it, without a pause."""
    return send(home, compose(home, DAY, NOW), sleep=lambda _: None, **how)


def states(outcomes: list[Outcome]) -> list[str]:
    """What became of each."""
    return [one.state for one in outcomes]
