"""References between rows: rows go to quarantine when their parent is removed, and return when it comes back."""

from collections import Counter
from collections.abc import Iterator

import duckdb

from orchestration.ingest.loading.records import add_months, next_load_id
from orchestration.lake.contract import LOAD_ID, Column, Reference, Table, load_contract
from orchestration.lake.warehouse import transaction

REASON = "unknown_reference"
_GONE, _ORPHANED, _RETURNING = "_gone", "_orphaned", "_returning"
# A row taken from the lake no longer has a known position in a file.
_IS_ORPHAN = f"reason = '{REASON}' and row_number is null"


def set_orphans_aside(connection: duckdb.DuckDBPyConnection, parent: Table, was: str, load_id: int) -> dict[str, int]:
    """Move rows of other tables whose parent in ``parent`` is gone to quarantine, and their own children in turn.

    Args:
        connection: within the caller's transaction.
        parent: the table that lost rows; its stored rows are the remaining ones.
        was: SQL of the rows it had.
        load_id: the load that removed the rows; months that lose rows are counted for it.

    Returns:
        How many rows each table lost.
    """
    moved: Counter[str] = Counter()
    for child, column, reference in _references_to(parent):
        key = reference.column
        connection.execute(
            f'create or replace temp table {_GONE} as select distinct "{key}" as gone from ({was}) '
            f'where "{key}" not in (select "{key}" from raw.{parent.name})'
        )
        connection.execute(
            f"create or replace temp table {_ORPHANED} as from raw.{child.name} "
            f'where "{column.name}" in (select gone from {_GONE})'
        )
        rows = connection.execute(f"select count(*) from {_ORPHANED}").fetchall()[0][0]
        if not rows:
            continue
        connection.execute(f'delete from raw.{child.name} where "{column.name}" in (select gone from {_GONE})')
        _quarantine(connection, child, column)
        month = f'last_day("{child.time_column}")'
        months = dict(connection.execute(f"select {month}, count(*) from {_ORPHANED} group by all").fetchall())
        add_months(connection, child.name, {load_id: months})
        moved[child.name] += rows
        # A name of its own, because the next step reuses these names for the children of this table.
        kept = f"_orphaned_{child.name}"
        connection.execute(f"create or replace temp table {kept} as from {_ORPHANED}")
        moved.update(set_orphans_aside(connection, child, f"from {kept}", load_id))
        connection.execute(f"drop table temp.{kept}")
    for name in (_GONE, _ORPHANED):
        connection.execute(f"drop table if exists temp.{name}")
    return moved


def take_orphans_back(connection: duckdb.DuckDBPyConnection, table: Table) -> int:
    """Return rows of ``table`` from quarantine to the lake once all their references are known again.

    A row whose key has been delivered again meanwhile counts as restated and stays out.

    Returns:
        How many rows left the quarantine.
    """
    references = [(column, column.references) for column in table.columns if column.references]
    if not references:
        return 0
    known = " and ".join(
        f"((row_json ->> '{column.name}') is null "
        f"or (row_json ->> '{column.name}') in (select \"{reference.column}\" from raw.{reference.table}))"
        for column, reference in references
    )
    returning = f"from ops.quarantine where source_table = '{table.name}' and {_IS_ORPHAN} and {known}"
    if not connection.execute(f"select 1 {returning} limit 1").fetchall():
        return 0
    names = ", ".join(f'"{name}"' for name in table.column_names)
    key = ", ".join(f'"{name}"' for name in table.key)
    values = ", ".join(
        f"cast((row_json ->> '{column.name}') as {column.data_type}) as \"{column.name}\"" for column in table.columns
    )
    with transaction(connection):
        connection.execute(
            f"create or replace temp table {_RETURNING} as select load_id as {LOAD_ID}, {values} {returning}"
        )
        connection.execute(f"delete {returning}")
        fresh = f"{_RETURNING} anti join raw.{table.name} using ({key})"
        restated = dict(
            connection.execute(
                f"select {LOAD_ID}, count(*) from {_RETURNING} semi join raw.{table.name} using ({key}) group by all"
            ).fetchall()
        )
        change = next_load_id(connection)
        month = f'last_day("{table.time_column}")'
        months = dict(connection.execute(f"select {month}, count(*) from {fresh} group by all").fetchall())
        connection.execute(f"insert into raw.{table.name} ({names}, {LOAD_ID}) select {names}, {LOAD_ID} from {fresh}")
        loads = connection.execute(f"select {LOAD_ID}, count(*) from {_RETURNING} group by all").fetchall()
        for load_id, rows in loads:
            connection.execute(
                "update ops.loads set rows_accepted = rows_accepted + ?, rows_quarantined = rows_quarantined - ?, "
                "rows_superseded = rows_superseded + ? where load_id = ?",
                [rows, rows, restated.get(load_id, 0), load_id],
            )
        add_months(connection, table.name, {change: months})
        connection.execute(f"drop table temp.{_RETURNING}")
    return sum(rows for _, rows in loads)


def loads_due(connection: duckdb.DuckDBPyConnection, table: Table, *, again: bool) -> set[int]:
    """Return loads with quarantined rows whose reference is now known; with ``again``, with any quarantined rows."""
    if again:
        return _ids(connection, "select distinct load_id from ops.quarantine where source_table = ?", [table.name])
    due: set[int] = set()
    for column in table.columns:
        if column.references:
            due |= _ids(
                connection,
                f"""
                select distinct load_id from ops.quarantine
                where source_table = ? and column_name = ? and reason = '{REASON}' and row_number is not null
                    and regexp_replace(trim(value), '^(-?\\d+)\\.0+$', '\\1')
                        in (select "{column.references.column}" from raw.{column.references.table})
                """,
                [table.name, column.name],
            )
    return due


def _ids(connection: duckdb.DuckDBPyConnection, query: str, values: list[str]) -> set[int]:
    return {load_id for (load_id,) in connection.execute(query, values).fetchall()}


def _references_to(parent: Table) -> Iterator[tuple[Table, Column, Reference]]:
    for child in load_contract().values():
        for column in child.columns:
            if column.references and column.references.table == parent.name:
                yield child, column, column.references


def _quarantine(connection: duckdb.DuckDBPyConnection, child: Table, column: Column) -> None:
    """Put the orphaned rows in quarantine and adjust counts; values as text, so that they can return unchanged."""
    texts = ", ".join(f"'{name}': cast(orphaned.\"{name}\" as varchar)" for name in child.column_names)
    connection.execute(
        f"""
        insert into ops.quarantine (load_id, source_table, file, column_name, value, reason, row_json)
        select orphaned.{LOAD_ID}, ?, loads.file, ?, orphaned."{column.name}", '{REASON}',
            cast(to_json({{{texts}}}) as varchar)
        from {_ORPHANED} as orphaned left join ops.loads as loads on loads.load_id = orphaned.{LOAD_ID}
        """,
        [child.name, column.name],
    )
    loads = connection.execute(f"select {LOAD_ID}, count(*) from {_ORPHANED} group by all").fetchall()
    for load_id, rows in loads:
        connection.execute(
            "update ops.loads set rows_accepted = rows_accepted - ?, rows_quarantined = rows_quarantined + ? "
            "where load_id = ?",
            [rows, rows, load_id],
        )
