"""Where a caption, its hashtags or on-screen text name a franchise or an element, and how it is spelled.

Suggests, never proves: fans name a title all day. A name that is also an ordinary word or phrase
("Dark", "Upside Down") counts only with something beside it that says it is meant as a name.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from core.meaning import Likeness, likenesses
from core.names import Key, keys
from core.ordinary import GENERATED, GENERATED_WITHIN, SCREEN
from core.reading import LOOKED_AT, Reading, readings
from core.records import Franchise, Post, Reason
from core.spelling import RULES, Spelled, read_as, read_loosely
from core.times import clock
from core.words import hashtags, printable, tag

NAMED = 0.20  # the franchise is named: fans do that all day
ELEMENT_NAMED = 0.10
MOST_REASONS = 8  # a caption that names everything says no more with a ninth
_MOST_TAGS, _LONGEST_TAG = 100, 100  # no platform allows more; a hostile answer may hold any number


@dataclass(frozen=True, slots=True)
class _Found:
    """A name in a text, by the strictest rule that finds it."""

    key: Key
    spelled: Spelled
    written: str


def word_reasons(post: Post, franchise: Franchise, *, generated: bool = False) -> tuple[list[Reason], str | None]:
    """Where the caption or its hashtags name the franchise, and the element they name or describe, if any.

    generated   whether something beside the platform's label says that the clip is generated
    """
    return text_reasons(post.text, post.hashtags, franchise, generated=generated or post.ai_label is not None)


def screen_reasons(
    lines: Sequence[tuple[str, float]], franchise: Franchise, *, generated: bool = False
) -> tuple[list[Reason], str | None]:
    """What the text in a clip's pictures says of the franchise: as text_reasons, each with when it is shown.

    lines   text and the seconds at which it is first shown
    """
    if not lines:
        return [], None
    reasons, element = text_reasons(
        "\n".join(text for text, _ in lines), (), franchise, generated=generated, source="on-screen text"
    )
    return [_timed(reason, lines) for reason in reasons], element


def _timed(reason: Reason, lines: Sequence[tuple[str, float]]) -> Reason:
    """The reason with the moment its words begin to be shown; a name may go on in the next line."""
    carried = reason.detail.get("carried") or str(reason.detail.get("written", "")).lstrip("#").split()
    at_s = next((at_s for text, at_s in lines if carried and carried[0] in printable(text)), lines[0][1])
    return replace(
        reason, sentence=f"{reason.sentence} (shown at {clock(at_s)})", detail={**reason.detail, "at_s": at_s}
    )


def text_reasons(
    text: str, tags: Iterable[str], franchise: Franchise, *, generated: bool = False, source: str = "caption"
) -> tuple[list[Reason], str | None]:
    """What a text says of a franchise: reasons, strongest first, and the element named or described, if any.

    text        a caption, or the lines read from a picture; LOOKED_AT characters of it are read
    tags        the post's hashtags, also those that do not stand in the text
    generated   whether something else already says that the clip is generated
    source      what the text is, for the sentence: caption, on-screen text
    returns     reasons of kind "words" (the franchise) and "element", each with detail.rule,
                detail.written, and detail.name or detail.carried
    """
    names = [tag(name) for name in list(tags)[:_MOST_TAGS] if len(name) <= _LONGEST_TAG]
    inside = set(hashtags(text[:LOOKED_AT]))
    whole = "\n".join([text[:LOOKED_AT], *(f"#{name}" for name in dict.fromkeys(names) if name not in inside)])
    said = inside | set(names)
    own = [name for name in franchise.hashtags if tag(name) in said]
    described = likenesses(whole, franchise)
    read = readings(whole)
    found = list(_found(whole, read, keys(franchise)))
    kept = _meant(found, whole, read[0], helped=generated or bool(own or described)) if found else []
    reasons = [_tag_reason(name, franchise) for name in own]
    # The brand's own hashtag says it already; that the title stands inside it says nothing more.
    told = {tag(name) for name in own}
    reasons += [_name_reason(one, source) for one in kept if one.key.element is None and tag(one.written) not in told]
    parts = [one for one in kept if one.key.element is not None]
    reasons += [_name_reason(one, source) for one in parts]
    reasons += [_likeness_reason(one, source) for one in described]
    reasons.sort(key=lambda reason: -reason.weight)
    element = parts[0].key.element if parts else None
    if element is None and described:
        element = described[0].element.id
    return reasons[:MOST_REASONS], element


def _found(whole: str, read: Sequence[Reading], known: tuple[Key, ...]) -> Iterator[_Found]:
    for key in known:
        # The loose rules come after every reading: l4nternfall is digits for letters, not a slip.
        tries = ((reads, reading) for reads in (read_as, read_loosely) for reading in read)
        for reads, reading in tries:
            if spelled := reads(reading, key):
                yield _Found(key, spelled, whole[slice(*spelled.span)])
                break


def _meant(found: list[_Found], whole: str, words: Reading, *, helped: bool) -> list[_Found]:
    """Those that are meant as names: a common word or phrase needs something beside it."""
    certain = [one for one in found if not one.key.common]
    phrases = [one for one in found if one.key.common == "phrase"]
    helped = helped or bool(certain) or _says_generated(words)
    talk = not SCREEN.isdisjoint(words.words())
    kept = []
    for one in found:
        others = [other for other in phrases if other.key is not one.key]
        meant = (
            not one.key.common
            or helped
            or (one.key.common == "phrase" and (talk or bool(others) or _is_marked(one, whole)))
            or (one.key.common == "word" and bool(others))
        )
        if meant and not any(_within(one, other) for other in found if other is not one):
            kept.append(one)
    return kept


def _within(one: _Found, other: _Found) -> bool:
    """Whether a name is only part of a longer one there: “Squid Game” inside “Squid Game 2” is that."""
    (start, end), (first, last) = one.spelled.span, other.spelled.span
    same = one.key.element == other.key.element
    return same and first <= start and end <= last and len(one.key.letters) < len(other.key.letters)


def _is_marked(one: _Found, whole: str) -> bool:
    """Whether the spelling itself says that a phrase is a name: dodged, a title's hashtag, or In Capitals."""
    start, end = one.spelled.span
    if one.spelled.rule in {"look-alike", "digits", "runs", "spaced"}:
        return True
    if whole[start - 1 : start] in {"#", "＃"} and one.key.element is None and one.key.is_title:
        return True
    before, after = whole[max(0, start - 80) : start].split()[-1:], whole[end : end + 80].split()[:1]
    words = one.written.split()
    beside = any(word[:1].isupper() for word in before + after)
    return len(words) > 1 and all(word[:1].isupper() for word in words) and not beside


