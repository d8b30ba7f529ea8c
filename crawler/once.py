"""One question for many watches: a session, a token, an instance's own word. Asked once a crawl; all wait for it.

Never asked by two watches that begin together, and never answered for one and forgotten for the other: where it
fails, every watch that waits is blind for the same reason.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from core.errors import SourceBlind
from core.records import Watch
from crawler.platform import FIRST, PlatformSpider
from crawler.runs import Lost, WatchRun

Then = Callable[[], Iterable[Request]]


class OnceSpider(PlatformSpider):
    """A platform whose watches share an answer that comes before their own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Scrapy's own arguments
        super().__init__(*args, **kwargs)
        self._waiting: dict[str, list[tuple[str, Then]]] = {}
        self._ended: dict[str, Lost | None] = {}

    def once(self, question: Request, watch: Watch, then: Then) -> Iterator[Request]:
        """Ask a question, unless it was asked in this crawl; what `then` gives is asked when it has been answered.

        question  a step, known by its address; `read` hears its answer
        raises    SourceBlind when it was answered, and not to us
        """
        key = question.url
        if key in self._ended:
            if lost := self._ended[key]:
                raise SourceBlind(lost.why, lost.cause)
            yield from then()
            return
        waiting = self._waiting.setdefault(key, [])
        waiting.append((watch.id, then))
        if len(waiting) == 1:
            yield question.replace(meta=question.meta | {"once": key})

    async def _answered(self, response: Response) -> AsyncIterator[Any]:
        run = self.runs[response.meta["watch"]]
        before = _troubles(run)
        async for result in super()._answered(response):
            yield result
        for request in self._end(response.meta, run, before):
            yield request

    async def _lost(self, failure: Failure) -> None:
        meta = failure.request.meta  # type: ignore[attr-defined]  # Scrapy hangs it on
        run = self.runs[meta["watch"]]
        before = _troubles(run)
        await super()._lost(failure)
        list(self._end(meta, run, before))  # nothing to ask: it failed

    def _end(self, meta: dict[str, Any], asker: WatchRun, before: list[Lost]) -> Iterator[Request]:
        """What all who waited for an answer ask now; or the same trouble for each, where there was some."""
        key = meta.get("once")
        if key is None:
            return
        lost = next((one for one in _troubles(asker) if not any(one is old for old in before)), None)
        self._ended[key] = lost
        for name, then in self._waiting.pop(key, ()):
            run, requests = self.runs[name], list[Request]()
            try:
                requests = [] if lost else list(then())
            except SourceBlind as error:
                self._note(run, "step", Lost(error.cause, str(error)))
            if lost and run is not asker:
                self._note(run, "step", lost)
            for request in requests:
                yield self._bind(run, request, priority=FIRST + run.watch.priority)
            self.report(run)


def _troubles(run: WatchRun) -> list[Lost]:
    return [one for one in (run.blind, run.cut, *run.lost) if one]
