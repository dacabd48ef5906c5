"""The only way in which Python writes a segment table: the rows of a version, with the declared columns.

A write replaces that version's rows and names its columns, so a repeated or killed run leaves the same table. Segment
tables that consist of joins and rules are dbt models instead.
"""

from collections.abc import Iterable, Mapping

import duckdb
import pandas as pd

from orchestration.lake.warehouse import transaction
from orchestration.segments.candidate import Candidate
from orchestration.segments.registry import versioned_tables

_KEY = ("version_id", "as_of_date")
Frames = pd.DataFrame | Iterable[pd.DataFrame]


def columns_of(table: str) -> Mapping[str, str]:
    """Return the SQL types of the declared columns of a table, without the version and its date."""
    return {name: sql_type for name, sql_type in versioned_tables()[table].types.items() if name not in _KEY}


def write_segment(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    version_id: str,
    as_of_date: object,
    frames: Frames,
) -> int:
    """Replace the rows of ``version_id`` in ``segments.<table>`` by those of the frames; return their number.

    The caller opens the transaction. Undeclared columns are an error, as are missing ones.
    """
    columns = columns_of(table)
    names = ", ".join(columns)
    casts = ", ".join(f"cast({name} as {sql_type})" for name, sql_type in columns.items())
    connection.execute(f"delete from segments.{table} where version_id = ?", [version_id])
    rows = 0
    for frame in [frames] if isinstance(frames, pd.DataFrame) else frames:
        if set(frame.columns) != set(columns):
            missing, unknown = sorted(set(columns) - set(frame.columns)), sorted(set(frame.columns) - set(columns))
            raise ValueError(f"segments.{table}: missing columns {missing}, unknown columns {unknown}")
        connection.register("segment_rows", frame)
        connection.execute(
            f"insert into segments.{table} (version_id, as_of_date, {names}) select ?, ?, {casts} from segment_rows",
            [version_id, as_of_date],
        )
        connection.unregister("segment_rows")
        rows += len(frame)
    return rows


def write_tables(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, tables: Mapping[str, Frames]
) -> dict[str, int]:
    """Write the tables of a candidate in one transaction; return the number of rows of each."""
    with transaction(connection):
        return {
            table: write_segment(connection, table, candidate.version_id, candidate.as_of_date, frames)
            for table, frames in tables.items()
        }
