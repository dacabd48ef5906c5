"""Upgrade a lake made by an earlier release: missing tables and columns, and what depends on them.

A column that a table lacks is added, null in all existing rows; a column that is no longer declared stays. Values of
a new column for old rows, and tables to rebuild because of one, are listed here and nowhere else.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from orchestration.lake.contract import LOAD_ID, load_contract
from orchestration.lake.declarations import declared_tables, tables_of_days
from orchestration.lake.table_statistics import note_empty
from orchestration.lake.warehouse import transaction

Existing = Mapping[str, set[str]]


@dataclass(frozen=True)
class TableShape:
    """What a table must have: its columns with their types, and the columns it is partitioned by when created.

    If not ``made_here``, the table is only completed if it exists, because dbt creates it.
    """

    key: str
    columns: Mapping[str, str]
    partitioned_by: Sequence[str] = ()
    made_here: bool = True


def ensure_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create missing tables and columns of ``raw`` and ``ops``; changes nothing if all are there.

    Raises:
        duckdb.Error: the lake cannot be written.
    """
    _complete(connection, (*_source_tables(), *_records()))


def migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring every table up to this release: those of ``ensure_tables``, and those that Python and dbt derive from them.

    Raises:
        duckdb.Error: the lake cannot be written.
    """
    _complete(connection, (*_source_tables(), *_records(), *_derived_tables()))


def _source_tables() -> Iterator[TableShape]:
    for table in load_contract().values():
        types = {column.name: column.data_type for column in table.columns}
        yield TableShape(f"raw.{table.name}", types | {LOAD_ID: "bigint"}, table.partition_by)


def _records() -> Iterator[TableShape]:
    for table in declared_tables("ops").values():
        yield TableShape(table.key, table.types)


def _derived_tables() -> Iterator[TableShape]:
    for layer in ("intermediate", "segments"):
        for table in declared_tables(layer).values():
            # Partitioned by month, so that one month can be read alone.
            by_month = ("as_of_date",) if table.is_versioned else ()
            yield TableShape(table.key, table.types, by_month, made_here=not table.is_model)
    for table in tables_of_days().values():
        yield TableShape(table.key, table.types, tuple(table.meta.get("partition_by", ())))


def _complete(connection: duckdb.DuckDBPyConnection, tables: Iterable[TableShape]) -> None:
    existing = _columns(connection)
    statements = [statement for is_due, statement in _OUTDATED if is_due(existing)]
    statements += _rename_columns(existing)
    for table in tables:
        found = existing.get(table.key)
        before = _RENAMED.get(table.key)
        if found is None and before is not None and before in existing:
            found = existing[before]
            statements += [
                f"alter table {before} rename to {table.key.split('.')[1]}",
                # Published views still read the old name until they are rebuilt, and so may others.
                f"create view {before} as from {table.key}",
            ]
        if found is not None:
            added = [name for name in table.columns if name not in found]
            statements += [f'alter table {table.key} add column "{name}" {table.columns[name]}' for name in added]
            statements += [_FILLED[f"{table.key}.{name}"] for name in added if f"{table.key}.{name}" in _FILLED]
        elif table.made_here:
            body = ", ".join(f'"{name}" {sql_type}' for name, sql_type in table.columns.items())
            statements.append(f"create table {table.key} ({body})")
            if table.partitioned_by:
                statements.append(f"alter table {table.key} set partitioned by ({', '.join(table.partitioned_by)})")
    if statements:
        with transaction(connection):
            for statement in statements:
                connection.execute(statement)
        note_empty(connection)


def _rename_columns(existing: dict[str, set[str]]) -> Iterator[str]:
    """Yield the statements that rename columns of an earlier release, and record the new names in ``existing``."""
    for key, names in _RENAMED_COLUMNS.items():
        found = existing.get(key, set())
        due = {new: old for new, old in names.items() if old in found and new not in found}
        for new, old in due.items():
            yield f"alter table {key} rename column {old} to {new}"
        if due:
            existing[key] = found - set(due.values()) | set(due)
            for view, query in _VIEWS.get(key, {}).items():
                if view in existing:
                    yield f"create or replace view {view} as {query}"


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "select schema_name || '.' || table_name, column_name from duckdb_columns()"
        " where database_name = current_database() and not internal"
    ).fetchall():
        found.setdefault(table, set()).add(column)
    return found


def _lacks(table: str, column: str) -> Callable[[Existing], bool]:
    return lambda existing: table in existing and column not in existing[table]


# Column names of earlier releases, by their current names.
_RENAMED_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "segments.triggers": {"retracted_date": "taken_back_date"},
    "intermediate.customer_month_covariates": {
        "usage_trend": "usage_ratio",
        "days_since_last_usage": "days_without_usage",
    },
}
# dbt views that read a renamed column: replaced by ones that read the new name until dbt builds them again.
_VIEWS: Mapping[str, Mapping[str, str]] = {
    "segments.triggers": {
        "bi.triggers": "select *, retracted_date is not null as is_retracted from segments.triggers",
    },
}
# Table names of earlier releases, by their current names.
_RENAMED: Mapping[str, str] = {
    "segments.behavior_events": "segments.cluster_events",
    "segments.churn_reasons": "segments.retention_hazards",
}
# Fills a new column in the rows that existed before it.
_FILLED: Mapping[str, str] = {
    # A version made before this was recorded is assumed to include the loads present when it was created.
    "segments.versions.last_load_id": (
        "update segments.versions set last_load_id = coalesce("
        "(select max(load_id) from ops.loads where loaded_at <= created_at), 0)"
    ),
}
# dbt tables that cannot continue from the state of an earlier release, and what is done about it.
_OUTDATED: Sequence[tuple[Callable[[Existing], bool], str]] = (
    # A build of usage_months continues from the previous one; a table from before ends were recorded is rebuilt.
    (_lacks("intermediate.usage_months", "usage_days_after_end"), "drop table intermediate.usage_months"),
)
