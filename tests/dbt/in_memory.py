"""Models as views over tables in memory: what a chain of them says of a few rows, in milliseconds."""

from collections.abc import Set
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb
import sqlglot
from sqlglot import exp

_LAYERS = {"staging", "intermediate", "features", "segments"}
# Sessions are counted by models of their own, which other tests hold.
_SESSIONS = "session_usage_days"


def create_views(connection: duckdb.DuckDBPyConnection, compiled: Path, target: str, given: Set[str]) -> None:
    """Make views of a model and of all that it reads.

    Args:
        connection: of ``connect``.
        compiled: the folder of the compiled models.
        target: the model; its view is in the schema result.
        given: what exists as tables already, with whatever columns the models read.
    """
    files = {file.stem: file for file in compiled.rglob("*.sql") if ".yml" not in str(file)}
    sql: dict[str, str] = {}
    places: dict[str, str] = {}
    reads: dict[str, set[str]] = {}
    waiting = [target]
    while waiting:
        name = waiting.pop()
        if name in reads:
            continue
        sql[name] = files[name].read_text()
        if name == "stg_usage":
            sql[name] = sql[name].split("union all")[0].split(")\n\n", 1)[1]
        tables = [
            table
            for table in sqlglot.parse_one(sql[name], read="duckdb").find_all(exp.Table)
            if table.db in _LAYERS and table.name in files and table.name not in {*given, _SESSIONS}
        ]
        places |= {table.name: f"{table.catalog}.{table.db}.{table.name}" for table in tables}
        reads[name] = {table.name for table in tables}
        waiting += reads[name]
    for name in TopologicalSorter(reads).static_order():
        connection.execute(f"create view {places.get(name, f'result.{name}')} as {sql[name]}")


def connect() -> duckdb.DuckDBPyConnection:
    """Return a lake and a workspace in memory, with the schemas of the layers and one for the result."""
    connection = duckdb.connect()
    for catalog in ("workspace", "lake"):
        connection.execute(f"attach ':memory:' as {catalog}; use {catalog}")
        for schema in (*sorted(_LAYERS), "raw", "ops", "result"):
            connection.execute(f"create schema {schema}")
    connection.execute("set threads = 1")
    return connection
