"""Where Chromium is: the one on the PATH, else the one playwright has installed."""

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """The path of a Chromium that can be started, or None."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    built = sorted(cache.glob("chromium-*/chrome-*/chrome")) if cache.is_dir() else []
    return str(built[-1]) if built else None