def _says_generated(words: Reading) -> bool:
    return not GENERATED.isdisjoint(words.words()) or any(mark in words.letters for mark in GENERATED_WITHIN)


def _tag_reason(name: str, franchise: Franchise) -> Reason:
    return Reason(
        kind="words",
        sentence=f"Hashtag #{name} stands for {franchise.title}",
        weight=NAMED,
        detail={"rule": "hashtag", "name": name, "written": f"#{name}"},
    )


def _name_reason(one: _Found, source: str) -> Reason:
    rule, written = RULES[one.spelled.rule], printable(one.written, most=80)
    kind, weight = ("words", NAMED) if one.key.element is None else ("element", ELEMENT_NAMED)
    nature = f"the {one.key.nature} " if one.key.nature else ""
    if one.spelled.rule == "name":
        sentence = f"The {source} names {nature}“{one.key.shown}”"
    else:
        sentence = f"“{written}” in the {source} read as {nature}“{one.key.shown}”: {_how(one)}"
    return Reason(
        kind=kind,
        sentence=sentence,
        weight=round(weight * rule.share, 3),
        detail={"rule": one.spelled.rule, "name": one.key.shown, "written": written},
    )


def _how(one: _Found) -> str:
    how = RULES[one.spelled.rule].words
    added = " and ".join(f"“{part}”" for part in one.spelled.added if part)
    return f"{how} {added}" if added and one.spelled.rule in {"joined", "ending"} else how


def _likeness_reason(one: Likeness, source: str) -> Reason:
    carried = ", ".join(f"“{word}”" for word in one.carried)
    return Reason(
        kind="element",
        sentence=(
            f"The {source} describes the {one.element.nature} “{one.element.name}”:"
            f" {one.score:.2f} alike, {one.threshold:.2f} needed; by {carried}"
        ),
        weight=one.weight,
        detail={
            "rule": "description",
            "score": one.score,
            "threshold": one.threshold,
            "description": one.description,
            "carried": list(one.carried),
        },
    )
