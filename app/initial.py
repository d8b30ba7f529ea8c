"""What `clipwarden init` writes. Never overwrites a file."""

from collections.abc import Iterator
from pathlib import Path

from app.home import DEFAULT
from app.settings import FILE_NAME, TEMPLATE

EXAMPLE = Path(__file__).resolve().parent.parent / "data" / "brands" / "example.yml"


def write_initial(home: Path) -> Iterator[tuple[Path, bool]]:
    """Write the settings and the example brand; yield each path and whether it was written."""
    # Beside you for the default home, since there one works; inside a home that was named.
    settings = Path(FILE_NAME) if home == DEFAULT else home / FILE_NAME
    for path, text in ((settings, TEMPLATE), (home / "brands" / EXAMPLE.name, EXAMPLE.read_text(encoding="utf-8"))):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
            yield path, True
        except FileExistsError:
            yield path, False
