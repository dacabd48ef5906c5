"""One load into the lake: rows judged, told apart from what is there, written; all of it set-based.

Every row that is read ends in exactly one place: accepted, quarantined or counted as a duplicate. Rows that can be
read again cheaply (plain columns of Parquet) are never copied aside; others are, once, on disk if memory is short.

Most loads are good and new. So a survey of the keys first tells whether any row could meet another one, in the load or
in the lake. If none can, the good rows go straight into the lake, and bad ones are looked for only if fewer went in
than were read. Rows are set aside and compared one by one only where some may meet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from orchestration.lib.contract import EXCHANGE_RATES, LOAD_ID, Table, load_contract
from orchestration.lib.ingest.casting import TypedQuery, typed
from orchestration.lib.ingest.currency import CONVERTIBLE_DAYS
from orchestration.lib.ingest.cursors import CURSOR
from orchestration.lib.ingest.mapping import Mapped
from orchestration.lib.ingest.readers import CSV_ERRORS, CSV_SCANS, ROW, describe
from orchestration.lib.ingest.survey import Months, Survey, survey

# BATCH is a view, over COPIED where the rows are not cheap to read twice.
BATCH, COPIED, REJECTED, REPEATED, KNOWN = "_batch", "_copied", "_rejected", "_repeated", "_known"
# The rows not rejected so far; evaluated anew in every statement.
GOOD = f"(from {BATCH} anti join {REJECTED} using ({ROW}))"
DUPLICATE = "duplicate"


@dataclass(frozen=True)
class BatchCounts:
    """What became of the rows of one load; ``superseded`` counts rows of earlier loads that this one restated.

    ``months`` counts the rows that came, changed or went by month end of the table's time column. ``cursor_value`` is
    the largest cursor, as text, of this load and of what was read before.
    """

    read: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicate: int = 0
    superseded: int = 0
    months: Months = field(default_factory=dict)
    cursor_value: str | None = None


def load(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    mapped: Mapped,
    load_id: int,
    file: str | None,
    *,
    among: str = "true",
    since: str | None = None,
) -> BatchCounts:
    """Put every row where it belongs; the caller holds the transaction and records the load.

    Args:
        connection: within the caller's transaction.
        table: where the rows go.
        mapped: the rows.
        load_id: the load they come with.
        file: the file they are from, if they are from one.
        among: SQL condition on the stored rows (``stored``) that this load can meet: not those it is to replace.
        since: the largest cursor of the rows read before, where there is a cursor.
    """
    query, seen = _prepare(connection, table, mapped, lake_parents(table))
    unparsable = _count(connection, f"({_UNPARSABLE})") if _has_errors(connection) else 0
    within = _met_rows(connection, table, seen, among)
    superseded, months = 0, None
    if within or seen.is_repeated:
        _reject(connection, table, query, seen)
        if mapped.has_cursor:
            _know_rejected_rows(connection, table)
        if within:
            superseded, months = _yield_to_known_rows(connection, table, within)
        accepted = _insert(connection, table, load_id, GOOD)
    else:
        accepted = _insert(connection, table, load_id, f"{BATCH} where _problem is null")
        if accepted < seen.rows or unparsable:
            _reject(connection, table, query, seen)
            if mapped.has_cursor:
                _know_rejected_rows(connection, table)
    quarantined = duplicate = 0
    if accepted < seen.rows or unparsable:
        quarantined = _quarantine(connection, table, load_id, file)
        duplicate = _count(connection, f"{REJECTED} where reason = '{DUPLICATE}'")
    new_months = seen.months if accepted == seen.rows else None
    counts = BatchCounts(
        seen.rows + unparsable,
        accepted,
        quarantined,
        duplicate,
        superseded,
        _added(new_months or _months_of(connection, table, load_id, accepted), months or {}),
        _largest_cursor(connection, since) if mapped.has_cursor else None,
    )
    clear(connection)
    return counts


def judge(connection: duckdb.DuckDBPyConnection, table: Table, mapped: Mapped, parents: Mapping[str, str]) -> int:
    """Type the rows, set the bad ones aside in ``_rejected`` and return how many rows were read; nothing is written."""
    clear(connection)
    query, seen = _prepare(connection, table, mapped, parents)
    unparsable = _count(connection, f"({_UNPARSABLE})") if _has_errors(connection) else 0
    _reject(connection, table, query, seen)
    return seen.rows + unparsable


def clear(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop what a load keeps aside."""
    connection.execute(f"drop view if exists temp.{BATCH}")
    for name in (COPIED, REJECTED, REPEATED, KNOWN, CSV_ERRORS, CSV_SCANS):
        connection.execute(f"drop table if exists temp.{name}")


