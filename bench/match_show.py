"""The tables of `./run bench match` for people. Never counts anything itself."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.match_score import share

PRINTED = 25  # false hits that are named; the JSON has all
CONSOLE = Console(width=None if Console().is_terminal else 150)  # a pipe would cut the columns at 80


def show(result: Mapping[str, Any]) -> None:
    """Print recall by edit, false hits, seconds, costs and thresholds."""
    mine, others = result["ours"], result.get("peers", {})
    engines: dict[str, Any] = {**mine["engines"], **others.get("engines", {})}
    CONSOLE.print(f"half {result['half']}, {result['references']} references, queries {result['queries']}")
    if result["sample"]:
        CONSOLE.print(f"a sample of {result['sample']} an edit: few negatives make the peers' thresholds loose")
    _recall(engines)
    for name in mine["engines"]:
        _false(name, mine["engines"][name])
    _seconds(mine["engines"])
    _costs(mine, others)
    for name, told in {**mine["thresholds"], **others.get("thresholds", {})}.items():
        CONSOLE.print(f"threshold of {name}: {told}")
    for name, one in others.get("documented", {}).items():
        CONSOLE.print(
            f"{name} at the threshold its own documents name: mean {one['mean']:.2f}, "
            f"{len(one['false'])} false hits on {one['false_queries']} queries"
        )
    for name, one in others.get("as_false_as_ours", {}).items():
        CONSOLE.print(f"{name} with at most as many false hits as ours ({one['false']}): mean {one['mean']:.2f}")
    if others:
        CONSOLE.print("A peer's threshold is chosen on the very negatives it is measured on, which flatters it;")
        CONSOLE.print("ours are the product's own; docs/decisions/0006 says how they were chosen.")
    if "library" in mine:
        _library(mine["library"], mine["engines"])


def _recall(engines: Mapping[str, Any]) -> None:
    first = next(iter(engines.values()))
    table = Table("edit", "of", *engines)
    for edit, (_, number) in first["recall"].items():
        table.add_row(edit, str(number), *(f"{share(one['recall'][edit]):.2f}" for one in engines.values()))
    table.add_section()
    table.add_row("mean over edits", "", *(f"{one['mean']:.3f}" for one in engines.values()))
    table.add_row("worst edit", "", *(f"{one['worst'][1]:.2f} {one['worst'][0]}" for one in engines.values()))
    table.add_section()
    for group, (_, number) in first["groups"].items():
        table.add_row(group, str(number), *(f"{share(one['groups'][group]):.2f}" for one in engines.values()))
    table.add_section()
    table.add_row("false hits", "", *(str(len(one["false"])) for one in engines.values()))
    table.add_row("queries with one", "", *(str(one["false_queries"]) for one in engines.values()))
    table.add_row("same scene", "", *(str(one["same_scene"]) for one in engines.values()))
    CONSOLE.print(table)


def _false(name: str, one: Mapping[str, Any]) -> None:
    for query, reference, score, method in one["false"][:PRINTED]:
        CONSOLE.print(f"false hit of {name} ({method}, {score}): {query} -> {reference}", soft_wrap=True)
    if len(one["false"]) > PRINTED:
        CONSOLE.print(f"... and {len(one['false']) - PRINTED} more")


def _seconds(engines: Mapping[str, Any]) -> None:
    names = sorted({name for one in engines.values() for name in one["truths"] if not name.endswith("_of")})
    table = Table("where, how fast, mirrored", *engines)
    for name in names:
        told = [one["truths"] for one in engines.values()]
        table.add_row(name, *(f"{one[name]} of {one[f'{name}_of']}" if name in one else "" for one in told))
    CONSOLE.print(table)


def _costs(mine: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    table = Table("cost of a query clip", "CPU s", "peak MB", "note")
    for name, cpu_s in mine["costs"]["cpu_s"].items():
        search = mine["searches"].get(name)
        note = f"search {search['search_cpu_s'] * 1000:.1f} ms of {search['bank_size']} fingerprints" if search else ""
        table.add_row(name, f"{cpu_s:.3f}", "", note)
    table.add_row("all of ours, fingerprinting", "", str(mine["costs"]["fingerprint_peak_mb"]), "one process")
    for name, one in others.get("costs", {}).items():
        note = f"{one['how']}; {one['errors']} errors, {one['without_hash']} queries without a hash"
        table.add_row(name, f"{one['cpu_s']:.3f}", str(one["peak_mb"]), note)
    CONSOLE.print(table)


def _library(library: Mapping[str, Any], without: Mapping[str, Any]) -> None:
    for name, one in library["engines"].items():
        CONSOLE.print(
            f"{name} among {library['frames']} more frames: mean {one['mean']:.3f}, animated and stand-ins "
            f"{share(one['groups'].get('animated', [0, 0])):.2f} {share(one['groups'].get('i2v', [0, 0])):.2f}, "
            f"{len(one['false'])} false hits on {one['false_queries']} queries; "
            f"without them: mean {without[name]['mean']:.3f}, {len(without[name]['false'])} false hits"
        )
