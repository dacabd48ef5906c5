"""Tables that an earlier release kept in the lake and this one makes in the workspace of a run."""

from collections.abc import Collection

import duckdb

from orchestration.lake.relations import relations
from orchestration.lake.warehouse import ALIAS


def drop_outdated(connection: duckdb.DuckDBPyConnection, moved: Collection[tuple[str, str]]) -> None:
    """Drop the lake's tables and views that are now made elsewhere, given by schema and table."""
    for (schema, name), kind in relations(connection).items():
        if (schema, name) in moved:
            connection.execute(f'drop {kind} {ALIAS}."{schema}"."{name}"')
