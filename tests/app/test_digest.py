"""The daily digest by mail: what it says, and how it leaves by a real mail server on loopback."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from PIL import Image

from app.digest import MOST_PICTURES, compose, message
from app.digest_sending import complaint, send
from app.home import Home, open_home
from core.errors import Busy, SettingsWrong
from matchers.examples import scene
from tests.app.digest_home import ENVIRONMENT, filled, sent, states, write_settings
from tests.app.hits_ledger import ADDRESSES, DAY, HOSTILE, LABEL, NOW, SUGGESTED, Desk, reference
from tests.gateway import Authority
from tests.pages import Read

ROOT = Path(__file__).parents[2]
TEAM = ("ada@studio.example", "ben@studio.example")


class Inbox:
    """What the mail server took, and how it behaves: ok, drop (the line breaks after the mail), hang, or busy."""

    def __init__(self) -> None:
        self.taken, self.users = list[tuple[str, bytes]](), list[str]()
        self.how, self.reached = "ok", threading.Event()

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if address.startswith("full@"):
            return "550 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.reached.set()
        if self.how == "busy":
            return "451 come back later"
        if self.how == "hang":
            await asyncio.sleep(60)
        self.taken.append((envelope.rcpt_tos[0], envelope.content))
        if self.how == "drop":
            server.transport.abort()
        return "250 OK"

    def sign_in(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        """aiosmtpd's authenticator."""
        self.users.append(f"{data.login.decode()}:{data.password.decode()}")
        return AuthResult(success=data.password == b"right")


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment holds."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the mail server's certificate."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def inbox(authority: Authority) -> Iterator[tuple[Inbox, int]]:
    """A mail server that wants STARTTLS and a login; with its port."""
    inbox = Inbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(
        inbox, hostname="127.0.0.1", port=port, tls_context=authority.context("localhost"), require_starttls=True,
        authenticator=inbox.sign_in, auth_required=True,
    )  # fmt: skip
    server.start()
    yield inbox, port
    server.stop()


def mail_lines(port: int, *recipients: str, **changes: str) -> list[str]:
    wanted = {"smtp_host": "localhost", "smtp_user": "robot", "sender": "clipwarden@studio.example", **changes}
    return [
        f"smtp_port = {port}",
        f"recipients = {json.dumps(list(recipients or TEAM))}",
        *(f'{name} = "{value}"' for name, value in wanted.items()),
    ]


@pytest.fixture
def home(tmp_path: Path, inbox: tuple[Inbox, int], authority: Authority) -> Iterator[Home]:
    """A home whose digest goes to that mail server."""
    write_settings(tmp_path / "home", *mail_lines(inbox[1]), network=f'ca_file = "{authority.file}"')
    with open_home(tmp_path / "home", new=True) as opened:
        filled(opened)
        yield opened


def mail_of(home: Home) -> EmailMessage:
    raw = message(compose(home, DAY, NOW), "clipwarden@studio.example", TEAM[0]).as_bytes()
    return message_from_bytes(raw, policy=default)


def part(mail: EmailMessage, kind: str) -> str:
    texts = (str(one.get_content()) for one in mail.walk() if one.get_content_type() == kind)
    return next(texts).replace("\r\n", "\n")


# -------------------------------------------------------------------- the mail
def test_mail_has_a_text_a_page_and_its_pictures(home: Home) -> None:
    """Each picture that the page shows travels with it, and nothing is loaded from anywhere."""
    mail = mail_of(home)
    kinds = [one.get_content_type() for one in mail.walk()]
    shown = {at["src"] for tag, at in Read(part(mail, "text/html")).tags if tag == "img"}
    carried = {f"cid:{one['Content-ID'].strip('<>')}" for one in mail.walk() if one["Content-ID"]}

    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    assert shown == carried == {"cid:plot@clipwarden"}


def test_mail_says_source_blind_before_anything_else(home: Home) -> None:
    """In the subject, and first in the text and on the page."""
    mail = mail_of(home)
    text, page = part(mail, "text/plain"), part(mail, "text/html")

    assert mail["Subject"] == "Hits of 2026-11-20: 1 copy, 1 suggested; 1 source blind"
    assert text.splitlines()[2] == "SOURCE BLIND peertube: source blind (a captcha stands before it)"
    assert page.index("SOURCE BLIND") < page.index("<h1>")


