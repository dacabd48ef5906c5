"""The segment tables that Python writes: their columns, as dbt declares them, and the one way to write them.

Every row carries its version. A write replaces that version's rows in one transaction and names its columns, so a
repeated or killed run leaves the same table. The segment tables that are joins and rules are dbt models instead.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb
import pandas as pd
import yaml

from orchestration.lake.warehouse import transaction
from orchestration.paths import PROJECT_DIR

KEY_COLUMNS = {"version_id": "varchar", "as_of_date": "date"}


@dataclass(frozen=True)
class Column:
    """A column as ``models/segments/_sources.yml`` declares it."""

    name: str
    sql_type: str
    description: str


def _declared() -> dict[str, tuple[Column, ...]]:
    """Read the columns of every table."""
    file = PROJECT_DIR / "models" / "segments" / "_sources.yml"
    (source,) = yaml.safe_load(file.read_text(encoding="utf-8"))["sources"]
    return {
        table["name"]: tuple(
            Column(column["name"], column["data_type"], column["description"]) for column in table["columns"]
        )
        for table in source["tables"]
    }


DECLARED_COLUMNS: Mapping[str, tuple[Column, ...]] = _declared()
"""Columns of each table, those of the key first."""

SEGMENT_TABLES: Mapping[str, Mapping[str, str]] = {
    table: {column.name: column.sql_type for column in columns if column.name not in KEY_COLUMNS}
    for table, columns in DECLARED_COLUMNS.items()
    if table != "versions"  # the registry, which has a module of its own
}
"""SQL types of the columns of each table, without those of the key."""


def ensure_segment_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables and columns that are missing; tables are partitioned so that a month is read alone."""
    known: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "select table_name, column_name from information_schema.columns where table_schema = 'segments'"
    ).fetchall():
        known.setdefault(table, set()).add(column)
    with transaction(connection):
        for table, columns in SEGMENT_TABLES.items():
            if table not in known:
                ddl = ", ".join(f"{name} {sql_type}" for name, sql_type in (KEY_COLUMNS | dict(columns)).items())
                connection.execute(f"create table segments.{table} ({ddl})")
                connection.execute(f"alter table segments.{table} set partitioned by (as_of_date)")
            for name in columns.keys() - known.get(table, columns.keys()):
                connection.execute(f"alter table segments.{table} add column {name} {columns[name]}")


def write_segment(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    version_id: str,
    as_of_date: object,
    frames: pd.DataFrame | Iterable[pd.DataFrame],
) -> int:
    """Replace the rows of ``version_id`` in ``segments.<table>`` by those of the frames; return how many they are.

    The caller opens the transaction. Columns beyond the declared ones are an error, as are missing ones.
    """
    columns = SEGMENT_TABLES[table]
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
