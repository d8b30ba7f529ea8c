"""Text in pictures drawn here, read by the real models of the extra."""

import socket
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from core.errors import ShapeError
from core.naming import text_reasons
from matchers.ocr import MOST_LINES, MOST_PICTURES, _engine, available, read_text
from tests.builders import brand

pytestmark = pytest.mark.skipif(not available(), reason="the extra `ocr` is not installed")


def picture(*lines: str, width: int = 480, height: int = 270, size: int = 32) -> NDArray[np.uint8]:
    """Lettering on a plain ground, a line every two sizes from the top."""
    image = Image.new("RGB", (width, height), (40, 60, 90))
    draw = ImageDraw.Draw(image)
    for nth, line in enumerate(lines):
        draw.text((30, 20 + nth * 2 * size), line, font=ImageFont.load_default(size), fill=(255, 255, 255))
    return np.asarray(image)


def test_lettering_is_read_with_where_it_stands() -> None:
    """Each line comes with its picture, and its box holds it."""
    lines = read_text([picture("nothing here", height=100), picture("LANTERNS", "of Avelore")])

    assert [(line.text, line.picture) for line in lines] == [("nothing here", 0), ("LANTERNS", 1), ("of Avelore", 1)]
    left, top, right, bottom = lines[1].box
    assert left <= 35 <= right and top <= 35 <= bottom <= 90  # noqa: PT018 -- one claim: the box is where it was drawn


def test_large_picture_keeps_its_own_pixels() -> None:
    """A picture is reduced to be read, and its boxes are told in its own size."""
    (line,) = read_text([picture("LANTERNS", width=1920, height=1080, size=120)])

    assert line.text == "LANTERNS"
    assert line.box[2] > 500


def test_what_is_read_names_a_franchise() -> None:
    """On-screen text suggests as a caption does, and the reason says where it stood."""
    text = "\n".join(line.text for line in read_text([picture("Lanterns of Avelore 2")]))
    reasons, _ = text_reasons(text, (), brand().franchises[0], source="on-screen text")

    assert reasons[0].sentence == "The on-screen text names “Lanterns of Avelore”"


@pytest.mark.parametrize("shape", [(8, 300, 3), (20, 2000, 3), (0, 5, 3), (64, 64, 3)])
def test_picture_that_can_hold_no_text_has_none(shape: tuple[int, int, int]) -> None:
    """Slivers, nothing and plain black end in no lines."""
    assert read_text([np.zeros(shape, np.uint8)]) == []


def test_only_a_few_pictures_and_lines_are_read() -> None:
    """A clip of frames full of lettering costs what a few do."""
    crowded = picture(*["lorem ipsum dolor"] * 40, width=320, height=1000, size=12)
    lines = read_text([crowded, *[np.zeros((8, 8, 3), np.uint8)] * MOST_PICTURES, picture("beyond")])

    assert 0 < len(lines) <= MOST_LINES
    assert {line.picture for line in lines} == {0}


@pytest.mark.parametrize("wrong", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.float32)])
def test_what_is_no_rgb_picture_is_refused(wrong: NDArray[np.uint8]) -> None:
    """Grey or float pixels are a slip of the caller's."""
    with pytest.raises(ShapeError, match="RGB"):
        read_text([wrong])


def test_reading_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The models come with the wheel: a fresh engine that finds no network reads all the same."""

    def refuse(*_: object) -> None:
        raise AssertionError("ocr reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    _engine.cache_clear()

    assert read_text([picture("OFFLINE")])[0].text == "OFFLINE"


def test_missing_extra_is_told_in_one_sentence() -> None:
    """Without rapidocr the message names the extra."""
    code = (
        "import sys; sys.modules['rapidocr'] = None\n"
        "import numpy as np, matchers.ocr as ocr\n"
        "try: ocr.read_text([np.zeros((9, 9, 3), np.uint8)])\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert "SettingsWrong ocr: rapidocr is not installed" in shown
