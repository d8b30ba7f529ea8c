"""Fields of a notice + a template -> the letter, or every field that is missing, at once.

The folder of templates is the registry. A letter made here is a draft: a person reads, approves and
signs it, and nothing in clipwarden sends one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import yaml
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import NoticeIncomplete, SettingsWrong
from notices.fields import Item, NoticeFields, Work
from notices.values import CLOSE, OPEN, Safe, address, exact, line, link, prose

FOLDER = Path(__file__).with_name("templates")
THEIRS = frozenset({"handle", "url", "reasons", "ai_evidence"})  # written by others: an uploader may be called TODO
WEB = frozenset({"url", "original_urls"})
PLACEHOLDER = re.compile(
    r"\{\{|\}\}|\{%|%\}|###|\b(?:TODO|TBD|FIXME)\b|(?i:lorem ipsum|\byour-company\b|^(?:none|null|undefined|n/a)$)"
    r"|^[\W_]+$"
)
UNRESOLVED = re.compile(r"\{\{|\}\}|\{%|%\}|[^#\n]###|^#{3,}(?!#* \S)|\bTODO\b|\bNone\b|\bundefined\b", re.MULTILINE)


class Ask(BaseModel):
    """What a missing field is called, and how to fill it; {finding} stands for the finding's id."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    fill: str


class _Front(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    regime: str
    law: str
    source: str
    fields: dict[str, Ask]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A letter with holes, and the fields that may not be empty."""

    name: str
    regime: str
    law: str
    source: str
    fields: Mapping[str, Ask]
    body: str


def templates(folder: Path = FOLDER) -> dict[str, Template]:
    """Every template by its file's name, which is its regime, or regime.platform.

    raises  SettingsWrong when a front matter cannot be used
    """
    return {path.stem: _template(path) for path in sorted(folder.glob("*.md"))}


def _template(path: Path) -> Template:
    _, front, body = ["", *path.read_text(encoding="utf-8").removeprefix("---\n").split("\n---\n", 1), ""][:3]
    try:
        known = _Front.model_validate(yaml.safe_load(front))
    except (ValidationError, yaml.YAMLError) as error:
        raise SettingsWrong(f"{path}: front matter: {error}") from None
    if known.regime != path.stem.split(".")[0]:
        raise SettingsWrong(f"{path}: regime: {known.regime}; should be as the file is called")
    return Template(name=path.stem, body=body, **dict(known))


# ------------------------------------------------------------------- missing
def missing(template: Template, fields: NoticeFields) -> list[str]:
    """A line for each field that is absent, blank or a placeholder, with how to fill it."""
    found = dict[str, None]()
    for path, where, value in _walk(fields):
        # What may be left out is None or an empty list; a blank text is a field somebody meant to fill.
        if (_blank(value) and (isinstance(value, str) or path in template.fields)) or _unusable(path, value):
            found[_told(template.fields.get(path), path, where)] = None
    return list(found)


def _walk(value: object, path: str = "", where: object = None) -> Iterator[tuple[str, object, object]]:
    """Every value inside, with its path and the work or item it belongs to; a list, then what is in it."""
    if path:
        yield path, where, value
    if isinstance(value, tuple):
        for part in value:
            yield from _walk(part, path, where)
    elif is_dataclass(value):
        where = value if isinstance(value, Work | Item) else where
        for one in fields(value):
            yield from _walk(getattr(value, one.name), f"{path}.{one.name}".lstrip("."), where)


def _blank(value: object) -> bool:
    if isinstance(value, str):
        return not line(value)
    return value is None or value == ()


def _unusable(path: str, value: object) -> bool:
    """Whether a value is there, but only in place of one."""
    if not isinstance(value, str) or _blank(value):
        return False
    name = path.rpartition(".")[2]
    return (name in WEB and address(value) is None) or (name not in THEIRS and bool(PLACEHOLDER.search(line(value))))


def _told(ask: Ask | None, path: str, where: object) -> str:
    subject = where.finding if isinstance(where, Item) else where.title if isinstance(where, Work) else ""
    ask = ask or Ask(name=path, fill="it is blank, a placeholder, or no web address")
    label = f"{line(subject)}: " if subject else ""
    return f"{label}{ask.name} ({ask.fill.replace('{finding}', line(subject))})"


# -------------------------------------------------------------------- render
def render(template: Template, fields: NoticeFields) -> str:
    """The letter, in Markdown.

    raises  NoticeIncomplete naming every missing field, or what the template left unresolved
    """
    if lacking := missing(template, fields):
        raise NoticeIncomplete("\n".join([f"{fields.notice} lacks:", *(f"  - {told}" for told in lacking)]))
    names = {name: getattr(fields, name) for name in NoticeFields.__slots__}
    try:
        text = _environment().from_string(template.body).render(names)
    except TemplateError as error:
        raise NoticeIncomplete(f"{template.name}.md: {error}; correct the template") from None
    # What people are called or say may look like a placeholder; what the template itself says may not.
    if left := UNRESOLVED.search(re.sub(f"{OPEN}.*?{CLOSE}", "value", text)):
        raise NoticeIncomplete(f"{template.name}.md: {left[0].strip()!r} is left in the letter; correct the template")
    return text.replace(OPEN, "").replace(CLOSE, "")


def _environment() -> ImmutableSandboxedEnvironment:
    # Not autoescape, which knows HTML only: finalize sees every value there is, on its way to the page.
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=_finalize, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"exact": exact, "link": link}
    return environment


def _finalize(value: object) -> str:
    if value is None:
        raise TemplateError("a value is None: ask `if` before writing it")
    return f"{OPEN}{value if isinstance(value, Safe) else prose(value)}{CLOSE}"
