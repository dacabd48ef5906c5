"""The tables of a PostgreSQL target as they shall be, and what has to be done where they are not so yet.

Nothing is ever dropped that somebody else may lean on: tables and columns stay, so views, grants and open sessions do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestration.ingest.sql_text import sql_name, sql_text
from orchestration.serving.tables import CUSTOMERS, REGISTRY, VERSION, ServedTable

# As format_type() of PostgreSQL writes them; others are the same in both.
_TYPES = {"varchar": "text", "double": "double precision", "timestamp": "timestamp without time zone"}
_LONGEST_NAME = 63


@dataclass(frozen=True)
class Column:
    """A column as PostgreSQL has it."""

    sql_type: str
    comment: str | None


def postgres_type(sql_type: str) -> str:
    """Return DuckDB's type as PostgreSQL names it."""
    return _TYPES.get(sql_type, sql_type.replace("decimal", "numeric"))


def create_table(schema: str, table: ServedTable) -> str:
    """Return the statement that makes a table, still without keys.

    What will be its primary key is never null from the start: the key would have every row read again to see that.
    """
    keys = () if table.nullable_keys else table.grain
    columns = ", ".join(
        f"{sql_name(column.name)} {postgres_type(column.sql_type)}{' not null' if column.name in keys else ''}"
        for column in table.columns
    )
    return f"create table {schema}.{table.name} ({columns})"


def column_changes(schema: str, table: ServedTable, existing: Mapping[str, Column]) -> list[str]:
    """Return what an existing table needs: columns that an upgrade added, types that it changed."""
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
    """Return the comments on a table and its columns that are not there yet."""
    on_columns = [
        f"comment on column {schema}.{table.name}.{sql_name(column.name)} is {sql_text(column.description)}"
        for column in table.columns
        if column.name not in existing or existing[column.name].comment != column.description
    ]
    on_table = f"comment on table {schema}.{table.name} is {sql_text(table.description)}"
    return [on_table, *on_columns] if on_columns else []


def constraints(schema: str, tables: Sequence[ServedTable]) -> dict[tuple[str, str], str]:
    """Return the keys of all tables by table and name, as pg_get_constraintdef() writes them: primary keys first.

    Tables of customers refer to the customers of the version, other tables of versions to the registry: one reference
    per row, for the customers refer to the registry themselves and each costs a look-up per row. They are checked when
    a transaction commits, so rows may go and come back within it.
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
                continue  # events: they outlive the version that they came from
            # Rows of one customer each: others name a customer that the version need not have.
            if parent == CUSTOMERS and not (table.is_of_persons and "customer_id" in table.grain):
                continue
            columns = ", ".join(keys)
            foreign[table.name, _name(table.name, parent, "fkey")] = (
                f"FOREIGN KEY ({columns}) REFERENCES {schema}.{parent}({columns}) DEFERRABLE INITIALLY DEFERRED"
            )
            break
    return primary | foreign


def indexes(schema: str, table: ServedTable) -> dict[str, str]:
    """Return the indexes of a table by name, each with the statement that makes it."""
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
