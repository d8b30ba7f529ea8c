"""Every template writes its letters as a person has read them.

A fixture is the fields of a letter (REGIME/NAME.yml). The first run writes the letter to
NAME.md.unread and fails; a person reads it, drops the ".unread", and from then on any other letter fails.
"""

from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from notices.draft import missing, render, templates
from notices.fields import NoticeFields

GOLDEN = Path(__file__).parent / "fixtures" / "notices"
LETTERS = sorted(GOLDEN.glob("*/*.yml"))
NOTICES = TypeAdapter(NoticeFields)


def fields_of(path: Path) -> NoticeFields:
    """The fields of a fixture."""
    return NOTICES.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", LETTERS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_letter_is_the_one_a_person_read(path: Path) -> None:
    """A changed word of law is read before it is sent."""
    letter = render(templates()[path.parent.name], fields_of(path))
    golden = path.with_suffix(".md")
    unread = path.with_suffix(".md.unread")
    if not golden.exists() or golden.read_text(encoding="utf-8") != letter:
        unread.write_text(letter, encoding="utf-8")
        pytest.fail(f"nobody has read {unread}; read it, then rename it to {golden.name}")
    unread.unlink(missing_ok=True)

    assert golden.read_text(encoding="utf-8") == letter


@pytest.mark.parametrize("regime", sorted(templates()))
def test_template_has_a_letter_somebody_read(regime: str) -> None:
    """A template without a fixture is a letter nobody has seen."""
    assert [path for path in LETTERS if path.parent.name == regime]


@pytest.mark.parametrize("path", LETTERS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_fixture_lacks_nothing(path: Path) -> None:
    """Fixtures are whole letters."""
    assert missing(templates()[path.parent.name], fields_of(path)) == []
