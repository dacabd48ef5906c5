"""What a load rejects: rows that break the contract, lines that are not rows, repeated keys."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from orchestration.ingest.loading.survey import Survey
from orchestration.ingest.mapping.casting import TypedQuery
from orchestration.ingest.mapping.control_characters import readable
from orchestration.ingest.reading.bad_lines import BadLine
from orchestration.ingest.reading.csv_files import CSV_ERRORS, CSV_SCANS
from orchestration.ingest.reading.lines import LINES, find_lines
from orchestration.ingest.reading.readers import ROW
from orchestration.lake.contract import Table

BATCH, REJECTED, REPEATED, BAD_LINES = "_batch", "_rejected", "_repeated", "_bad_lines"
# Row numbers of lines that DuckDB was not given count down from here, below those of lines that it rejected.
_NOT_GIVEN = -(1 << 50)
# The rows not rejected so far; evaluated again in every statement.
GOOD = f"(from {BATCH} anti join {REJECTED} using ({ROW}))"
DUPLICATE = "duplicate"


def has_errors(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether CSV was read; cheaper than listing tables, which would include the lake's."""
    try:
        connection.execute(f"select 1 from temp.{CSV_ERRORS} limit 0")
    except duckdb.CatalogException:
        return False
    return True


# A line can break several rules of CSV, and a file can be scanned several times: one row per line. Its number is
# negative in ``_rejected``, so that it is never mistaken for that of a row.
_LINE = readable("any_value(ltrim(csv_line, chr(13) || chr(10)))")
UNPARSABLE = f"""
    select -cast(line as bigint), null, 'unparsable_line', {_LINE}, null
    from (
        select errors.line, errors.csv_line, scans.file_path
        from {CSV_ERRORS} as errors inner join {CSV_SCANS} as scans using (scan_id, file_id)
    )
    group by line, file_path
"""


def reject(
    connection: duckdb.DuckDBPyConnection, table: Table, query: TypedQuery, seen: Survey, bad: Sequence[BadLine] = ()
) -> None:
    """Create ``_rejected`` from the rows that break the contract, lines that are not rows, and repeated keys.

    Args:
        connection: holds ``_batch``.
        table: the table the rows are for.
        query: what ``_batch`` is made of.
        seen: the survey of its keys.
        bad: lines of its files that DuckDB was not given; without their text if identifiers are pseudonymized.
    """
    columns = ", ".join(f"'{problem.column}'" for problem in query.problems)
    reasons = ", ".join(f"'{problem.reason}'" for problem in query.problems)
    connection.execute(f"""
        create temp table {REJECTED} as
        select {ROW}, [{columns}][_problem] as column_name, [{reasons}][_problem] as reason, _value, _row_json
        from {BATCH} where _problem is not null
    """)
    if has_errors(connection):
        connection.execute(f"insert into {REJECTED} {UNPARSABLE}")
    if bad:
        connection.register("_bad", _as_arrow(bad))
        connection.execute(f"create temp table {BAD_LINES} as from _bad")
        connection.unregister("_bad")
        connection.execute(
            f"insert into {REJECTED} select {ROW}, null, reason, {readable('value')}, null from {BAD_LINES}"
        )
    if seen.is_repeated:
        _reject_repeated_keys(connection, table)


def _as_arrow(bad: Sequence[BadLine]) -> pa.Table:
    return pa.table(
        {
            ROW: pa.array((_NOT_GIVEN - place for place in range(len(bad))), pa.int64()),
            "line": pa.array((line.number for line in bad), pa.int64()),
            "reason": pa.array((line.reason for line in bad), pa.string()),
            "value": pa.array((line.text or None for line in bad), pa.string()),
        }
    )


def _reject_repeated_keys(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Among rows with the same key, keep one if all are identical and none if they contradict each other."""
    row = as_struct(table.column_names)
    connection.execute(f"""
        create temp table {REPEATED} as
        select *, count(distinct {row}) over (partition by {listed(table.key)}) > 1 as is_conflict,
            row_number() over (partition by {listed(table.key)} order by {ROW}) as position
        from {GOOD} qualify count(*) over (partition by {listed(table.key)}) > 1
    """)
    connection.execute(f"""
        insert into {REJECTED}
        select {ROW}, case when is_conflict then '{table.key[0]}' end,
            case when is_conflict then 'duplicate_key_conflict' else '{DUPLICATE}' end,
            case when is_conflict then concat_ws(', ', {listed(table.key)}) end,
            case when is_conflict then cast(to_json({row}) as varchar) end
        from {REPEATED} where is_conflict or position > 1
    """)


def know_rejected_rows(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Count rows already in quarantine as duplicates: a cursor reads its last rows again and again."""
    connection.execute(f"""
        update {REJECTED} set reason = '{DUPLICATE}' where exists (
            select 1 from ops.quarantine as known
            where known.source_table = '{table.name}' and known.reason = {REJECTED}.reason
                and known.column_name = {REJECTED}.column_name and known.row_json = {REJECTED}._row_json
        )
    """)


def quarantine(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    load_id: int,
    file: str | None,
    seen: Survey,
    *,
    is_filtered: bool,
    has_bad_lines: bool,
) -> int:
    """Put the rejected rows in quarantine, those of text files with their lines; return their number."""
    connection.execute(f"create or replace temp table {LINES} ({ROW} bigint, line bigint)")
    if has_errors(connection):
        find_lines(connection, seen.rows if file else None, is_filtered=is_filtered)
    if has_bad_lines:
        connection.execute(f"insert into {LINES} select {ROW}, line from {BAD_LINES}")
    return connection.execute(
        f"""
        insert into ops.quarantine (load_id, source_table, file, row_number, line, column_name, value, reason, row_json)
        select {load_id}, '{table.name}', ?, case when {ROW} > 0 then {ROW} end, line, column_name, _value, reason,
            _row_json
        from {REJECTED} left join {LINES} using ({ROW}) where reason <> '{DUPLICATE}'
        """,
        [file],
    ).fetchall()[0][0]


def listed(names: tuple[str, ...]) -> str:
    """Return the names as SQL."""
    return ", ".join(f'"{name}"' for name in names)


def as_struct(names: tuple[str, ...], alias: str | None = None) -> str:
    """Return SQL of the columns as one value that compares equal even if both sides have nulls."""
    prefix = f"{alias}." if alias else ""
    return "{" + ", ".join(f"'{name}': {prefix}\"{name}\"" for name in names) + "}"
