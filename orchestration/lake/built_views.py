"""Whether the views of ``bi`` are those of this release: they are built with a changed month, and after an upgrade."""

import duckdb

from orchestration.lake.relations import relations
from orchestration.lake.warehouse import transaction


def views_are_outdated(connection: duckdb.DuckDBPyConnection, sources_hash: str) -> bool:
    """Whether there are views, and others than these sources make, or nobody noted which."""
    there = relations(connection)
    if not any(schema == "bi" and kind == "view" for (schema, _), kind in there.items()):
        return False
    noted = connection.execute("from ops.built_views").fetchall() if ("ops", "built_views") in there else []
    return noted != [(sources_hash,)]


def note_views(connection: duckdb.DuckDBPyConnection, sources_hash: str) -> None:
    """Note what the views have been built from."""
    with transaction(connection):
        connection.execute("delete from ops.built_views")
        connection.execute("insert into ops.built_views values (?)", [sources_hash])
