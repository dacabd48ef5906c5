"""The tables of actions, as dbt's ``models/actions/_sources.yml`` declares them, and the days that a run looks at."""

from collections.abc import Mapping, Sequence
from datetime import date

import duckdb
import pandas as pd
import yaml

from orchestration.lake.warehouse import transaction
from orchestration.paths import PROJECT_DIR
from orchestration.segments.tables import Column

TRIGGERS, ACTIONS, RESULTS = "triggers", "customer_actions", "action_results"
_DAYS = "action_days"
_PARTITIONS = {TRIGGERS: "trigger_date", ACTIONS: "action_date", RESULTS: "action_date"}


def _declared() -> dict[str, tuple[str, str, tuple[Column, ...]]]:
    file = PROJECT_DIR / "models" / "actions" / "_sources.yml"
    return {
        table["name"]: (
            source["name"],
            " ".join(table["description"].split()),
            tuple(Column(each["name"], each["data_type"], each["description"]) for each in table["columns"]),
        )
        for source in yaml.safe_load(file.read_text(encoding="utf-8"))["sources"]
        for table in source["tables"]
    }


DECLARED: Mapping[str, tuple[str, str, tuple[Column, ...]]] = _declared()
"""Schema, description and columns of each table."""


def columns_of(table: str) -> dict[str, str]:
    """Return the SQL types of a table's columns by their names."""
    return {column.name: column.sql_type for column in DECLARED[table][2]}


def ensure_action_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables and columns that are missing."""
    known: dict[tuple[str, str], set[str]] = {}
    for schema, table, column in connection.execute(
        "select table_schema, table_name, column_name from information_schema.columns"
        " where table_schema in ('ops', 'segments')"
    ).fetchall():
        known.setdefault((schema, table), set()).add(column)
    with transaction(connection):
        for table, (schema, _, _) in DECLARED.items():
            columns = columns_of(table)
            if (schema, table) not in known:
                ddl = ", ".join(f"{name} {sql_type}" for name, sql_type in columns.items())
                connection.execute(f"create table {schema}.{table} ({ddl})")
                if partition := _PARTITIONS.get(table):
                    connection.execute(
                        f"alter table {schema}.{table} set partitioned by (year({partition}), month({partition}))"
                    )
            for name in columns.keys() - known.get((schema, table), columns.keys()):
                connection.execute(f"alter table {schema}.{table} add column {name} {columns[name]}")


def set_days(connection: duckdb.DuckDBPyConnection, run_id: str, days: Sequence[date]) -> None:
    """Say which days the dbt models of a run describe; those of runs that are over are forgotten."""
    with transaction(connection):
        connection.execute("delete from ops.action_days")
        connection.execute("insert into ops.action_days (run_id, action_date) select ?, unnest(?::date[])",
                           [run_id, list(days)])  # fmt: skip


def replace_day(connection: duckdb.DuckDBPyConnection, table: str, day: date, frame: pd.DataFrame) -> int:
    """Replace the rows of a day by those of the frame, and return how many they are.

    The caller opens the transaction. Every declared column but action_date must be in the frame.
    """
    columns = {name: sql_type for name, sql_type in columns_of(table).items() if name != "action_date"}
    casts = ", ".join(f"cast({name} as {sql_type})" for name, sql_type in columns.items())
    connection.execute(f"delete from segments.{table} where action_date = ?", [day])
    connection.register("rows_of_day", frame)
    try:
        connection.execute(
            f"insert into segments.{table} (action_date, {', '.join(columns)}) select ?, {casts} from rows_of_day",
            [day],
        )
    finally:
        connection.unregister("rows_of_day")
    return len(frame)
