"""Many Parquet files in one pass, one load each: the overhead per file is paid once, and all cores read.

This works if no row can match another, in these files or in the lake. Otherwise the files are read one by one, in
order, which decides which row restates which.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import groupby

import duckdb

from orchestration.ingest.explain import explained
from orchestration.ingest.loading import batch
from orchestration.ingest.loading.plan import Unit
from orchestration.ingest.mapping.map_rows import map_rows
from orchestration.ingest.mapping.mapped import Mapped
from orchestration.ingest.mapping.rejection import BATCH, REJECTED, reject
from orchestration.ingest.reading.files import SourceFile
from orchestration.ingest.reading.readers import ROW, describe, is_parquet, number_of, place_of, rows_sql
from orchestration.ingest.sql_text import sql_text
from orchestration.lake.contract import LOAD_ID, Table
from orchestration.settings import LocationSettings, Settings, SourceSettings

# The survey of a pass must fit in memory: one group per entity and month.
_MOST_FILES, _MOST_BYTES = 128, 2**32


def runs(
    connection: duckdb.DuckDBPyConnection, source: SourceSettings, settings: Settings, units: Sequence[Unit]
) -> list[list[Unit]]:
    """Split units into runs that can be read together: consecutive Parquet files with the same columns."""
    location = settings.locations[source.location] if source.location and source.query is None else None
    if len(units) < 2 or location is None or location.database:
        return [[unit] for unit in units]
    return [
        run
        for _, alike in groupby(units, key=lambda unit: _columns(connection, unit, location))
        for run in _of_bearable_size(alike)
    ]


def load_together(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    mapped: Mapped,
    first_load_id: int,
    files: Sequence[SourceFile],
    *,
    among: str,
) -> list[batch.BatchCounts] | None:
    """Put every row where it belongs, under one load per file from ``first_load_id`` on.

    Returns:
        Where the rows of each file went; None, with nothing done, if some rows may match others.
    """
    query, seen = batch.prepare(connection, table, mapped, batch.lake_parents(table))
    if seen.is_repeated or batch.met_rows(connection, table, seen, among):
        batch.clear(connection)
        return None
    load_id = f"{first_load_id} + {place_of(ROW)}"
    accepted = batch.insert(connection, table, load_id, f"{BATCH} where _problem is null")
    rejected: dict[int, int] = {}
    if accepted < seen.rows:
        reject(connection, table, query, seen)
        rejected = _quarantine(connection, table, load_id, files)
    stored = _months(connection, table, first_load_id) if accepted else {}
    batch.clear(connection)
    counts = []
    for load in range(first_load_id, first_load_id + len(files)):
        by_month, quarantined = stored.get(load, {}), rejected.get(load, 0)
        rows = sum(by_month.values())
        months = {month: count for month, count in by_month.items() if month is not None}
        counts.append(batch.BatchCounts(rows + quarantined, rows, quarantined, months=months))
    return counts


@contextmanager
def explained_by_file(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    source: SourceSettings,
    settings: Settings,
    files: Sequence[SourceFile],
) -> Iterator[None]:
    """Turn DuckDB's errors into one that names the setting and, by reading each file separately, the file.

    Raises:
        SourceError: DuckDB failed.
    """
    what = f"sources.{table.name}"
    with explained(what, f"{files[0].path} and {len(files) - 1} more"):
        try:
            yield
        except duckdb.Error:
            apart = connection.cursor()
            for file in files:
                assert source.location is not None
                mapped = map_rows(apart, table, source, settings, {source.location: files}, [file])
                with explained(what, file.path):
                    apart.execute(f"select bit_xor(hash(columns(*))) from ({mapped.sql})")
            raise


def _columns(connection: duckdb.DuckDBPyConnection, unit: Unit, location: LocationSettings) -> object:
    """Return what consecutive files must have in common: the columns of Parquet; other files never match."""
    assert unit.file is not None
    path = unit.file.path
    if not is_parquet(path, location):
        return path
    with explained("location", path):
        return tuple(describe(connection, rows_sql(connection, [path], location)).items())


def _of_bearable_size(units: Iterator[Unit]) -> Iterator[list[Unit]]:
    run: list[Unit] = []
    size = 0
    for unit in units:
        assert unit.file is not None
        if run and (len(run) == _MOST_FILES or size + unit.file.size > _MOST_BYTES):
            yield run
            run, size = [], 0
        run.append(unit)
        size += unit.file.size
    yield run


def _quarantine(
    connection: duckdb.DuckDBPyConnection, table: Table, load_id: str, files: Sequence[SourceFile]
) -> dict[int, int]:
    """Put the rejected rows in quarantine, and return their number by load."""
    paths = ", ".join(sql_text(file.path) for file in files)
    connection.execute(f"""
        insert into ops.quarantine (load_id, source_table, file, row_number, column_name, value, reason, row_json)
        select {load_id}, '{table.name}', [{paths}][{place_of(ROW)} + 1], {number_of(ROW)}, column_name, _value, reason,
            _row_json
        from {REJECTED}
    """)
    return dict(connection.execute(f"select {load_id}, count(*) from {REJECTED} group by all").fetchall())


def _months(
    connection: duckdb.DuckDBPyConnection, table: Table, first_load_id: int
) -> dict[int, dict[date | None, int]]:
    """Return how many rows each load added, by month end of the table's time column."""
    rows = connection.execute(
        f'select {LOAD_ID}, last_day("{table.time_column}"), count(*) from raw.{table.name}'
        f" where {LOAD_ID} >= {first_load_id} group by all"
    ).fetchall()
    months: dict[int, dict[date | None, int]] = {}
    for load_id, month, count in rows:
        months.setdefault(load_id, {})[month] = count
    return months
