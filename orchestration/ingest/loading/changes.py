"""What replacing loads changes: the rows of the new loads compared with those of the old ones, key by key."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import duckdb

from orchestration.lake.contract import LOAD_ID, Table


@dataclass
class Changes:
    """How many rows were added, changed and deleted; ``months`` by load and month end of the table's time column.

    Deleted rows are counted for the last of the new loads. A row whose month changed counts in both months.
    """

    added: int = 0
    changed: int = 0
    deleted: int = 0
    months: dict[int, Counter[date]] = field(default_factory=dict)

    @property
    def is_nothing(self) -> bool:
        """Whether there is no difference."""
        return not (self.added or self.changed or self.deleted)


def compare(connection: duckdb.DuckDBPyConnection, table: Table, old: str, new: str, last_load: int) -> Changes:
    """Compare stored rows; ``old`` and ``new`` are SQL conditions on them, and each selects a key at most once."""
    month = f'last_day("{table.time_column}")'
    names = ", ".join(f'"{name}"' for name in table.key)
    row = "{" + ", ".join(f"'{name}': \"{name}\"" for name in table.column_names) + "}"

    def side(prefix: str, condition: str) -> str:
        return (
            f"select {names}, {row} as {prefix}_row, {month} as {prefix}_month, {LOAD_ID} as {prefix}_load "
            f"from raw.{table.name} where {condition}"
        )

    rows = connection.execute(f"""
        select
            case when old_load is null then 'added' when new_load is null then 'deleted' else 'changed' end as kind,
            coalesce(new_load, {last_load}) as load_id, old_month, new_month, count(*)
        from ({side("old", old)}) as old full join ({side("new", new)}) as new using ({names})
        where old_load is null or new_load is null or old_row is distinct from new_row
        group by all
    """).fetchall()
    changes = Changes()
    for kind, load_id, old_month, new_month, count in rows:
        setattr(changes, kind, getattr(changes, kind) + count)
        for touched in {old_month, new_month} - {None}:
            changes.months.setdefault(load_id, Counter())[touched] += count
    return changes


def is_same_quarantine(connection: duckdb.DuckDBPyConnection, old: Sequence[int], new: Sequence[int]) -> bool:
    """Whether two sets of loads have the same counts, load by load, and the same rows in quarantine."""

    def counts(load_ids: Sequence[int]) -> list[tuple[int, ...]]:
        return connection.execute(
            "select rows_read, rows_accepted, rows_quarantined, rows_duplicate, rows_superseded from ops.loads "
            f"where load_id in ({_list(load_ids)}) order by load_id"
        ).fetchall()

    def rejected(load_ids: Sequence[int]) -> str:
        return f"from ops.quarantine select * exclude (load_id, file, line) where load_id in ({_list(load_ids)})"

    if counts(old) != counts(new):
        return False
    differing = f"({rejected(old)} except all {rejected(new)})"
    return not connection.execute(f"from {differing} limit 1").fetchall()


def _list(load_ids: Sequence[int]) -> str:
    return ", ".join(map(str, load_ids))
