"""One load into the lake: rows judged, told apart from what is there, written; all of it set-based.

Every row that is read ends in exactly one place: accepted, quarantined or counted as a duplicate. Rows that can be
read again cheaply (plain columns of Parquet) are never copied aside; others are, once, on disk if memory is short.
"""

from dataclasses import dataclass

import duckdb

from orchestration.lib.contract import LOAD_ID, Table, load_contract
from orchestration.lib.ingest.casting import TypedQuery, typed
from orchestration.lib.ingest.mapping import Mapped
from orchestration.lib.ingest.readers import CSV_ERRORS, CSV_SCANS, ROW

BATCH, REJECTED, REPEATED, KNOWN = "_batch", "_rejected", "_repeated", "_known"
# The rows not rejected so far; evaluated anew in every statement.
GOOD = f"(from {BATCH} anti join {REJECTED} using ({ROW}))"
DUPLICATE = "duplicate"


@dataclass(frozen=True)
class BatchCounts:
    """What became of the rows of one load; ``superseded`` counts rows of earlier loads that this one restated."""

    read: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicate: int = 0
    superseded: int = 0


def judge(connection: duckdb.DuckDBPyConnection, table: Table, mapped: Mapped, parents: dict[str, str]) -> int:
    """Type the rows, set the bad ones aside in ``_rejected`` and return how many rows were read."""
    query = typed(table, mapped.sql, mapped.types, parents)
    clear(connection)
    connection.execute(f"create temp {'view' if mapped.is_repeatable else 'table'} {BATCH} as {query.sql}")
    connection.execute(f"create temp table {REJECTED} as {_rejected_sql(query)}")
    read = _count(connection, BATCH)
    if _exists(connection, CSV_ERRORS):
        read += connection.execute(_UNPARSABLE).fetchall()[0][0]
    _reject_repeated_keys(connection, table)
    return read


def write(
    connection: duckdb.DuckDBPyConnection, table: Table, load_id: int, file: str | None, read: int
) -> BatchCounts:
    """Put the judged rows where they belong; the caller holds the transaction and records the load."""
    superseded = _yield_to_known_rows(connection, table)
    names = ", ".join(f'"{name}"' for name in table.column_names)
    accepted = connection.execute(
        f"insert into raw.{table.name} ({names}, {LOAD_ID}) select {names}, {load_id} from {GOOD}"
    ).fetchall()[0][0]
    quarantined = connection.execute(
        f"""
        insert into ops.quarantine (load_id, source_table, file, row_number, column_name, value, reason, row_json)
        select {load_id}, '{table.name}', ?, {ROW}, column_name, _value, reason, _row_json
        from {REJECTED} where reason <> '{DUPLICATE}'
        """,
        [file],
    ).fetchall()[0][0]
    duplicate = _count(connection, f"{REJECTED} where reason = '{DUPLICATE}'")
    clear(connection)
    return BatchCounts(read, accepted, quarantined, duplicate, superseded)


