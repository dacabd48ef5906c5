"""The tables of a PostgreSQL target as they should be, and the statements that get them there.

Tables and columns are never dropped, so views, grants and open sessions of others survive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestration.ingest.sql_text import sql_name, sql_text
from orchestration.serving.tables import CUSTOMERS, REGISTRY, VERSION, ServedTable

# As PostgreSQL's format_type() writes them; all others have the same name in both.
_TYPES = {"varchar": "text", "double": "double precision", "timestamp": "timestamp without time zone"}
_LONGEST_NAME = 63


@dataclass(frozen=True)
class Column:
    """A column as PostgreSQL has it."""

    sql_type: str
    comment: str | None


def postgres_type(sql_type: str) -> str:
    """Return PostgreSQL's name of a DuckDB type."""
    return _TYPES.get(sql_type, sql_type.replace("decimal", "numeric"))


def create_table(schema: str, table: ServedTable) -> str:
    """Return the statement that creates a table, without keys.

    Columns of the future primary key are not null from the start; otherwise adding the key would read every row again.
    """
    keys = () if table.nullable_keys else table.grain
    columns = ", ".join(
        f"{sql_name(column.name)} {postgres_type(column.sql_type)}{' not null' if column.name in keys else ''}"
        for column in table.columns
    )
    return f"create table {schema}.{table.name} ({columns})"


def column_changes(schema: str, table: ServedTable, existing: Mapping[str, Column]) -> list[str]:
    """Return the changes of an existing table: columns that an upgrade added, types that it changed."""
    changes = []
    for column in table.columns:
        name, wanted = sql_name(column.name), postgres_type(column.sql_type)
        found = existing.get(column.name)
        if found is None:
            changes.append(f"alter table {schema}.{table.name} add column {name} {wanted}")
        elif found.sql_type != wanted:
            changes.append(
                f"alter table {schema}.{table.name} alter column {name} type {wanted} using {name}::{wanted}"
            )
    return changes


def comments(schema: str, table: ServedTable, existing: Mapping[str, Column]) -> list[str]:
    """Return the comments on a table and its columns that are missing or outdated."""
    on_columns = [
        f"comment on column {schema}.{table.name}.{sql_name(column.name)} is {sql_text(column.description)}"
        for column in table.columns
        if column.name not in existing or existing[column.name].comment != column.description
    ]
    on_table = f"comment on table {schema}.{table.name} is {sql_text(table.description)}"
    return [on_table, *on_columns] if on_columns else []


def constraints(schema: str, tables: Sequence[ServedTable]) -> dict[tuple[str, str], str]:
    """Return the keys of all tables by table and name, as pg_get_constraintdef() writes them, primary keys first.

    Tables of customers refer to the customers of the version, other tables of versions to the registry. There is one
    reference per row, because each costs a lookup. They are checked when a transaction commits, so rows may be deleted
    and inserted again within it.
    """
    served = {table.name: table for table in tables}
    primary: dict[tuple[str, str], str] = {}
    foreign: dict[tuple[str, str], str] = {}
    for table in tables:
        if table.grain and not table.nullable_keys:
            primary[table.name, f"{table.name}_pkey"] = f"PRIMARY KEY ({', '.join(table.grain)})"
        names = {column.name for column in table.columns}
        for parent in (CUSTOMERS, REGISTRY):
            keys = served[parent].grain if parent in served else ()
            if table.name == parent or not keys or not names >= set(keys):
                continue
            if table.is_of_days or not (table.is_history or table.is_of_persons):
                continue  # events, which outlive the version that they came from
            # Rows of one customer each: others may name a customer that the version does not have.
            if parent == CUSTOMERS and not (table.is_of_persons and "customer_id" in table.grain):
                continue
            columns = ", ".join(keys)
            foreign[table.name, _name(table.name, parent, "fkey")] = (
                f"FOREIGN KEY ({columns}) REFERENCES {schema}.{parent}({columns}) DEFERRABLE INITIALLY DEFERRED"
            )
            break
    return primary | foreign


def indexes(schema: str, table: ServedTable) -> dict[str, str]:
    """Return the indexes of a table by name, each with the statement that creates it."""
    wanted: dict[str, Sequence[str]] = {_name(table.name, column, "idx"): [column] for column in table.filters}
    if table.grain and table.nullable_keys:
        wanted[_name(table.name, "grain", "idx")] = table.grain
    if not table.grain and table.is_history:
        wanted[_name(table.name, VERSION, "idx")] = [VERSION]
    return {
        name: f"create index {name} on {schema}.{table.name} ({', '.join(map(sql_name, columns))})"
        for name, columns in wanted.items()
    }


def _name(*parts: str) -> str:
    return "_".join(parts)[:_LONGEST_NAME]
