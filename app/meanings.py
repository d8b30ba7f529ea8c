"""Captions and descriptions of elements, compared by a sentence model where the home names one."""

from collections.abc import Sequence
from pathlib import Path

from core.findings import Meaning
from core.records import Franchise, Post
from matchers.sentences import Sentences


class Meanings:
    """A model, and the descriptions of all elements as it sees them."""

    def __init__(self, folder: Path, franchises: Sequence[Franchise]) -> None:
        self.model = Sentences.open(folder)
        self._described = [
            (element.id, description)
            for franchise in franchises
            for element in franchise.elements
            for description in element.descriptions
        ]
        self._vectors = self.model.embed([description for _, description in self._described])

    def of(self, posts: Sequence[Post]) -> dict[str, Meaning]:
        """Post id -> the description its text says again, for those posts that have one.

        raises  SettingsWrong when the model does not run
        """
        said = [post for post in posts if post.text.strip()]
        about = self.model.about
        found = {}
        for near in self.model.nearest([post.text for post in said], self._vectors):
            element, description = self._described[near.nearest]
            found[said[near.query].id] = Meaning(
                element=element,
                description=description,
                cosine=near.cosine,
                threshold=about.threshold,
                model=about.name,
            )
        return found


def meanings(folder: str, franchises: Sequence[Franchise]) -> Meanings | None:
    """The model a home names, opened; None when it names none."""
    return Meanings(Path(folder), franchises) if folder else None
