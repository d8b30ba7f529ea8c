"""Read a platform's JSON by path and kind; a missing or changed field is named, never skipped."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar

from core.errors import PageChanged
from core.times import from_text

T = TypeVar("T")
MOST_NUMBER = 1e300  # beyond it an int does not become a float


class Fields:
    """A JSON object of an answer, and where it came from, for the error that names the field."""

    def __init__(self, data: object, *, where: str) -> None:
        self.where = where
        if not isinstance(data, dict):
            raise PageChanged(f"{where}: expected an object, got {type(data).__name__}; freeze the response and look")
        self.data: dict[str, Any] = data

    def _find(self, path: str) -> object:
        if "." not in path:
            return self.data.get(path)
        value: object = self.data
        for step in path.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        return value

    def _need(self, path: str, kind: type[T]) -> T:
        value = self._find(path)
        # A bool is an int to Python and a change of type to us.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            got = "nothing" if value is None else type(value).__name__
            raise PageChanged(
                f"{self.where}: {path!r} should be {kind.__name__}, got {got}; freeze the response and update parse()"
            )
        return value

    def text(self, path: str) -> str:
        """A string that must be there."""
        return self._need(path, str)

    def integer(self, path: str) -> int:
        """A whole number that must be there."""
        return self._need(path, int)

    def objects(self, path: str) -> Iterator["Fields"]:
        """A list of objects that must be there; it may be empty."""
        for item in self._need(path, list):
            yield Fields(item, where=self.where)

    def instant(self, path: str) -> datetime:
        """An ISO 8601 time that must be there."""
        text = self.text(path)
        try:
            return from_text(text)
        except (ValueError, OverflowError):
            raise PageChanged(
                f"{self.where}: {path!r} is no time: {text!r}; freeze the response and update parse()"
            ) from None

    def maybe(self, path: str, kind: type[T]) -> T | None:
        """A value that may be absent or null; of another kind it is a change all the same."""
        return None if self._find(path) is None else self._need(path, kind)

    def maybe_number(self, path: str) -> float | None:
        """A number, whole or not, that may be absent."""
        value = self._find(path)
        if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > MOST_NUMBER:
            return None
        return float(value)


def array(data: Any, *, where: str) -> Iterator[Fields]:  # noqa: ANN401 - json.loads gives anything
    """The objects of an answer that is a list; PageChanged when it is something else."""
    if not isinstance(data, list):
        raise PageChanged(
            f"{where}: expected a list, got {type(data).__name__}; freeze the response and update parse()"
        )
    for item in data:
        yield Fields(item, where=where)
