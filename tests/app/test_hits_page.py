"""The page of the day: parsed as a browser would, with pictures of real files."""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from app.hits_page import render
from app.hits_pictures import MOST_HITS, gather_pictures
from app.home import Home, open_home
from matchers.examples import scene
from review.words import address
from tests.app.hits_ledger import ADDRESSES, HOSTILE, LABEL, SUGGESTED, Desk, reference
from tests.matchers import media


class Seen(HTMLParser):
    """Every tag with its attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] or "" for _, attributes in self.tags if attribute in attributes]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home of one's own."""
    with open_home(tmp_path, new=True) as home:
        yield home


@pytest.fixture
def desk(home: Home) -> Desk:
    """A desk whose sources were seen."""
    desk = Desk(home.ledger)
    desk.crawl("mastodon")
    desk.crawl("peertube")
    return desk


def page(desk: Desk) -> str:
    return render(desk.list(), lambda _: None)


@pytest.fixture
def hostile(desk: Desk) -> Seen:
    """A page full of what strangers try."""
    for text in HOSTILE:
        desk.post(text, equals="gown", author=text, url=text)
    for url in ADDRESSES:
        desk.post(SUGGESTED, label=LABEL, url=url)
    return Seen(page(desk))


def test_page_has_no_script(hostile: Seen) -> None:
    """No element that runs or loads anything, and no attribute that does."""
    tags = {tag for tag, _ in hostile.tags}
    attributes = {name for _, attributes in hostile.tags for name in attributes}

    assert (
        tags & {"script", "iframe", "object", "embed", "form", "base"},
        [a for a in attributes if a[:2] == "on"],
    ) == (
        set(),
        [],
    )


def test_page_loads_nothing(hostile: Seen) -> None:
    """No picture but those it carries, and no inline style."""
    assert ([src for src in hostile.values("src") if not src.startswith("data:")], hostile.values("style")) == ([], [])


def test_page_links_to_nothing_hostile(hostile: Seen) -> None:
    """None of these addresses can be followed; each is shown as text."""
    assert (hostile.values("href"), hostile.text.count("not a web address")) == ([], len(HOSTILE) + len(ADDRESSES))


def test_page_shows_captions_as_they_are(hostile: Seen) -> None:
    """Markup and template code are letters; what turns the line is gone."""
    gone = re.findall("[\x00\x1b\u202a-\u202e\u2066-\u2069]", hostile.text)

    assert (HOSTILE[0] in hostile.text, "{{7*7}}" in hostile.text, gone) == (True, True, [])


def test_link_says_nothing_about_us(desk: Desk) -> None:
    """A post's link is followed without a referrer."""
    desk.post(equals="gown")
    links = [attributes for tag, attributes in Seen(page(desk)).tags if tag == "a"]

    assert [(link["href"], link["rel"]) for link in links] == [
        ("https://clips.example/1", "noreferrer noopener nofollow")
    ]


@pytest.mark.parametrize("url", ["https://tube.example/w/1?a=b&c=d#e", "http://127.0.0.1:4000/@a/1"])
def test_web_address_is_followed(url: str) -> None:
    """What posts really have is a link."""
    assert address(url) == url


def test_policy_allows_our_style_only(desk: Desk) -> None:
    """The hash in the policy is that of the style as a browser reads it."""
    html = page(desk)
    style = html.split("<style>")[1].split("</style>")[0]
    expected = b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"default-src 'none'; img-src data:; style-src 'sha256-{expected}'" in html


def test_long_caption_is_cut(desk: Desk) -> None:
    """A caption of a megabyte costs the page less than a kilobyte."""
    desk.post(equals="gown")
    short = len(page(desk))
    desk.post("<" * 1_000_000, equals="gown")

    assert len(page(desk)) < short + 8_000


def test_pictures_are_the_frames_of_the_files(home: Home, desk: Desk, tmp_path: Path) -> None:
    """A still and a clip of the blob store become two JPEGs of at most 60 kB, each made once."""
    still = BytesIO()
    Image.fromarray(scene(3, width_px=320, height_px=180)).save(still, "PNG")
    desk.ledger.save_references([reference("real", sha256=home.blobs.put(still.getvalue()))])
    clip = home.blobs.copy(media.video(tmp_path / "a.mp4", media.moving(20)))
    for _ in range(2):
        desk.post(equals="real", sha256=clip)
    daily = desk.list()
    pictures = gather_pictures(home, daily)
    shown = [b64decode(src.split(",")[1]) for src in Seen(render(daily, pictures.get)).values("src")]
    sizes = {Image.open(BytesIO(jpeg)).size for jpeg in shown}

    assert (len(pictures), len(shown), sizes, max(map(len, shown)) <= 60_000) == (
        2,
        4,
        {(320, 180), (160, 90)},
        True,
    )


def test_unreadable_file_leaves_a_placeholder(home: Home, desk: Desk) -> None:
    """A damaged file and a missing one are said to have no picture; the page is made all the same."""
    desk.post(equals="gown", sha256=home.blobs.put(b"no video"))
    daily = desk.list()
    html = render(daily, gather_pictures(home, daily).get)

    assert html.count("the file is missing or does not decode") == 2


def test_long_list_is_still_a_page(desk: Desk) -> None:
    """2,000 hits: pictures for the first 300, rows for the rest, and every finding is there."""
    with desk.ledger.write():
        for _ in range(2_000):
            desk.post(equals="gown")
    jpeg = bytes(60_000)
    html = render(desk.list(), lambda _: jpeg)
    ids = set(re.findall("F-[0-9a-f]{10}", html))

    assert (len(ids), html.count('<article class="card"'), len(html) < 40_000_000) == (2_000, MOST_HITS, True)
