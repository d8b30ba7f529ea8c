"""An explanation on a terminal: the same as on the page, in words.

Other people's text is stripped of control characters and never read as markup.
"""

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from app.explain_page import reference_span
from app.explain_words import ABSENCE, BASES, caption_pieces, mark_words, meaning, needed, scoring, sureness
from app.explaining import Explanation, Told
from core.records import Basis
from core.times import clock
from core.words import printable
from review.moments import ways

MOST_MATCHES = 10  # on a terminal; a pipe gets all
MOST_SEGMENTS = 12


def print_explanation(explanation: Explanation, console: Console) -> None:
    """Print the head, the reasons, each match with its times, thresholds, words and signs."""
    _print_head(explanation, console)
    console.print(_title("Reasons"))
    reasons = _table("Kind", "Weight", "Reason")
    for one in explanation.row.finding.reasons:
        reasons.add_row(_text(one.kind), f"{one.weight:.2f}", _text(one.sentence))
    _print(reasons, console)
    _print(_text(scoring(explanation.row.finding), "dim"), console)
    if explanation.matches:
        console.print(_title(f"Matches ({len(explanation.matches):,})"))
        most = MOST_MATCHES if console.is_terminal else len(explanation.matches)
        for told in explanation.matches[:most]:
            _print_match(told, console)
        if explanation.matches[most:]:
            _print(_text(f"… and {len(explanation.matches) - most:,} more: --json has all"), console)
        _print_limits(explanation, console)
    _print_words(explanation, console)
    _print_signs(explanation, console)


def _print_head(explanation: Explanation, console: Console) -> None:
    row = explanation.row
    subject = " / ".join(filter(None, (row.franchise, row.element)))
    console.print(Text.assemble((row.finding.id, "bold"), "  ", (printable(subject, most=200), "bold")))
    name, promise = BASES[row.finding.basis]
    tone = "red" if row.finding.basis is Basis.COPY else "magenta"
    console.print(Text.assemble((f"{name}, score {row.finding.score:.2f}. ", f"bold {tone}"), promise))
    author = f"@{row.post.author_handle.lstrip('@')} ({row.finding.author_class.value}) on {row.post.platform}"
    console.print(_text(f"{author}, {row.post.posted_at:%Y-%m-%d %H:%M} UTC"))
    console.print(_text(row.post.url, "cyan"), soft_wrap=True)
    if row.verdict:
        console.print(_text(f"Decided: {row.verdict} by {row.reviewer}", "bold"))


def _print_match(told: Told, console: Console) -> None:
    match = told.match
    _print(Text.assemble((f"{told.number}. ", "bold"), (printable(told.sentence, most=400), "bold")), console)
    if told.left_out:
        _print(_text(told.left_out, "yellow"), console, left=5)
    _print(_text(f"{needed(match)}. {sureness(match)}"), console, left=5)
    still = told.reference.kind == "image"
    segments = _table("#", "Clip", "Reference", "How", "Nearest", "Pairs")
    most = MOST_SEGMENTS if console.is_terminal else len(match.segments)
    for number, part in enumerate(match.segments[:most], start=1):
        segments.add_row(
            str(number),
            f"{clock(part.query_start_s)} – {clock(part.query_end_s)}",
            "still" if still else reference_span(part),
            _text(", ".join(ways(part, still=still)) or "as it is"),
            f"{part.best_distance} at {clock(part.best_query_s)}",
            str(part.pairs),
        )
    _print(segments, console, left=5)
    if match.segments[most:]:
        _print(_text(f"… and {len(match.segments) - most:,} more segments"), console, left=5)


def _print_limits(explanation: Explanation, console: Console) -> None:
    console.print(_title("Thresholds"))
    table = _table("Method", "Threshold", "Alone", "This element", "What it means")
    for limit in explanation.limits:
        least = "at least" if limit.more_is_nearer else "at most"
        table.add_row(
            _text(f"{limit.method} {limit.version}"),
            f"{least} {limit.threshold}",
            f"{least} {limit.lone}" if limit.lone is not None else "not known",
            f"{least} {limit.override}" if limit.override is not None else "no other",
            _text(f"{limit.unit}: {meaning(limit.unit)}"),
        )
    _print(table, console)


def _print_words(explanation: Explanation, console: Console) -> None:
    console.print(_title("Words"))
    caption = Text()
    for text, number in caption_pieces(explanation.row.post.text, explanation.readings):
        caption.append(f"{text}[{number}]" if number else text, "bold underline" if number else "")
    _print(caption or Text("The post has no caption.", "dim"), console)
    for number, read in enumerate(explanation.readings, start=1):
        _print(_text(f"[{number}] {read.sentence} ({read.weight:.2f})"), console)
    if not explanation.readings:
        _print(_text("No name of the franchise and no description of its elements was read in it.", "dim"), console)


def _print_signs(explanation: Explanation, console: Console) -> None:
    console.print(_title("Signs that it is generated"))
    for sentence in explanation.row.finding.ai_evidence:
        _print(_text(f"counts: {sentence}"), console)
    for state, sentence, _ in mark_words(explanation.marks):
        _print(_text(f"{state}: {sentence}"), console)
    _print(_text(ABSENCE, "yellow"), console)


def _print(what: Text | Table, console: Console, *, left: int = 2) -> None:
    console.print(Padding(what, (0, 0, 0, left)))


def _title(words: str) -> Text:
    return Text(f"\n{words}", "bold")


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold", justify="right" if name in {"#", "Weight", "Pairs"} else "left")
    return table


def _text(words: str, style: str = "", *, most: int = 400) -> Text:
    """Never a str: rich would read [brackets] in it as markup."""
    return Text(printable(words, most=most), style)
