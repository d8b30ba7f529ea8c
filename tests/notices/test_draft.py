"""What is missing is named, all of it; what strangers wrote changes no letter's form."""

import unicodedata
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from core.errors import NoticeIncomplete, SettingsWrong
from notices.draft import Template, _walk, missing, render, templates
from notices.fields import NoticeFields
from tests.test_notices import GOLDEN, fields_of

DMCA = templates()["us_dmca_512c"]
WHOLE = fields_of(GOLDEN / "us_dmca_512c" / "two_works.yml")
MARKDOWN = MarkdownIt().enable(["table", "strikethrough"])
# Letters with a meaning to somebody: Markdown, Jinja, terminals, right-to-left text, browsers.
NASTY = st.lists(
    st.sampled_from(list("`*_[]<>|#~&;!-+=:.1 \n\r\t\\{}%@/()\"'aé등\u202e\u2066\u200b\u2028\u0007\u001b\ue000\ue001"))
    | st.sampled_from(["###", "\n# ", "\n\n---\n", "{{ 7*7 }}", "{% raw %}", "](http://x)", "<script>", "&lt;", "```"]),
    max_size=12,
).map("".join)


def changed(value: Any, path: str, new: Any) -> Any:
    """The same fields with every value at a path replaced."""
    name, _, rest = path.partition(".")
    if isinstance(value, tuple):
        return tuple(changed(part, path, new) for part in value)
    if not rest:
        return replace(value, **{name: new})
    return replace(value, **{name: changed(getattr(value, name), rest, new)})


def shape(letter: str) -> list[str]:
    """What Markdown makes of a letter, without its words."""
    return [
        kind
        for token in MARKDOWN.parse(letter)
        for kind in (token.type + token.tag, *(child.type for child in token.children or ()))
    ]


def leaf_paths(value: object, path: str = "") -> list[str]:
    """Every path that ends in text or a list of texts."""
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        return leaf_paths(value[0], path)
    if is_dataclass(value):
        return [leaf for one in fields(value) for leaf in leaf_paths(getattr(value, one.name), f"{path}.{one.name}")]
    return [path.lstrip(".")] if isinstance(value, str | tuple) else []


TEXTS = [path for path in leaf_paths(WHOLE) if path.rpartition(".")[2] not in {"url", "original_urls"}]


def put(whole: NoticeFields, path: str, text: str) -> NoticeFields:
    """Text at a path, alone or in a list of the length that was there."""
    before = next(value for at, _, value in _walk(whole) if at == path)
    filled: NoticeFields = changed(whole, path, tuple(text for _ in before) if isinstance(before, tuple) else text)
    return filled


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.sampled_from(TEXTS), NASTY)
def test_value_never_changes_the_form(path: str, text: str) -> None:
    """Whatever a handle, a label or a name holds, the letter has the same lines, headings, lists and links."""
    plain, hostile = put(WHOLE, path, "plain"), put(WHOLE, path, text)
    assume(not missing(DMCA, hostile))

    assert shape(render(DMCA, hostile)) == shape(render(DMCA, plain))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.sampled_from(TEXTS), NASTY | st.text(max_size=20))
def test_letter_holds_only_letters_people_see(path: str, text: str) -> None:
    """No control, direction, private or invisible character gets through."""
    hostile = put(WHOLE, path, text)
    assume(not missing(DMCA, hostile))
    letter = render(DMCA, hostile).replace("\n", "")

    assert {unicodedata.category(letter) for letter in letter} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} == set()


@pytest.mark.parametrize("handle", ["TODO", "{{ reporter.email }}", "{% for x in works %}", "None", "###", "undefined"])
def test_uploader_cannot_stop_a_letter(handle: str) -> None:
    """A handle that looks like a placeholder is still a handle, and stands in the letter as it is."""
    assert f"`@{handle}`" in render(DMCA, changed(WHOLE, "works.items.handle", handle))


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://a.example/x_*y*(1)?q=#f", "<https://a.example/x_*y*(1)?q=#f>"),
        ("https://a.example/x y<b>`|", "<https://a.example/x%20y%3Cb%3E%60%7C>"),
        ("https://a.example/등불/%EB", "<https://a.example/%EB%93%B1%EB%B6%88/%EB>"),
        ("https://BÜCHER.example:8443/1", "<https://xn--bcher-kva.example:8443/1>"),
        ("http://[2001:db8::1]/1", "<http://[2001:db8::1]/1>"),
    ],
)
def test_address_is_exact_and_harmless(url: str, written: str) -> None:
    """An address leads where it led, in letters that mean nothing to Markdown."""
    assert f"infringing material: {written}\n" in render(DMCA, changed(WHOLE, "works.items.url", url))


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "ftp://a.example/1",
        "//a.example/1",
        "https://",
        "https:///1",
        "https://good.example@evil.example/1",
        "https://good.example\\@evil.example/1",
        "https://a.example/1\n\n# Heading",
        "https://a.example/\u202e4pm",
        "https://a.example:99999/1",
        "https://[::1/1",
        "https://evil\\.example/1",
        "https://a..example/1",
    ],
)
def test_address_that_is_none_is_missing(url: str) -> None:
    """An address that is no web address, or hides where it leads, is named and not written."""
    lines = missing(DMCA, changed(WHOLE, "works.items.url", url))

    assert [line.split(" (")[0] for line in lines] == [
        f"{finding}: web address of the post" for finding in ("F-00aa11bb22", "F-33cc44dd55", "F-66ee77ff88")
    ]