def clear(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop what a load keeps aside."""
    kinds = dict(
        connection.execute(
            "select table_name, table_type from information_schema.tables where table_catalog = 'temp'"
        ).fetchall()
    )
    for name in (BATCH, REJECTED, REPEATED, KNOWN, CSV_ERRORS, CSV_SCANS):
        if name in kinds:
            connection.execute(f"drop {'view' if kinds[name] == 'VIEW' else 'table'} temp.{name}")


def _rejected_sql(query: TypedQuery) -> str:
    columns = ", ".join(f"'{problem.column}'" for problem in query.problems)
    reasons = ", ".join(f"'{problem.reason}'" for problem in query.problems)
    return f"""
        select {ROW}, [{columns}][_problem] as column_name, [{reasons}][_problem] as reason, _value, _row_json
        from {BATCH} where _problem is not null
    """


# A line can break more than one rule of CSV, and a file can be scanned more than once: one row a line. Its number is
# negative while it is set aside, so that it is never taken for that of a row.
_UNPARSABLE = f"""
    insert into {REJECTED}
    select -cast(line as bigint), null, 'unparsable_line', any_value(csv_line), null
    from (
        select errors.line, errors.csv_line, scans.file_path
        from {CSV_ERRORS} as errors inner join {CSV_SCANS} as scans using (scan_id, file_id)
    )
    group by line, file_path
"""


def _reject_repeated_keys(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Among rows of one key, keep one if they are all alike and none if they contradict each other."""
    if not _has_repeated_keys(connection, table):
        return
    row = _struct(table.column_names)
    connection.execute(f"""
        create temp table {REPEATED} as
        select *, count(distinct {row}) over (partition by {_list(table.key)}) > 1 as is_conflict,
            row_number() over (partition by {_list(table.key)} order by {ROW}) as position
        from {GOOD} qualify count(*) over (partition by {_list(table.key)}) > 1
    """)
    connection.execute(f"""
        insert into {REJECTED}
        select {ROW}, case when is_conflict then '{table.key[0]}' end,
            case when is_conflict then 'duplicate_key_conflict' else '{DUPLICATE}' end,
            case when is_conflict then concat_ws(', ', {_list(table.key)}) end,
            case when is_conflict then cast(to_json({row}) as varchar) end
        from {REPEATED} where is_conflict or position > 1
    """)


def _has_repeated_keys(connection: duckdb.DuckDBPyConnection, table: Table) -> bool:
    """Whether any key comes twice, told with a group for every entity and month instead of every row.

    Where a date is part of the key, the days of a month are bits of one number: as many rows as bits means no day
    came twice.
    """
    if table.key_date is None:
        groups, repeated = _list(table.key), "count(*) > 1"
    else:
        day = f'"{table.key_date}"'
        entity = _list(tuple(name for name in table.key if name != table.key_date))
        groups = f"{entity}, date_trunc('month', {day})"
        repeated = f"count(*) > bit_count(bit_or(1::integer << (day({day}) - 1)::integer))"
    query = f"select 1 from {GOOD} group by {groups} having {repeated} limit 1"
    return bool(connection.execute(query).fetchall())


def _yield_to_known_rows(connection: duckdb.DuckDBPyConnection, table: Table) -> int:
    """Drop rows that the lake holds already, and remove from the lake those that this load restates."""
    stored = f"raw.{table.name} as stored"
    if not connection.execute(f"select 1 from {stored} limit 1").fetchall():
        return 0
    within = _range(connection, table)
    if within is None or not connection.execute(f"select 1 from {stored} where {within} limit 1").fetchall():
        return 0
    key = _list(table.key)
    connection.execute(
        f"create temp table {KNOWN} as from {stored} semi join (select {key} from {GOOD}) using ({key}) where {within}"
    )
    connection.execute(f"""
        insert into {REJECTED}
        select good.{ROW}, null, '{DUPLICATE}', null, null
        from {GOOD} as good inner join {KNOWN} as known using ({key})
        where {_struct(table.column_names, "good")} is not distinct from {_struct(table.column_names, "known")}
    """)
    loads = connection.execute(
        f"select {LOAD_ID}, count(*) from {KNOWN} semi join (select {key} from {GOOD}) using ({key}) group by all"
    ).fetchall()
    if not loads:
        return 0
    same_row = " and ".join(f'stored."{name}" = good."{name}"' for name in table.key)
    connection.execute(f"delete from {stored} using {GOOD} as good where {within} and {same_row}")
    for load_id, rows in loads:
        connection.execute(
            "update ops.loads set rows_superseded = rows_superseded + ? where load_id = ?", [rows, load_id]
        )
    return sum(rows for _, rows in loads)


def _range(connection: duckdb.DuckDBPyConnection, table: Table) -> str | None:
    """Return a condition on stored rows, from the days of this load, that spares most files; None for no rows."""
    if table.key_date is None:
        return "true"
    query = f'select min("{table.key_date}"), max("{table.key_date}") from {GOOD}'
    ((first, last),) = connection.execute(query).fetchall()
    return first and f"stored.\"{table.key_date}\" between date '{first}' and date '{last}'"


def lake_parents(table: Table) -> dict[str, str]:
    """Return where the references of a table are looked up: among the accepted rows."""
    return {name: f"raw.{name}" for name in load_contract() if name in table.parents}


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _struct(names: tuple[str, ...], alias: str | None = None) -> str:
    prefix = f"{alias}." if alias else ""
    return "{" + ", ".join(f"'{name}': {prefix}\"{name}\"" for name in names) + "}"


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    return connection.execute(f"select count(*) from {relation}").fetchall()[0][0]


def _exists(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(
        connection.execute(
            "select 1 from information_schema.tables where table_catalog = 'temp' and table_name = ?", [table]
        ).fetchall()
    )
