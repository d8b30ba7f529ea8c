"""What the tests of the app share: the demo's clips, drawn once a run."""

from pathlib import Path

import pytest

from app.demo.make import make


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with references/ and media/, as the demo makes them."""
    folder = tmp_path_factory.mktemp("demo") / "studio"
    make(folder, lambda _done, _total: None)
    return folder
