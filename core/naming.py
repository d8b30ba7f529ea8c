"""Where a caption or its hashtags name a franchise or an element. Suggests, never proves."""

from core.records import Franchise, Post, Reason
from core.words import mentions, plain, tag

NAMED = 0.20  # the franchise is named: fans do that all day
ELEMENT_NAMED = 0.10


def word_reasons(post: Post, franchise: Franchise) -> tuple[list[Reason], str | None]:
    """Where the caption or its hashtags name the franchise, and the element they name, if any."""
    text, tags = plain(post.text), {tag(name) for name in post.hashtags}
    names = [franchise.title, *(alias for aliases in franchise.aliases.values() for alias in aliases)]
    reasons = [
        Reason(kind="words", sentence=f"Hashtag #{name} stands for {franchise.title}", weight=NAMED)
        for name in franchise.hashtags
        if tag(name) in tags
    ] + [
        Reason(kind="words", sentence=f"The caption names “{name}”", weight=NAMED)
        for name in dict.fromkeys(names)
        if mentions(text, plain(name)) or tag(name) in tags
    ]
    for element in franchise.elements:
        if mentions(text, plain(element.name)) or tag(element.name) in tags:
            reason = Reason(
                kind="element",
                sentence=f"The caption names the {element.nature} “{element.name}”",
                weight=ELEMENT_NAMED,
            )
            return [*reasons, reason], element.id
    return reasons, None
