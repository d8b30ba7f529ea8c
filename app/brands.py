"""A brand's YAML file -> Brand, or every mistake in it by line and field, all at once.

Never guesses what was meant: an unknown field, platform or class is a mistake.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from core.errors import SettingsWrong
from core.queries import queries
from core.records import Account, AuthorClass, Brand, Element, Franchise, Watch, WatchKind
from core.words import slug, tag
from schedules.yaml_lines import Loc, line, twice

UNITS_S = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


def _duration(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d*[mhdw]", text):
        raise ValueError("should be a whole number and a unit, such as 30m, 6h, 2d or 1w")
    return text


def _site(text: str) -> str:
    if urlsplit(text).scheme not in {"http", "https"} or not urlsplit(text).netloc:
        raise ValueError("should be an address that begins with https://")
    return text


def _filled(text: str) -> str:
    if not slug(text):
        raise ValueError("should hold at least one letter or digit")
    return text


Name = Annotated[str, AfterValidator(_filled)]
Site = Annotated[str, AfterValidator(_site)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Element(_Part):
    name: Name
    nature: Literal["character", "creature", "costume", "set", "prop", "music", "other"]
    descriptions: list[Name] = []
    thresholds: dict[str, int] = {}


class _Franchise(_Part):
    title: Name
    owner: Name
    aliases: dict[str, list[Name]] = {}
    hashtags: list[Name] = []
    registrations: list[Name] = []
    original_urls: list[Site] = []
    elements: list[_Element] = []


class _Account(_Part):
    platform: str
    handle: Name
    # A class, not a Python word: `class` in the file.
    author_class: Literal["own", "licensed", "press", "respondent-official"] = Field(alias="class")
    expires: date | None = None


class _Expect(_Part):
    least: int | None = Field(default=None, ge=0)
    most: int | None = Field(default=None, ge=0)


class _Watch(_Part):
    platform: str
    sites: list[Site] = []
    hashtags: Literal["franchises"] | list[Name] = []
    # Groups of questions made from the franchises' own words: core.queries; `most` cuts the least wanted.
    search: list[Literal["titles", "tags", "generated", "spellings", "descriptions", "vendors"]] = []
    most: int = Field(default=40, ge=1, le=1000)
    keywords: list[Name] = []
    accounts: list[Name] = []
    urls: list[Site] = []
    every: Annotated[str, AfterValidator(_duration)] = "6h"
    expect: _Expect = _Expect()
    priority: int = 0


class _File(_Part):
    brand: Name
    generator_tags: list[Name] = []
    franchises: list[_Franchise] = Field(min_length=1)
    accounts: list[_Account] = []
    watches: list[_Watch] = []


def load(path: Path, platforms: Mapping[str, frozenset[WatchKind]]) -> Brand:
    """Read one brand file.

    platforms   the platforms there are, with the watch kinds each can ask for
    raises      SettingsWrong, a line for each mistake: file:line: field: what is wrong
    """
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f":{mark.line + 1}" if mark else ""
        raise SettingsWrong(f"{path}{at}: not YAML: {getattr(error, 'problem', None) or error}") from None
    mistakes: list[tuple[Loc, str]] = list(twice(root))
    file = None
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        mistakes += [(item["loc"], _in_words(item["msg"])) for item in error.errors()]
    mistakes += _unknown_platforms(data, platforms)
    if mistakes or file is None:
        lines = sorted({(line(root, loc), ".".join(map(str, loc)), message) for loc, message in mistakes})
        raise SettingsWrong("\n".join(f"{path}:{at}: {loc or 'file'}: {message}" for at, loc, message in lines))
    return _brand(file, platforms, _learned(path.with_name(f"{slug(file.brand)}.learned")))


def load_all(folder: Path, platforms: Mapping[str, frozenset[WatchKind]]) -> list[Brand]:
    """Every brand file of a folder; the mistakes of all of them at once."""
    brands, mistakes = [], []
    for path in sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")]):
        try:
            brands.append(load(path, platforms))
        except SettingsWrong as error:
            mistakes.append(str(error))
    if mistakes:
        raise SettingsWrong("\n".join(mistakes))
    return brands


def _in_words(message: str) -> str:
    return message.removeprefix("Value error, ")


def _unknown_platforms(data: object, platforms: Mapping[str, frozenset[WatchKind]]) -> Iterator[tuple[Loc, str]]:
    watches = data.get("watches") if isinstance(data, dict) else None
    for index, watch in enumerate(watches if isinstance(watches, list) else []):
        if not isinstance(watch, dict) or not isinstance(name := watch.get("platform"), str):
            continue
        if name not in platforms:
            yield ("watches", index, "platform"), f"no platform {name!r}; there are: {', '.join(sorted(platforms))}"
            continue
        asked = {WatchKind(key[:-1]) for key in ("hashtags", "keywords", "accounts", "urls") if watch.get(key)}
        for kind in sorted(asked - platforms[name]):
            can = ", ".join(sorted(platforms[name]))
            yield ("watches", index, f"{kind}s"), f"{name} cannot watch a {kind}; it can: {can}"


def _learned(path: Path) -> tuple[str, ...]:
    """Tags a person accepted from `clipwarden tags`: the first word of each line."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return tuple(name for line in lines if (name := tag(line.split("\t")[0])))


