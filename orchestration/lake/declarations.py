"""Tables as declared in dbt's YAML, the only place where columns, types, grain, writers and readers are stated.

Tables that dbt builds are ``models`` there; those that Python writes are ``sources``. What dbt has no field for is
under ``config.meta``:

- ``grain``: the columns that identify a row;
- ``written_by``: the asset that writes a table which dbt does not build;
- ``reads``: the tables that this asset reads, as schema.table (for a dbt model its SQL says so);
- ``rows_of_month``: for a table without ``as_of_date``, the SQL condition for rows known by ``$as_of``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from orchestration.paths import PROJECT_DIR

MODELS = PROJECT_DIR / "models"
REGISTRY = "versions"
# The C parser, if available, is ten times as fast.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Column:
    """A declared column; ``personal`` is "identifier" or "attribute" if it describes a person or a household."""

    name: str
    sql_type: str
    description: str
    personal: str | None = None


@dataclass(frozen=True)
class DeclaredTable:
    """A table of one layer.

    Attributes:
        schema: of the lake.
        name: within the schema.
        description: what a row is, and what it says.
        columns: in order; empty if only dbt's SQL determines them.
        meta: what dbt has no field for.
        is_model: whether dbt builds the table.
    """

    schema: str
    name: str
    description: str
    columns: tuple[Column, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)
    is_model: bool = False

    @property
    def key(self) -> str:
        """The name including the schema."""
        return f"{self.schema}.{self.name}"

    @property
    def types(self) -> Mapping[str, str]:
        """SQL types by column."""
        return {column.name: column.sql_type for column in self.columns}

    @property
    def is_versioned(self) -> bool:
        """Whether it holds the rows of every version, which the registry itself does not."""
        return {"version_id", "as_of_date"} <= self.types.keys() and self.name != REGISTRY

    @property
    def grain(self) -> tuple[str, ...]:
        """The columns that identify a row; empty if not declared."""
        return tuple(self.meta.get("grain", ()))


@cache
def declared_tables(schema: str) -> Mapping[str, DeclaredTable]:
    """Return the tables that are declared in a schema, by name.

    Models are declared in the folder of their schema, with every column if their contract is enforced; ``raw`` is
    declared with staging, and ``ops`` with intermediate.
    """
    return {table.name: table for table in _read({"ops": "intermediate", "raw": "staging"}.get(schema, schema), schema)}


@cache
def tables_of_days() -> Mapping[str, DeclaredTable]:
    """Return the action tables that Python writes, by name; they are keyed by day instead of version."""
    return {table.name: table for schema in ("ops", "segments") for table in _read("actions", schema)}


# A file may declare tables of two schemas.
@cache
def _content(file: Path) -> Mapping[str, Any]:
    content: Mapping[str, Any] = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    return content


def _read(folder: str, schema: str) -> Iterator[DeclaredTable]:
    for file in sorted((MODELS / folder).rglob("_*.yml")):
        content = _content(file)
        for source in content.get("sources", ()):
            if source["schema"] == schema:
                for table in source["tables"]:
                    yield _table(schema, table, is_model=False)
        for model in content.get("models", ()) if folder == schema else ():
            yield _table(schema, model, is_model=True)


def _table(schema: str, declared: Mapping[str, Any], is_model: bool) -> DeclaredTable:
    columns = tuple(
        Column(
            column["name"],
            column["data_type"],
            " ".join(column.get("description", "").split()),
            column.get("config", {}).get("meta", {}).get("personal"),
        )
        for column in declared.get("columns", ())
        if "data_type" in column
    )
    return DeclaredTable(
        schema=schema,
        # Model names are unique in dbt, table names only in their schema: bi__churn_kinds is bi.churn_kinds.
        name=declared["name"].split("__")[-1],
        description=" ".join(declared.get("description", "").split()),
        columns=columns,
        meta=declared.get("config", {}).get("meta", {}),
        is_model=is_model,
    )
