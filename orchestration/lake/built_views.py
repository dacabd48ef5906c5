"""Whether the views of ``bi`` match this release: they are rebuilt with a changed month and after an upgrade."""

import duckdb

from orchestration.lake.relations import relations
from orchestration.lake.warehouse import transaction


def views_are_outdated(connection: duckdb.DuckDBPyConnection, sources_hash: str) -> bool:
    """Whether there are views that were built from other sources than these, or from unrecorded ones."""
    there = relations(connection)
    if not any(schema == "bi" and kind == "view" for (schema, _), kind in there.items()):
        return False
    noted = connection.execute("from ops.built_views").fetchall() if ("ops", "built_views") in there else []
    return noted != [(sources_hash,)]


def note_views(connection: duckdb.DuckDBPyConnection, sources_hash: str) -> None:
    """Record the sources that the views have been built from."""
    with transaction(connection):
        connection.execute("delete from ops.built_views")
        connection.execute("insert into ops.built_views values (?)", [sources_hash])