def _brand(file: _File, platforms: Mapping[str, frozenset[WatchKind]], learned: tuple[str, ...]) -> Brand:
    brand = slug(file.brand)
    words = Brand(
        id=brand,
        name=file.brand,
        generator_tags=tuple(dict.fromkeys(tag(name) for name in file.generator_tags)),
        franchises=tuple(_franchise(brand, item) for item in file.franchises),
        accounts=tuple(_account(brand, item) for item in file.accounts),
        watches=(),
    )
    watches: dict[str, Watch] = {}
    for item in file.watches:
        for watch in _watches(words, item, platforms[item.platform], learned):
            watches.setdefault(watch.id, watch)  # what is asked by name comes before what is made
    return replace(words, watches=tuple(watches.values()))


def _franchise(brand: str, item: _Franchise) -> Franchise:
    own = f"{brand}/{slug(item.title)}"
    return Franchise(
        id=own,
        brand=brand,
        title=item.title,
        owner=item.owner,
        aliases={language: tuple(names) for language, names in item.aliases.items()},
        hashtags=tuple(name.lstrip("#") for name in item.hashtags),
        registrations=tuple(item.registrations),
        original_urls=tuple(item.original_urls),
        elements=tuple(
            Element(
                id=f"{own}/{slug(part.name)}",
                franchise=own,
                name=part.name,
                nature=part.nature,
                descriptions=tuple(part.descriptions),
                thresholds=part.thresholds,
            )
            for part in item.elements
        ),
    )


def _account(brand: str, item: _Account) -> Account:
    until = datetime(item.expires.year, item.expires.month, item.expires.day, tzinfo=UTC) if item.expires else None
    return Account(
        brand=brand,
        platform=item.platform,
        handle=item.handle.lstrip("@"),
        author_class=AuthorClass(item.author_class),
        expires_at=until,
    )


def _watches(brand: Brand, item: _Watch, kinds: frozenset[WatchKind], learned: tuple[str, ...]) -> Iterator[Watch]:
    tags = dict.fromkeys(name for franchise in brand.franchises for name in franchise.hashtags)
    wanted = [*tags, *learned] if item.hashtags == "franchises" else item.hashtags
    asked = [
        *((WatchKind.HASHTAG, query.lstrip("#")) for query in wanted),
        *((WatchKind.KEYWORD, query) for query in item.keywords),
        *((WatchKind.ACCOUNT, query.lstrip("@")) for query in item.accounts),
    ]
    made = [(one.kind, one.text) for one in queries(brand, item.search, platform=item.platform)]
    made[:0] = [(WatchKind.HASHTAG, name) for name in learned if "tags" in item.search]
    asked += [one for one in made if one[0] in kinds][: item.most]
    placed = [(site.rstrip("/"), kind, query) for site in item.sites or [""] for kind, query in asked]
    placed += [("", WatchKind.URL, url) for url in item.urls]
    for site, kind, query in placed:
        where = f"@{urlsplit(site).netloc}" if site else ""
        yield Watch(
            id=f"{brand.id}:{item.platform}{where}:{kind}:{query}",
            brand=brand.id,
            platform=item.platform,
            site=site,
            kind=kind,
            query=query,
            every_s=int(item.every[:-1]) * UNITS_S[item.every[-1]],
            expect_least=item.expect.least,
            expect_most=item.expect.most,
            priority=item.priority,
        )
