"""Read-only SQL by users over the lake."""

import re
from typing import Any

import duckdb

from orchestration.errors import SegmentationError, VersionError
from orchestration.lake.declarations import declared_tables
from orchestration.lake.sql_guard import ROW_FUNCTIONS, Allowed, RefusedSqlError, require_query
from orchestration.lake.warehouse import ALIAS, Warehouse, lock_down

# Functions that describe the lake itself.
_ABOUT_THE_LAKE = frozenset({
    "duckdb_columns", "duckdb_functions", "duckdb_schemas", "duckdb_tables", "duckdb_types", "duckdb_views",
    "ducklake_list_files", "ducklake_snapshots", "ducklake_table_changes", "ducklake_table_deletions",
    "ducklake_table_info", "ducklake_table_insertions", "pragma_show", "pragma_table_info", "summary",
})  # fmt: skip
_VERSION, _CURRENT, _CUSTOMERS = "version_id", "customer_segments", "customer_segment_history"
_EXPLAIN = re.compile(r"\s*explain(\s+analyze)?\s", re.IGNORECASE)


def query(warehouse: Warehouse, sql: str, version_id: str | None = None) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the names of the columns and the rows of a query.

    With ``version_id`` the tables of ``bi`` are read as of that published version, as if it were the only one.

    The lake is attached read-only, the connection can access only the lake's own files, and anything but a single
    SELECT, DESCRIBE, SHOW, SUMMARIZE or an EXPLAIN of one is refused: no COPY, ATTACH, SET, INSTALL or LOAD.

    Raises:
        SegmentationError: the SQL is refused or fails.
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
        if version_id:
            _read_as_of(connection, version_id)
        lock_down(connection, [warehouse.data_path, f"{warehouse.path}/tmp/"])
        try:
            result = connection.execute(sql)
            return [column[0] for column in result.description or []], result.fetchall()
        except duckdb.Error as error:
            raise SegmentationError(str(error)) from error


def _read_as_of(connection: duckdb.DuckDBPyConnection, version_id: str) -> None:
    """Put views of one version before the tables of ``bi``, with that version as the current one.

    Raises:
        VersionError: the version is not published.
    """
    published = "select version_id from bi.segmentation_versions where status = 'published' order by version_id"
    known = [found for (found,) in connection.execute(published).fetchall()]
    if version_id not in known:
        raise VersionError(f"Version {version_id} is not published. Published: {', '.join(known) or 'none'}.")
    connection.execute("attach ':memory:' as one_version")
    connection.execute("create schema one_version.bi")
    views = "select view_name from duckdb_views() where database_name = ? and schema_name = 'bi'"
    declared = declared_tables("bi")
    for name in {name for (name,) in connection.execute(views, [ALIAS]).fetchall()} & declared.keys():
        if name != _CURRENT and _VERSION not in declared[name].grain:
            continue  # has no version
        source = _CUSTOMERS if name == _CURRENT else name
        connection.execute(
            f"create view one_version.bi.{name} as select * from {ALIAS}.bi.{source} where {_VERSION} = '{version_id}'"
        )
    # Of several schemas called bi, the first on the path wins; the lake's schemas are listed after it.
    schemas = connection.execute("select schema_name from duckdb_schemas() where database_name = ?", [ALIAS]).fetchall()
    path = "one_version.bi", *(f"{ALIAS}.{schema}" for (schema,) in schemas)
    connection.execute(f"set search_path = '{','.join(path)}'")