def _prepare(
    connection: duckdb.DuckDBPyConnection, table: Table, mapped: Mapped, parents: Mapping[str, str]
) -> tuple[TypedQuery, Survey]:
    """Make ``_batch`` and look at its keys."""
    also = (CURSOR,) if mapped.has_cursor else ()
    query = typed(table, mapped.sql, mapped.types, parents, mapped.conventions, also)
    if not mapped.is_repeatable:
        connection.execute(f"create temp table {COPIED} as {query.sql}")
        if mapped.is_pseudonymous and _has_errors(connection):
            connection.execute(f"update temp.{CSV_ERRORS} set csv_line = null")
        connection.execute(f"create temp view {BATCH} as from {COPIED}")
        return query, survey(connection, table, BATCH)
    connection.execute(f"create temp view {BATCH} as {query.sql}")
    seen = survey(connection, table, BATCH, parents)
    if seen.known:
        unknown = {name: relation for name, relation in parents.items() if name not in seen.known}
        query = typed(table, mapped.sql, mapped.types, unknown, mapped.conventions, also)
        connection.execute(f"create or replace temp view {BATCH} as {query.sql}")
    return query, seen


def _insert(connection: duckdb.DuckDBPyConnection, table: Table, load_id: int, rows: str) -> int:
    names = _list(table.column_names)
    return connection.execute(
        f"insert into raw.{table.name} ({names}, {LOAD_ID}) select {names}, {load_id} from {rows}"
    ).fetchall()[0][0]


def _quarantine(connection: duckdb.DuckDBPyConnection, table: Table, load_id: int, file: str | None) -> int:
    return connection.execute(
        f"""
        insert into ops.quarantine (load_id, source_table, file, row_number, column_name, value, reason, row_json)
        select {load_id}, '{table.name}', ?, {ROW}, column_name, _value, reason, _row_json
        from {REJECTED} where reason <> '{DUPLICATE}'
        """,
        [file],
    ).fetchall()[0][0]


def _reject(connection: duckdb.DuckDBPyConnection, table: Table, query: TypedQuery, seen: Survey) -> None:
    """Make ``_rejected`` of the rows that break the contract, of lines that are no rows and of repeated keys."""
    columns = ", ".join(f"'{problem.column}'" for problem in query.problems)
    reasons = ", ".join(f"'{problem.reason}'" for problem in query.problems)
    connection.execute(f"""
        create temp table {REJECTED} as
        select {ROW}, [{columns}][_problem] as column_name, [{reasons}][_problem] as reason, _value, _row_json
        from {BATCH} where _problem is not null
    """)
    if _has_errors(connection):
        connection.execute(f"insert into {REJECTED} {_UNPARSABLE}")
    if seen.is_repeated:
        _reject_repeated_keys(connection, table)


