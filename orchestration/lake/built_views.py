"""Whether the views of ``bi`` are those of this release: they are built with a changed month, and after an upgrade."""

import duckdb

from orchestration.lake.warehouse import transaction


def are_views_of(connection: duckdb.DuckDBPyConnection, sources_hash: str) -> bool:
    """Whether the views were built last from these sources; false where nobody noted it."""
    noted = connection.execute(
        "select 1 from duckdb_tables() where database_name = current_database()"
        " and schema_name = 'ops' and table_name = 'built_views'"
    ).fetchall()
    return bool(noted) and connection.execute("from ops.built_views").fetchall() == [(sources_hash,)]


def note_views(connection: duckdb.DuckDBPyConnection, sources_hash: str) -> None:
    """Note what the views have been built from."""
    with transaction(connection):
        connection.execute("delete from ops.built_views")
        connection.execute("insert into ops.built_views values (?)", [sources_hash])
