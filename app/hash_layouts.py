"""The forms of an exported hash list. By itself, so that --help waits for nothing else."""

from enum import StrEnum


class Layout(StrEnum):
    """How an exported list is written; all of them can be read again."""

    LINES = "lines"  # one hash a line
    SIGNALS = "signals"  # `pdq HASH`, python-threatexchange's local file
    CSV = "csv"  # hash, quality, name ...: what pdq-photo-hasher prints, and more columns
    JSON = "json"  # a list of objects
    THREATEXCHANGE = "threatexchange"  # the answer of its /threat_updates