@settings(max_examples=100, deadline=None)
@given(
    st.sets(st.sampled_from(sorted(DMCA.fields)), min_size=1),
    st.sampled_from([None, "", "  ", "\u200b\n", ()]),
)
def test_every_missing_field_is_named_at_once(paths: set[str], blank: object) -> None:
    """Take any fields away: the refusal names each with how to fill it, and nothing else."""
    gone = WHOLE
    # The inner ones first: an empty list of works has no titles to take away.
    for path in sorted(paths, key=lambda path: -path.count(".")):
        gone = changed(gone, path, () if path in {"works", "works.items"} else blank)
    outermost = {path for path in paths if not any(path.startswith(f"{other}.") for other in paths - {path})}
    with pytest.raises(NoticeIncomplete) as refused:
        render(DMCA, gone)
    named = {path for path, ask in DMCA.fields.items() if f"{ask.name} (" in str(refused.value)}

    assert named == outermost


@pytest.mark.parametrize("placeholder", ["TODO", "{{ owner }}", "### name", "TBD: ask", "null", "…", "-", "N/A"])
@pytest.mark.parametrize("path", ["owner", "reporter.email", "works.title", "works.items.fair_use"])
def test_placeholder_is_missing(path: str, placeholder: str) -> None:
    """What stands in place of a value is none."""
    assert missing(DMCA, changed(WHOLE, path, placeholder))


def test_placeholder_in_a_field_that_may_be_empty_is_named() -> None:
    """A registration may be left out; "TODO" may not be printed."""
    lines = missing(DMCA, changed(WHOLE, "works.registrations", ("TODO",)))

    assert lines[0].startswith("Lanterns of Avelore: works.registrations (")


def test_missing_says_how_to_fill_it() -> None:
    """A line holds the command or the setting that would fill the field."""
    gone = changed(changed(WHOLE, "reporter.email", ""), "works", (changed(WHOLE.works[1], "items.fair_use", None),))

    assert missing(DMCA, gone) == [
        "reporter.email (clipwarden.toml [reporter] email)",
        "F-66ee77ff88: fair-use consideration (clipwarden decide F-66ee77ff88 infringing --fair-use '…')",
    ]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("Dear TODO,", "'TODO' is left"),
        ("Dear {{ '{{' ~ '}}' }}, ### ", "'###' is left"),
        ("{% raw %}{{ owner }}{% endraw %}", "'{{' is left"),
        ("{{ reporter.fax }}", "fax"),
        ("{{ works[0].items[0].element.name }}", "name"),
        ("{{ works[1].items[0].element }}", "a value is None"),
        ("{% if owner %}", "endif"),
        ("{{ owner.__class__.__mro__ }}", "unsafe"),
        ("{{ ''.__class__ }}", "unsafe"),
    ],
)
def test_template_that_leaves_something_open_is_refused(body: str, told: str) -> None:
    """A letter with a hole in it is not a draft, whoever left the hole."""
    template = Template(name="broken", regime="broken", law="", source="", fields={}, body=body)

    with pytest.raises(NoticeIncomplete, match=told):
        render(template, WHOLE)


@pytest.mark.parametrize("path", sorted(DMCA.fields))
def test_field_that_is_needed_exists(path: str) -> None:
    """A mistyped name in a front matter would ask for nothing."""
    assert path in {at for at, _, _ in _walk(WHOLE)}


@pytest.mark.parametrize(
    "text", ["no front matter", "---\nregime: other\nlaw: l\nsource: s\nfields: {}\n---\n", "---\n"]
)
def test_template_without_its_front_matter_is_a_mistake(tmp_path: Path, text: str) -> None:
    """A template says under which law it is written."""
    (tmp_path / "us_dmca_512c.md").write_text(text, encoding="utf-8")

    with pytest.raises(SettingsWrong, match=r"us_dmca_512c\.md: "):
        templates(tmp_path)
