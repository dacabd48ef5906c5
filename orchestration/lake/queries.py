"""SQL of a person over the lake: read, and nothing else."""

import re
from typing import Any

import duckdb

from orchestration.errors import SegmentationError
from orchestration.lake.sql_guard import ROW_FUNCTIONS, Allowed, RefusedSqlError, require_query
from orchestration.lake.warehouse import Warehouse, lock_down

# What tells about the lake itself.
_ABOUT_THE_LAKE = frozenset({
    "duckdb_columns", "duckdb_functions", "duckdb_schemas", "duckdb_tables", "duckdb_types", "duckdb_views",
    "ducklake_list_files", "ducklake_snapshots", "ducklake_table_changes", "ducklake_table_deletions",
    "ducklake_table_info", "ducklake_table_insertions", "pragma_show", "pragma_table_info", "summary",
})  # fmt: skip
_EXPLAIN = re.compile(r"\s*explain(\s+analyze)?\s", re.IGNORECASE)


def query(warehouse: Warehouse, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the names of the columns and the rows of a query.

    The lake is attached to be read, the connection reaches no file but the lake's own, and anything but one SELECT,
    DESCRIBE, SHOW, SUMMARIZE or EXPLAIN of one is refused: no COPY, ATTACH, SET, INSTALL or LOAD.

    Raises:
        SegmentationError: the SQL is refused, or fails.
    """
    try:
        allowed = Allowed(lambda *_: True, ROW_FUNCTIONS | _ABOUT_THE_LAKE, may_describe=True)
        require_query(_EXPLAIN.sub("", sql, count=1).strip().rstrip(";"), allowed)
    except RefusedSqlError as error:
        raise SegmentationError(
            f"Refused: {error} This command only reads: a SELECT over the lake's tables. It writes no file; redirect "
            f"its output instead, for example with --format csv."
        ) from error
    with warehouse.reader() as connection:
        lock_down(connection, [warehouse.data_path, f"{warehouse.path}/tmp/"])
        try:
            result = connection.execute(sql)
            return [column[0] for column in result.description or []], result.fetchall()
        except duckdb.Error as error:
            raise SegmentationError(str(error)) from error
