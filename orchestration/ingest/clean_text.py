"""Removing control characters from a lake that an earlier release let them into."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import duckdb

from orchestration.ingest.loading.records import add_months, next_load_id
from orchestration.ingest.loading.references import set_orphans_aside
from orchestration.ingest.mapping.control_characters import REASON, has_control, readable, without_control
from orchestration.lake.contract import LOAD_ID, Column, Table, load_contract
from orchestration.lake.migrations import ensure_tables
from orchestration.lake.warehouse import Warehouse, transaction

_BAD, _CHANGED = "_bad_text", "_changed_text"


@dataclass(frozen=True)
class CleanedTable:
    """The result for one table: rows moved to quarantine, rows whose free text was cleaned, and rows of other tables
    that went to quarantine because the row they refer to did.
    """

    table: str
    quarantined: int
    cleaned: int
    orphaned: int


def clean_text(warehouse: Warehouse, tell: Callable[[str], None] = lambda _: None) -> list[CleanedTable]:
    """Treat the rows of ``raw`` as ingestion treats new ones, and make the quarantine readable; one transaction.

    Rows go to quarantine with reason ``control_character`` and can be loaded again once the source is corrected.
    Referencing tables come first, so that rows with a damaged reference are gone before their parents are.

    Returns:
        What was done, for the tables in which something was.
    """
    cleaned = []
    with warehouse.writer() as connection:
        ensure_tables(connection)
        with transaction(connection):
            connection.execute(f"""
                update ops.quarantine set value = {readable("value")} where {has_control("value")}
            """)
            for table in reversed(list(load_contract().values())):
                found = _clean(connection, table)
                if found.quarantined or found.cleaned:
                    cleaned.append(found)
                    tell(
                        f"raw.{table.name}: {found.quarantined:,} rows to quarantine, {found.cleaned:,} rows cleaned, "
                        f"{found.orphaned:,} rows of other tables to quarantine as they refer to them."
                    )
    return cleaned


def _clean(connection: duckdb.DuckDBPyConnection, table: Table) -> CleanedTable:
    texts = [column for column in table.columns if column.data_type == "varchar"]
    strict = [column for column in texts if not column.free_text]
    free = [column for column in texts if column.free_text]
    cleaned = _clean_free_text(connection, table, free) if free else 0
    if not strict:
        return CleanedTable(table.name, 0, cleaned, 0)
    is_bad = _any(strict)
    connection.execute(f"create or replace temp table {_BAD} as from raw.{table.name} where {is_bad}")
    quarantined = _count(connection, _BAD)
    orphaned = 0
    if quarantined:
        connection.execute(f"delete from raw.{table.name} where {is_bad}")
        _set_aside(connection, table, strict)
        change = next_load_id(connection)
        add_months(connection, table.name, {change: _months(connection, table, _BAD)})
        # No rows refer to a damaged identifier any more, so it is left out of comparisons.
        intact = " and ".join(f"not coalesce({has_control(_quoted(name))}, false)" for name in _texts_of_key(table))
        was = f"from {_BAD}" + (f" where {intact}" if intact else "")
        orphaned = sum(set_orphans_aside(connection, table, was, change).values())
    connection.execute(f"drop table temp.{_BAD}")
    return CleanedTable(table.name, quarantined, cleaned, orphaned)


def _clean_free_text(connection: duckdb.DuckDBPyConnection, table: Table, columns: list[Column]) -> int:
    is_changed = _any(columns)
    connection.execute(f"create or replace temp table {_CHANGED} as from raw.{table.name} where {is_changed}")
    rows = _count(connection, _CHANGED)
    if rows:
        changes = ", ".join(f"{_quoted(column.name)} = {without_control(_quoted(column.name))}" for column in columns)
        connection.execute(f"update raw.{table.name} set {changes} where {is_changed}")
        add_months(connection, table.name, {next_load_id(connection): _months(connection, table, _CHANGED)})
    connection.execute(f"drop table temp.{_CHANGED}")
    return rows


def _set_aside(connection: duckdb.DuckDBPyConnection, table: Table, columns: list[Column]) -> None:
    """Put the bad rows in quarantine and adjust the counts of their loads; values as text, so that nothing is lost."""
    texts = ", ".join(f"'{name}': cast({_quoted(name)} as varchar)" for name in table.column_names)
    bad = [(column.name, has_control(_quoted(column.name))) for column in columns]
    column_name = "case " + " ".join(f"when {condition} then '{name}'" for name, condition in bad) + " end"
    value = "case " + " ".join(f"when {condition} then {_quoted(name)}" for name, condition in bad) + " end"
    connection.execute(
        f"""
        insert into ops.quarantine (load_id, source_table, file, column_name, value, reason, row_json)
        select {LOAD_ID}, ?, loads.file, {column_name}, {readable(value)}, ?, cast(to_json({{{texts}}}) as varchar)
        from {_BAD} left join ops.loads as loads on loads.load_id = {LOAD_ID}
        """,
        [table.name, REASON],
    )
    for load_id, rows in connection.execute(f"select {LOAD_ID}, count(*) from {_BAD} group by all").fetchall():
        connection.execute(
            "update ops.loads set rows_accepted = rows_accepted - ?, rows_quarantined = rows_quarantined + ? "
            "where load_id = ?",
            [rows, rows, load_id],
        )


def _texts_of_key(table: Table) -> list[str]:
    return [name for name in table.key if table.column(name).data_type == "varchar"]


def _months(connection: duckdb.DuckDBPyConnection, table: Table, relation: str) -> dict[date, int]:
    month = f"last_day({_quoted(table.time_column)})"
    rows = connection.execute(f"select {month}, count(*) from {relation} group by all").fetchall()
    return {each: count for each, count in rows if each is not None}


def _any(columns: list[Column]) -> str:
    return "(" + " or ".join(f"coalesce({has_control(_quoted(column.name))}, false)" for column in columns) + ")"


def _quoted(name: str) -> str:
    return f'"{name}"'


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    return int(connection.execute(f"select count(*) from {relation}").fetchall()[0][0])
