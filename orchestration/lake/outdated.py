"""What an earlier release kept in the lake and this one makes in the workspace of a run."""

from collections.abc import Collection

import duckdb

from orchestration.lake.warehouse import ALIAS


def drop_outdated(connection: duckdb.DuckDBPyConnection, moved: Collection[tuple[str, str]]) -> None:
    """Drop the lake's tables and views that are made elsewhere now, named by schema and table."""
    known = connection.execute(
        "select schema_name, view_name, 'view' from duckdb_views() where database_name = ? union all"
        " select schema_name, table_name, 'table' from duckdb_tables() where database_name = ?",
        [ALIAS, ALIAS],
    ).fetchall()
    for schema, name, kind in known:
        if (schema, name) in moved:
            connection.execute(f'drop {kind} {ALIAS}."{schema}"."{name}"')