def test_text_reads_well_without_the_page(home: Home) -> None:
    """Score, title, reasons, caption and address of each hit, in lines a terminal shows."""
    text = part(mail_of(home), "text/plain")

    expected = (
        "95 % copy: Lanterns of Avelore: Moonlit Gown", "   mastodon, somebody, 1,234 views", '"look at this"',
        "   https://clips.example/1\n   F-", "- Frame 00:02.0 equals “gown.png”",
    )  # fmt: skip

    assert [words for words in expected if words not in text] == []
    assert max(len(line) for line in text.splitlines()) < 400


def test_pictures_travel_small_and_few(home: Home) -> None:
    """Both sides of the first hits as JPEG of at most 60 kB; of forty files thirty pictures with the plot."""
    desk = Desk(home.ledger)
    for seed in range(20):
        files = []
        for number in (2 * seed, 2 * seed + 1):
            still = BytesIO()
            Image.fromarray(scene(number, width_px=320, height_px=180)).save(still, "PNG")
            files.append(home.blobs.put(still.getvalue()))
        desk.posts += 50
        home.ledger.save_references([reference(f"r{seed}", sha256=files[0])])
        desk.post(equals=f"r{seed}", sha256=files[1], duration_s=None)
    mail = mail_of(home)
    pictures = [one for one in mail.walk() if one.get_content_maintype() == "image"]
    shown = [at["src"] for tag, at in Read(part(mail, "text/html")).tags if tag == "img"]

    assert len(pictures) == len(shown) == MOST_PICTURES
    assert max(len(one.get_content()) for one in pictures) <= 60_000


def test_headers_are_those_of_a_list(home: Home) -> None:
    """One id for one day and recipient, so that a second copy shows as the same mail."""
    first, second = mail_of(home), mail_of(home)

    assert first["Message-ID"] == second["Message-ID"]
    assert first["Message-ID"].startswith("<digest.2026-11-20.")
    assert first["List-Id"] == "clipwarden daily digest <digest.clipwarden.studio.example>"
    assert (first["Date"].datetime, first["Auto-Submitted"]) == (NOW, "auto-generated")


def test_hostile_captions_stay_words(home: Home) -> None:
    """No element, header, or address comes from a caption, an author or a URL."""
    desk = Desk(home.ledger)
    desk.posts = 100
    for text in (*HOSTILE, "x\r\nBcc: all@evil.example\r\n\r\n.\r\nMAIL FROM:<a@b>"):
        desk.post(text, equals="gown", author=text, url=text)
    for url in ADDRESSES:
        desk.post(SUGGESTED, label=LABEL, url=url)
    mail = mail_of(home)
    read, text = Read(part(mail, "text/html")), part(mail, "text/plain")

    assert {at["href"] for tag, at in read.tags if tag == "a"} == {"https://clips.example/1"}
    assert {tag for tag, _ in read.tags} & {"script", "svg", "iframe"} == set()
    assert [name for _, at in read.tags for name in at if name.startswith("on")] == []
    assert "<script>alert(1)</script>" in read.text
    assert mail["Bcc"] is None
    assert re.findall("[^\n -\uffff\U00010000-\U0010ffff]|[\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028]", text) == []


def test_settings_take_no_mailbox_that_could_end_a_header(tmp_path: Path) -> None:
    """A line break, a name or a list in an address is a mistake told at once."""
    for bad in ("a@b.example\\nBcc: x@y.example", "Ada <a@b.example>", "a@b.example, c@d.example", "a"):
        write_settings(tmp_path, f'recipients = ["{bad}"]')
        with pytest.raises(SettingsWrong, match="mailbox"), open_home(tmp_path, new=True):
            pass


# ------------------------------------------------------------------ mail leaves
def test_digest_goes_once_a_day_to_each(home: Home, inbox: tuple[Inbox, int]) -> None:
    """Over TLS, after a login, one mail each; a second run sends none, the next day's goes out."""
    first, second = sent(home), sent(home)
    send(home, compose(home, DAY + timedelta(days=1), NOW))

    assert (states(first), states(second)) == (["sent", "sent"], ["already", "already"])
    assert [to for to, _ in inbox[0].taken] == [*TEAM, *TEAM]
    assert set(inbox[0].users) == {"robot:right"}
    assert message_from_bytes(inbox[0].taken[0][1], policy=default)["To"] == TEAM[0]


