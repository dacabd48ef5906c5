"""The tables of actions, declared in dbt's ``models/actions/_sources.yml``, and the days that a run covers."""

from collections.abc import Mapping, Sequence
from datetime import date

import duckdb
import pandas as pd

from orchestration.lake.declarations import tables_of_days
from orchestration.lake.warehouse import transaction

TRIGGERS, ACTIONS, RESULTS = "triggers", "customer_actions", "action_results"


def columns_of(table: str) -> Mapping[str, str]:
    """Return the SQL types of a table's columns, by name."""
    return tables_of_days()[table].types


def set_days(connection: duckdb.DuckDBPyConnection, run_id: str, days: Sequence[date]) -> None:
    """Record which days the dbt models of a run build; days of earlier runs are removed."""
    with transaction(connection):
        connection.execute("delete from ops.action_days")
        connection.execute("insert into ops.action_days (run_id, action_date) select ?, unnest(?::date[])",
                           [run_id, list(days)])  # fmt: skip


def replace_day(
    connection: duckdb.DuckDBPyConnection, table: str, day: date, frame: pd.DataFrame, kept: str = "false"
) -> int:
    """Replace the rows of a day with those of the frame, and return their number.

    The caller opens the transaction. Every declared column except action_date must be in the frame. ``kept`` is SQL of
    rows that stay, with the day as ``$day``.
    """
    columns = {name: sql_type for name, sql_type in columns_of(table).items() if name != "action_date"}
    casts = ", ".join(f"cast({name} as {sql_type})" for name, sql_type in columns.items())
    connection.execute(f"delete from segments.{table} where action_date = $day and not ({kept})", {"day": day})
    connection.register("rows_of_day", frame)
    try:
        connection.execute(
            f"insert into segments.{table} (action_date, {', '.join(columns)}) select ?, {casts} from rows_of_day",
            [day],
        )
    finally:
        connection.unregister("rows_of_day")
    return len(frame)
