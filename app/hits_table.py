"""The hit list on a terminal: a table for each of the two problems, and the sources below.

Other people's text is stripped of control characters and never read as markup.
"""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.hits import DailyList
from app.hits_words import Sight, aside_words, sight, source_name, source_words, summary
from core.words import printable
from store.queries import HitRow

WIDE = 120  # columns from which each fact has a column of its own
MOST_ROWS = 200  # of each kind on a terminal; more is for the page. A pipe gets all.
SIGHTS = {Sight.SEEN: "green", Sight.NOT_ASKED: "yellow", Sight.PARTIAL: "yellow", Sight.BLIND: "bold red"}


def print_table(daily: DailyList, console: Console) -> None:
    """Print the day's list: the summary first, then hits, then what is not listed, then the sources."""
    console.print(_spaced(_text(f"Hit list of {daily.day.isoformat()}:", "bold"), _text(summary(daily))))
    parts = (("Copies: proved by a hash", daily.copies), ("Suggestions: a person decides", daily.suggestions))
    for title, rows in parts:
        if rows:
            _print_part(title, rows, console)
    console.print()
    if daily.aside:
        console.print(_spaced(_text("Not listed, but counted:", "bold"), _text(aside_words(daily))))
    console.print(_text("Sources" if daily.sources else "Sources: none is watched", "bold"))
    for source in daily.sources:
        words = _text(source_words(source, daily.day), SIGHTS[sight(source, daily.day)])
        console.print(_spaced(Text(" "), _text(source_name(source)), words))


def _print_part(title: str, rows: Sequence[HitRow], console: Console) -> None:
    most = MOST_ROWS if console.is_terminal else len(rows)
    console.print(Text(f"\n{title} ({len(rows):,})", "bold"))
    console.print((_wide if console.width >= WIDE else _narrow)(rows[:most]))
    if rows[most:]:
        console.print(_text(f"… and {len(rows) - most:,} more: `clipwarden hits --html FILE` shows all"))


def _wide(rows: Sequence[HitRow]) -> Table:
    table = _table(
        "Finding", "Score", "Basis", "Franchise / element", "Platform", "Author", "Views", "Reason", "Verdict"
    )
    for row in rows:
        table.add_row(
            row.finding.id,
            f"{row.finding.score:.2f}",
            row.finding.basis.value,
            _subject(row),
            _text(row.post.platform),
            _author(row),
            _views(row),
            _reason(row),
            _text(row.verdict or "–", "bold" if row.verdict else "dim"),
        )
    return table


def _narrow(rows: Sequence[HitRow]) -> Table:
    table = _table("Finding", "Score", "What, by whom", "Reason")
    for row in rows:
        views = _text(f"{_views(row)} views" if row.views is not None else "")
        who = _spaced(_author(row), Text("on"), _text(row.post.platform), views)
        said = _text(row.verdict or "", "bold")
        what = Text("\n").join(part for part in (_subject(row), who, said) if part)
        table.add_row(row.finding.id, f"{row.finding.score:.2f}", what, _reason(row))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, expand=True)
    fixed = {"Finding": 12, "Score": 5}
    ratios = {"Reason": 5, "Franchise / element": 3, "Author": 2, "What, by whom": 3}
    for name in columns:
        table.add_column(
            name,
            width=fixed.get(name),
            ratio=ratios.get(name),
            no_wrap=name not in ratios,
            overflow="fold",
            justify="right" if name in {"Score", "Views"} else "left",
        )
    return table


def _subject(row: HitRow) -> Text:
    franchise = _text(row.franchise, "bold")
    return _spaced(franchise, Text("/"), _text(row.element)) if row.element else franchise


def _author(row: HitRow) -> Text:
    known = "" if row.finding.author_class == "unknown" else f" ({row.finding.author_class.value})"
    return _text(f"@{row.post.author_handle.lstrip('@')}{known}", most=60)


def _views(row: HitRow) -> str:
    return "" if row.views is None else f"{row.views:,}"


def _reason(row: HitRow) -> Text:
    first = row.finding.reasons[0].sentence if row.finding.reasons else ""
    return Text("\n").join((_text(first), _text(row.post.url, "cyan", most=300)))


def _spaced(*parts: Text) -> Text:
    return Text(" ").join(parts)


def _text(words: str, style: str = "", *, most: int = 400) -> Text:
    """Never a str: rich would read [brackets] in it as markup."""
    return Text(printable(words, most=most), style)
