"""Where a field of a YAML file stands: its line, and whether it stands twice."""

from collections.abc import Iterator

import yaml

Loc = tuple[int | str, ...]


def twice(node: yaml.Node | None, loc: Loc = ()) -> Iterator[tuple[Loc, str]]:
    """Keys that stand twice: YAML would keep the last and say nothing."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield (*loc, key.value), "stands twice; the first would be lost"
            seen.add(key.value)
            yield from twice(value, (*loc, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from twice(value, (*loc, index))


def line(node: yaml.Node | None, loc: Loc) -> int:
    """The line, from 1, of a field or of the nearest thing around it."""
    found = node.start_mark.line + 1 if node else 1
    for step in loc:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == step), None)
            if pair is None:
                break
            found, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            found = node.start_mark.line + 1
        else:
            break
    return found
