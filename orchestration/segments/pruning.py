"""Delete the rows of old revisions that nothing shows and that no remaining version was made from."""

from collections.abc import Iterable
from datetime import datetime

import duckdb

from orchestration.lake.declarations import REGISTRY, declared_tables
from orchestration.lake.relations import relations
from orchestration.lake.warehouse import transaction
from orchestration.segments.registry import versioned_tables

PRUNED = "pruned"
_OF_ANOTHER = "_version_id"


def prune(connection: duckdb.DuckDBPyConnection, keep_revisions: int, made_before: datetime) -> tuple[str, ...]:
    """Delete the rows of superseded and withdrawn versions, and return these versions, oldest first.

    For every month the newest ``keep_revisions`` stay, and so do versions made since ``made_before``. Never pruned are
    published versions and those that a remaining version refers to: as its previous version, the one its clusters were
    fitted in, or the one its cut-offs come from. The registry keeps a pruned version, so that its number is not reused,
    but it can no longer be published.

    Args:
        connection: of the writer.
        keep_revisions: revisions of a month that stay, at least 1.
        made_before: UTC, without zone; later versions stay.
    """
    with transaction(connection):
        old = connection.execute(
            """
            with ranked as (
                select *, row_number() over (partition by as_of_date order by revision desc) as newest
                from segments.versions
                where status <> 'pruned'
            )
            select version_id from ranked
            where newest > ? and created_at < ? and status in ('superseded', 'withdrawn')
            """,
            [keep_revisions, made_before],
        ).fetchall()
        gone = {version_id for (version_id,) in old}
        gone -= _named_by_others(connection, gone)
        for table in _tables(connection):
            connection.execute(
                f"delete from segments.{table} where version_id in (select unnest(?::varchar[]))", [sorted(gone)]
            )
        connection.execute(
            "update segments.versions set status = ? where version_id in (select unnest(?::varchar[]))",
            [PRUNED, sorted(gone)],
        )
    return tuple(sorted(gone))


def _named_by_others(connection: duckdb.DuckDBPyConnection, gone: set[str]) -> set[str]:
    """Return the versions of ``gone`` that remaining versions need, directly or through others."""
    pairs = {
        (version_id, named)
        for table, columns in _references(connection)
        for column in columns
        for version_id, named in connection.execute(
            f"select distinct version_id, {column} from segments.{table} where {column} <> version_id"
        ).fetchall()
    }
    needed: set[str] = set()
    while more := {named for version_id, named in pairs if named in gone - needed and version_id not in gone - needed}:
        needed |= more
    return needed


def _references(connection: duckdb.DuckDBPyConnection) -> Iterable[tuple[str, list[str]]]:
    """Yield the tables, including the registry, with their columns that refer to another version."""
    present = _tables(connection)
    for name, table in declared_tables("segments").items():
        if name in present or name == REGISTRY:
            yield name, [column for column in table.types if column.endswith(_OF_ANOTHER)]


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the versioned tables that exist; dbt creates its own when it first builds them."""
    return {name for schema, name in relations(connection) if schema == "segments"} & versioned_tables().keys()