def test_full_mailbox_does_not_keep_it_from_the_others(
    tmp_path: Path, inbox: tuple[Inbox, int], authority: Authority
) -> None:
    """The refusal is told, and tried again at the next run."""
    lines = mail_lines(inbox[1], "full@studio.example", *TEAM)
    write_settings(tmp_path / "f", *lines, network=f'ca_file = "{authority.file}"')
    with open_home(tmp_path / "f", new=True) as home:
        first, second = sent(home), sent(home)

    assert {one.recipient: one.state for one in first} == {
        "full@studio.example": "refused", TEAM[0]: "sent", TEAM[1]: "sent",
    }  # fmt: skip
    assert sorted(states(second)) == ["already", "already", "refused"]
    assert "550 mailbox full" in str(complaint(first))


def test_busy_server_is_asked_again_the_next_time(home: Home, inbox: tuple[Inbox, int]) -> None:
    """A server that says "later" has not taken it."""
    inbox[0].how = "busy"
    first = sent(home)
    inbox[0].how = "ok"

    assert (states(first), states(sent(home))) == (["refused", "refused"], ["sent", "sent"])


def test_line_that_breaks_after_the_mail_leaves_a_doubt(home: Home, inbox: tuple[Inbox, int]) -> None:
    """It may have arrived: told, not sent again by itself, and sent again when a person says so."""
    inbox[0].how = "drop"
    first = sent(home, only=TEAM[:1])
    inbox[0].how = "ok"
    second = sent(home, only=TEAM[:1])
    taken = len(inbox[0].taken)
    third = sent(home, only=TEAM[:1], again=True)

    assert (states(first), states(second), taken, states(third)) == (["unknown"], ["unknown"], 1, ["sent"])
    assert "--again" in str(complaint(second))


def test_killed_run_never_sends_twice_unsaid(home: Home, inbox: tuple[Inbox, int]) -> None:
    """kill -9 while the server takes the mail: the next run says unknown and sends nothing to that one."""
    inbox[0].how = "hang"
    words = [sys.executable, "-m", "app.cli", "--home", str(home.folder), "digest", "--day", str(DAY), "--to", TEAM[0]]
    process = subprocess.Popen(words, cwd=ROOT)
    assert inbox[0].reached.wait(30)
    with pytest.raises(Busy):
        sent(home)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    inbox[0].how = "ok"

    assert states(sent(home)) == ["unknown", "sent"]
    assert [to for to, _ in inbox[0].taken] == [TEAM[1]]


def test_nobody_else_can_be_sent_it(home: Home, inbox: tuple[Inbox, int]) -> None:
    """Only who stands in the settings."""
    with pytest.raises(SettingsWrong, match="only those there get it"):
        sent(home, only=["stranger@evil.example"])

    assert inbox[0].taken == []


@pytest.mark.parametrize(("change", "said"), [
    ({"smtp_host": ""}, "smtp_host"), ({"security": "none"}, "show the password"), ({"sender": ""}, "sender"),
])  # fmt: skip
def test_missing_settings_are_told_before_anything_leaves(
    tmp_path: Path, inbox: tuple[Inbox, int], change: dict[str, str], said: str
) -> None:
    """And a password is never given without TLS."""
    write_settings(tmp_path / "m", *mail_lines(inbox[1], **change))
    with open_home(tmp_path / "m", new=True) as home, pytest.raises(SettingsWrong, match=said):
        sent(home)


def test_server_with_a_strange_certificate_gets_nothing(tmp_path: Path, inbox: tuple[Inbox, int]) -> None:
    """Without the authority that signed it, neither password nor hit list leaves."""
    write_settings(tmp_path / "s", *mail_lines(inbox[1]))
    with open_home(tmp_path / "s", new=True) as home:
        outcomes = sent(home)

    assert (states(outcomes), inbox[0].users, inbox[0].taken) == (["refused", "refused"], [], [])
    assert "CERTIFICATE_VERIFY_FAILED" in str(complaint(outcomes))


# ------------------------------------------------------------------ the command
def test_command_writes_the_mail_and_sends_nothing(home: Home, inbox: tuple[Inbox, int], tmp_path: Path) -> None:
    """--out is a file that a mail program opens; nobody is noted as having got it."""
    words = [sys.executable, "-m", "app.cli", "--home", str(home.folder), "digest", "--day", str(DAY)]
    place = tmp_path / "mail.eml"
    subprocess.run([*words, "--out", str(place)], cwd=ROOT, check=True, capture_output=True)
    shown = subprocess.run([*words, "--dry-run"], cwd=ROOT, check=True, capture_output=True, text=True).stdout

    assert message_from_bytes(place.read_bytes(), policy=default)["Subject"].startswith("Hits of 2026-11-20")
    assert f"would send to {TEAM[1]}" in shown
    assert (inbox[0].taken, home.ledger.count("digests")) == ([], 0)
