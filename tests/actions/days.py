"""A day in memory: the facts of customers, and the tables that actions read and write, without a lake."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb
import yaml

from orchestration.lake.contract import load_contract
from orchestration.lake.declarations import REGISTRY, declared_tables, tables_of_days
from orchestration.paths import PROJECT_DIR

DAY = date(2025, 12, 10)


def fact_columns() -> dict[str, str]:
    """Return the SQL types of ``features.customer_days`` by column, as dbt declares them."""
    file = PROJECT_DIR / "models" / "actions" / "_actions.yml"
    models = {each["name"]: each for each in yaml.safe_load(file.read_text())["models"]}
    return {each["name"]: each["data_type"] for each in models["customer_days"]["columns"]}


def connect() -> duckdb.DuckDBPyConnection:
    """Return a database with the tables, all empty."""
    connection = duckdb.connect()
    for schema in ("raw", "ops", "segments", "features"):
        connection.execute(f"create schema {schema}")
    for table in load_contract().values():
        columns = ", ".join(f'"{each.name}" {each.data_type}' for each in table.columns)
        connection.execute(f"create table raw.{table.name} ({columns})")
    for declared in (*tables_of_days().values(), declared_tables("segments")[REGISTRY]):
        columns = ", ".join(f"{name} {sql_type}" for name, sql_type in declared.types.items())
        connection.execute(f"create table {declared.key} ({columns})")
    columns = ", ".join(f"{name} {sql_type}" for name, sql_type in fact_columns().items())
    connection.execute(f"create table features.customer_days ({columns})")
    connection.execute("set threads = 1")
    return connection


def put(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; columns that a row does not name are null."""
    for row in rows:
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        connection.execute(f"insert into {table} ({names}) values ({marks})", list(row.values()))


def facts(connection: duckdb.DuckDBPyConnection, *rows: Mapping[str, Any], day: date = DAY) -> None:
    """Put the facts of customers on a day in place of those of that day; they are open and consumers unless said."""
    connection.execute("delete from features.customer_days where action_date = ?", [day])
    usual = {
        "action_date": day,
        "month_start_date": day.replace(day=1),
        "version_id": "2025-11-30.1",
        "version_date": date(2025, 11, 30),
        "customer_type": "person",
        "market_segment": "consumer",
        "is_open": True,
        "is_prepaid": False,
    }
    put(connection, "features.customer_days", [usual | dict(row) for row in rows])


def customers(connection: duckdb.DuckDBPyConnection, *names: str, **columns: Any) -> None:
    """Put customers into the raw table, with consent to marketing unless said."""
    usual = {"customer_type": "person", "created_date": date(2020, 1, 1), "marketing_consent": True}
    put(connection, "raw.customers", [{"customer_id": name} | usual | columns for name in names])