def _know_rejected_rows(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Take rows that are in quarantine already for duplicates: a cursor reads its last rows again and again."""
    connection.execute(f"""
        update {REJECTED} set reason = '{DUPLICATE}' where exists (
            select 1 from ops.quarantine as known
            where known.source_table = '{table.name}' and known.reason = {REJECTED}.reason
                and known.column_name = {REJECTED}.column_name and known.row_json = {REJECTED}._row_json
        )
    """)


def _largest_cursor(connection: duckdb.DuckDBPyConnection, since: str | None) -> str | None:
    """Return the largest cursor as text, compared as what it is."""
    kind = describe(connection, f"from {BATCH}")[CURSOR]
    query = f"select cast(greatest(max({CURSOR}), cast(? as {kind})) as varchar) from {BATCH}"
    return connection.execute(query, [since]).fetchall()[0][0]


def _has_errors(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether CSV was read; cheaper than a list of tables, which would be that of the lake too."""
    try:
        connection.execute(f"select 1 from temp.{CSV_ERRORS} limit 0")
    except duckdb.CatalogException:
        return False
    return True


# A line can break more than one rule of CSV, and a file can be scanned more than once: one row a line. Its number is
# negative while it is set aside, so that it is never taken for that of a row.
_UNPARSABLE = f"""
    select -cast(line as bigint), null, 'unparsable_line', any_value(csv_line), null
    from (
        select errors.line, errors.csv_line, scans.file_path
        from {CSV_ERRORS} as errors inner join {CSV_SCANS} as scans using (scan_id, file_id)
    )
    group by line, file_path
"""


def _reject_repeated_keys(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Among rows of one key, keep one if they are all alike and none if they contradict each other."""
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


def _met_rows(connection: duckdb.DuckDBPyConnection, table: Table, seen: Survey, among: str) -> str | None:
    """Return a condition on stored rows that finds those this load may meet and spares most files; None for no rows."""
    if table.key_date is None:
        within = among
    elif seen.first is None:
        return None
    else:
        within = f"stored.\"{table.key_date}\" between date '{seen.first}' and date '{seen.last}' and {among}"
    found = connection.execute(f"select 1 from raw.{table.name} as stored where {within} limit 1").fetchall()
    return within if found else None


def _yield_to_known_rows(connection: duckdb.DuckDBPyConnection, table: Table, within: str) -> tuple[int, Months]:
    """Drop rows that the lake holds already, and remove from the lake those that this load restates.

    Returns:
        How many rows were restated, and how many of them left a month for another, by the month left.
    """
    stored = f"raw.{table.name} as stored"
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
        return 0, {}
    left: Months = {}
    if table.time_column not in table.key:
        before, after = (f'last_day({alias}."{table.time_column}")' for alias in ("known", "good"))
        left = dict(
            connection.execute(f"""
                select {before}, count(*) from {KNOWN} as known inner join {GOOD} as good using ({key})
                where {before} <> {after} group by all
            """).fetchall()
        )
    same_row = " and ".join(f'stored."{name}" = good."{name}"' for name in table.key)
    connection.execute(f"delete from {stored} using {GOOD} as good where {within} and {same_row}")
    for load_id, rows in loads:
        connection.execute(
            "update ops.loads set rows_superseded = rows_superseded + ? where load_id = ?", [rows, load_id]
        )
    return sum(rows for _, rows in loads), left


def _months_of(connection: duckdb.DuckDBPyConnection, table: Table, load_id: int, accepted: int) -> Months:
    if not accepted:
        return {}
    month = f'last_day("{table.time_column}")'
    return dict(
        connection.execute(
            f"select {month}, count(*) from raw.{table.name} where {LOAD_ID} = {load_id} and {month} is not null"
            " group by all"
        ).fetchall()
    )


def _added(one: Months, other: Months) -> Months:
    return {month: one.get(month, 0) + other.get(month, 0) for month in one.keys() | other.keys()}


def lake_parents(table: Table) -> dict[str, str]:
    """Return where the references of a table, and the rates of its currency, are looked up: among accepted rows."""
    rates = {EXCHANGE_RATES: CONVERTIBLE_DAYS} if table.currency else {}
    return {name: f"raw.{name}" for name in load_contract() if name in table.parents} | rates


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _struct(names: tuple[str, ...], alias: str | None = None) -> str:
    prefix = f"{alias}." if alias else ""
    return "{" + ", ".join(f"'{name}': {prefix}\"{name}\"" for name in names) + "}"


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    return connection.execute(f"select count(*) from {relation}").fetchall()[0][0]
