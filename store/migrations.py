"""The ledger's shape, one small step after another: the files of steps/, in the order of their names.

A step that has landed is never edited; the next one follows it. No step touches a blob.
"""

from collections.abc import Callable
from pathlib import Path

from sqlite_utils import Database, Migrations

STEPS = Path(__file__).with_name("steps")
ledger_migrations = Migrations("clipwarden")


def _step(path: Path) -> Callable[[Database], None]:
    def run(db: Database) -> None:
        # One by one: executescript would commit the migration's own transaction. A blank line ends a statement.
        for statement in path.read_text(encoding="utf-8").split(";\n\n"):
            db.execute(statement)

    return run


for _path in sorted(STEPS.glob("m*.sql")):
    ledger_migrations(name=_path.stem)(_step(_path))
