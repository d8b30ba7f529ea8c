"""`scrapy newplatform NAME` writes a platform that is found, runs, and asks for its first frozen answer."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what a platform touches."""
    for name in ("core", "crawler", "store"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "scrapy.cfg", tmp_path)
    return tmp_path


def scrapy(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run scrapy in the copy."""
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    command = [sys.executable, "-m", "scrapy", *words]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def test_new_platform_is_found_without_editing_a_list(checkout: Path) -> None:
    """Two files are written, none is edited, and the loader knows the spider."""
    before = {path: path.read_bytes() for path in checkout.rglob("*.py")}
    made = scrapy(checkout, "newplatform", "coub")
    listed = scrapy(checkout, "list").stdout.split()
    edited = [path for path, text in before.items() if path.read_bytes() != text]

    assert made.returncode == 0
    assert ("coub" in listed, edited) == (True, [])
    assert (checkout / "tests" / "fixtures" / "platforms" / "coub" / "README.txt").is_file()


@pytest.mark.parametrize("name", ["Vimeo", "../evil", "", "mastodon"])
def test_wrong_name_writes_nothing(checkout: Path, name: str) -> None:
    """A name that is no module's, or is taken, is refused in words."""
    done = scrapy(checkout, "newplatform", name)

    assert done.returncode != 0
    assert not (checkout / "tests").exists()
