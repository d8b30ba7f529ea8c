"""Brand files: every mistake by line and field, all at once."""

from pathlib import Path

import pytest

from app.brands import load, load_all
from core.errors import SettingsWrong
from core.records import AuthorClass, WatchKind

PLATFORMS = {"mastodon": frozenset({WatchKind.HASHTAG, WatchKind.ACCOUNT}), "peertube": frozenset(WatchKind)}
EXAMPLE = Path(__file__).parents[2] / "data" / "brands" / "example.yml"
SOUND = "brand: B\nfranchises:\n  - {title: T, owner: O, hashtags: [One, '#Two']}\n"


def written(folder: Path, text: str) -> Path:
    """A brand file with this text."""
    path = folder / "brand.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_example_holds_the_letters_franchises() -> None:
    """The example names the four titles, their elements, and the respondent's own account."""
    brand = load(EXAMPLE, PLATFORMS)
    elements = {element.name for franchise in brand.franchises for element in franchise.elements}

    assert [franchise.title for franchise in brand.franchises] == [
        "Bridgerton",
        "Stranger Things",
        "Squid Game",
        "KPop Demon Hunters",
    ]
    assert {
        "Lady in Silver",
        "Demogorgon",
        "Mind Flayer",
        "Young-hee doll",
        "Red Light, Green Light",
        "Rumi",
    } <= elements
    assert ("BytePlusGlobal", AuthorClass.RESPONDENT_OFFICIAL) in {(a.handle, a.author_class) for a in brand.accounts}
    assert "seedance" in brand.generator_tags


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SOUND + "brand: C\n", ":1: brand: stands twice"),
        (SOUND + "colour: red\n", ":4: colour: Extra inputs"),
        (SOUND.replace("owner: O, ", ""), ":3: franchises.0.owner: Field required"),
        (
            SOUND + "watches:\n  - {platform: mastadon, sites: [x]}\n",
            "no platform 'mastadon'; there are: mastodon, peertube",
        ),
        (
            SOUND + "watches:\n  - platform: mastodon\n    keywords: [a]\n",
            ":6: watches.0.keywords: mastodon cannot watch",
        ),
        (
            SOUND + "watches:\n  - platform: mastodon\n    every: 6\n",
            ":6: watches.0.every: Input should be a valid string",
        ),
        (SOUND + "watches:\n  - platform: mastodon\n    every: 6 h\n", "such as 30m, 6h, 2d or 1w"),
        (
            SOUND + "accounts:\n  - {platform: x, handle: h, class: friend}\n",
            ":5: accounts.0.class: Input should be 'own'",
        ),
        ("brand: [\n", ":2: not YAML"),
        ("", "Input should be"),
        ("brand: B\nfranchises:\n  - {title: '!!', owner: O}\n", "at least one letter or digit"),
        (SOUND + "generator_tags:\n  - #seedance\n", ":5: generator_tags.0: Input should be a valid string"),
    ],
)
def test_mistake_is_told_by_line_and_field(tmp_path: Path, text: str, told: str) -> None:
    """What is wrong, and where; nothing is guessed."""
    with pytest.raises(SettingsWrong) as error:
        load(written(tmp_path, text), PLATFORMS)

    assert told in str(error.value)


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    """Three mistakes in two files are three lines, not three attempts."""
    written(tmp_path, SOUND + "colour: red\ntaste: sweet\n")
    (tmp_path / "other.yml").write_text("brand: 1\nfranchises: [{title: T, owner: O}]\n", encoding="utf-8")
    with pytest.raises(SettingsWrong) as error:
        load_all(tmp_path, PLATFORMS)

    assert len(str(error.value).splitlines()) == 3


def test_franchise_hashtags_become_watches_on_every_site(tmp_path: Path) -> None:
    """`hashtags: franchises` is each tag of each title, on each site, with an id that says so."""
    sites = "['https://a.example/', 'https://b.example']"
    text = f"{SOUND}watches:\n  - {{platform: mastodon, sites: {sites}, hashtags: franchises}}\n"
    brand = load(written(tmp_path, text), PLATFORMS)

    assert [watch.id for watch in brand.watches] == [
        "b:mastodon@a.example:hashtag:One",
        "b:mastodon@a.example:hashtag:Two",
        "b:mastodon@b.example:hashtag:One",
        "b:mastodon@b.example:hashtag:Two",
    ]
