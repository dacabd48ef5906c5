"""One load into the lake: rows are checked, compared with existing ones, and written; all of it set-based.

Every row read ends in exactly one place: accepted, quarantined or counted as a duplicate. A record in a file that was
not delivered by the reader counts as read too, so that the check of the sums blocks. Rows that are cheap to read again
(plain columns of Parquet) are not copied; others are copied once, to disk if memory is short.

Most loads are good and new. So a survey of the keys first finds out whether any row could match another one, in the
load or in the lake. If not, the good rows go straight into the lake, and bad ones are sought only if fewer were written
than read. Rows are compared one by one only if some may match.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb

from orchestration.ingest.loading.survey import Months, Survey, survey
from orchestration.ingest.mapping.casting import TypedQuery, typed
from orchestration.ingest.mapping.completeness import lines_of, rows_lost
from orchestration.ingest.mapping.currency import CONVERTIBLE_DAYS
from orchestration.ingest.mapping.cursors import CURSOR
from orchestration.ingest.mapping.map_rows import Mapped
from orchestration.ingest.mapping.rejection import (
    BAD_LINES,
    BATCH,
    DUPLICATE,
    GOOD,
    REJECTED,
    REPEATED,
    as_struct,
    has_errors,
    know_rejected_rows,
    listed,
    quarantine,
    reject,
)
from orchestration.ingest.reading.bad_lines import BadLine
from orchestration.ingest.reading.lines import LINES
from orchestration.ingest.reading.readers import CSV_ERRORS, CSV_SCANS, ROW, describe
from orchestration.lake.contract import EXCHANGE_RATES, LOAD_ID, Table, load_contract

# Temporary relations of a load; BATCH is a view, over COPIED if the rows are not cheap to read twice.
COPIED, KNOWN = "_copied", "_known"


@dataclass(frozen=True)
class BatchCounts:
    """Where the rows of one load went; ``superseded`` counts rows of earlier loads that this one restated.

    ``months`` counts the rows added, changed or removed by month end of the table's time column. ``cursor_value`` is
    the largest cursor, as text, of this load and earlier ones.
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
    is_filtered: bool = False,
    since: str | None = None,
) -> BatchCounts:
    """Put every row where it belongs; the caller holds the transaction and records the load.

    Args:
        connection: within the caller's transaction.
        table: where the rows go.
        mapped: the rows.
        load_id: the load they belong to.
        file: the file they come from, if any.
        among: SQL condition on the stored rows (``stored``) that may match this load: not those it is to replace.
        is_filtered: whether a condition left out rows of the file.
        since: the largest cursor read before, if there is a cursor.
    """
    query, seen = prepare(connection, table, mapped, lake_parents(table))
    lines = lines_of(connection, mapped.texts)
    lost = rows_lost(connection, mapped.texts, seen.rows, lines.unparsable)
    bad = [] if not lines.bad else _withheld(lines.bad) if mapped.is_pseudonymous else lines.bad
    within = met_rows(connection, table, seen, among)
    superseded, months = 0, None
    if within or seen.is_repeated:
        reject(connection, table, query, seen, bad)
        if mapped.has_cursor:
            know_rejected_rows(connection, table)
        if within:
            superseded, months = _yield_to_known_rows(connection, table, within)
        accepted = insert(connection, table, load_id, GOOD)
    else:
        accepted = insert(connection, table, load_id, f"{BATCH} where _problem is null")
        if accepted < seen.rows or lines.count:
            reject(connection, table, query, seen, bad)
            if mapped.has_cursor:
                know_rejected_rows(connection, table)
    quarantined = duplicate = 0
    if accepted < seen.rows or lines.count:
        quarantined = quarantine(
            connection, table, load_id, file, seen, is_filtered=is_filtered, has_bad_lines=bool(bad)
        )
        duplicate = _count(connection, f"{REJECTED} where reason = '{DUPLICATE}'")
    new_months = seen.months if accepted == seen.rows else None
    counts = BatchCounts(
        seen.rows + lines.count + lost,
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
    """Type the rows, put the bad ones into ``_rejected`` and return how many rows were read; writes nothing."""
    clear(connection)
    query, seen = prepare(connection, table, mapped, parents)
    lines = lines_of(connection, mapped.texts)
    # For a sample, count only bad lines among its rows; the extent of a sample within long records does not matter.
    bad = [line for line in lines.bad if line.number <= seen.rows + lines.count + 1]
    reject(connection, table, query, seen, bad)
    return seen.rows + lines.unparsable + len(bad)


def _withheld(lines: Sequence[BadLine]) -> list[BadLine]:
    """Return lines without their text, which may contain identifiers."""
    return [replace(line, text="") for line in lines]


def clear(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop the temporary relations of a load."""
    connection.execute(f"drop view if exists temp.{BATCH}")
    for name in (COPIED, REJECTED, REPEATED, KNOWN, LINES, BAD_LINES, CSV_ERRORS, CSV_SCANS):
        connection.execute(f"drop table if exists temp.{name}")


def prepare(
    connection: duckdb.DuckDBPyConnection, table: Table, mapped: Mapped, parents: Mapping[str, str]
) -> tuple[TypedQuery, Survey]:
    """Create ``_batch`` of typed and checked rows, and survey its keys."""
    also = (CURSOR,) if mapped.has_cursor else ()
    query = typed(table, mapped.sql, mapped.types, parents, mapped.conventions, also)
    if not mapped.is_repeatable:
        connection.execute(f"create temp table {COPIED} as {query.sql}")
        if mapped.is_pseudonymous and has_errors(connection):
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


def insert(connection: duckdb.DuckDBPyConnection, table: Table, load_id: int | str, rows: str) -> int:
    """Write typed rows into the lake under a load id (or SQL of one), and return their number."""
    names = listed(table.column_names)
    return connection.execute(
        f"insert into raw.{table.name} ({names}, {LOAD_ID}) select {names}, {load_id} from {rows}"
    ).fetchall()[0][0]


def _largest_cursor(connection: duckdb.DuckDBPyConnection, since: str | None) -> str | None:
    """Return the largest cursor as text, compared in its own type."""
    kind = describe(connection, f"from {BATCH}")[CURSOR]
    query = f"select cast(greatest(max({CURSOR}), cast(? as {kind})) as varchar) from {BATCH}"
    return connection.execute(query, [since]).fetchall()[0][0]


def met_rows(connection: duckdb.DuckDBPyConnection, table: Table, seen: Survey, among: str) -> str | None:
    """Return a condition that finds stored rows this load may match and skips most files; None if there are none."""
    if table.key_date is None:
        within = among
    elif seen.first is None:
        return None
    else:
        within = f"stored.\"{table.key_date}\" between date '{seen.first}' and date '{seen.last}' and {among}"
    found = connection.execute(f"select 1 from raw.{table.name} as stored where {within} limit 1").fetchall()
    return within if found else None


def _yield_to_known_rows(connection: duckdb.DuckDBPyConnection, table: Table, within: str) -> tuple[int, Months]:
    """Reject rows that the lake already contains, and remove those that this load restates from the lake.

    Returns:
        How many rows were restated, and how many of them moved to another month, by the month they left.
    """
    stored = f"raw.{table.name} as stored"
    key = listed(table.key)
    connection.execute(
        f"create temp table {KNOWN} as from {stored} semi join (select {key} from {GOOD}) using ({key}) where {within}"
    )
    connection.execute(f"""
        insert into {REJECTED}
        select good.{ROW}, null, '{DUPLICATE}', null, null
        from {GOOD} as good inner join {KNOWN} as known using ({key})
        where {as_struct(table.column_names, "good")} is not distinct from {as_struct(table.column_names, "known")}
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
    """Return where references and exchange rates of a table are looked up: among accepted rows."""
    rates = {EXCHANGE_RATES: CONVERTIBLE_DAYS} if table.currency else {}
    return {name: f"raw.{name}" for name in load_contract() if name in table.parents} | rates


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    return connection.execute(f"select count(*) from {relation}").fetchall()[0][0]
