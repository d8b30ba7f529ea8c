"""Settings: one file, every mistake at once."""

from pathlib import Path

import pytest

from app.settings import FILE_NAME, TEMPLATE, Settings, load
from core.errors import SettingsWrong


def test_template_says_the_defaults(tmp_path: Path) -> None:
    """What init writes is what holds without it, but for the mailbox it asks for."""
    uncommented = "\n".join(line.removeprefix("# ") if " = " in line else line for line in TEMPLATE.splitlines())
    (tmp_path / FILE_NAME).write_text(uncommented, encoding="utf-8")
    loaded = load(tmp_path)

    assert loaded.model_copy(update={"crawl": Settings().crawl}) == Settings()


def test_mistakes_are_told_together(tmp_path: Path) -> None:
    """A mistyped name and a wrong value are two lines."""
    (tmp_path / FILE_NAME).write_text("[crawl]\npagez = 3\ndelay_s = -1\n", encoding="utf-8")
    with pytest.raises(SettingsWrong) as error:
        load(tmp_path)

    assert [line.split(": ")[1] for line in str(error.value).splitlines()] == ["crawl.delay_s", "crawl.pagez"]


def test_home_file_stands_before_the_one_beside_you(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home that has its own settings uses them wherever it is called from."""
    (tmp_path / FILE_NAME).write_text("[crawl]\npages = 7\n", encoding="utf-8")
    home = tmp_path / "home"
    home.mkdir()
    (home / FILE_NAME).write_text("[crawl]\npages = 9\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert (load(home).crawl.pages, load(tmp_path / "none").crawl.pages) == (9, 7)
