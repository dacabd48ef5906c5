"""The tables that are served: those of the schema ``bi``, as dbt declares them."""

from dataclasses import dataclass, replace
from functools import cache

from orchestration.lake.declarations import Column, DeclaredTable, declared_tables

VERSION = "version_id"
REGISTRY = "segmentation_versions"
"""The registry of versions: tables refer to it."""
CUSTOMERS = "customer_segment_history"
"""One row per customer and version: tables of customers refer to it."""


@dataclass(frozen=True)
class ServedTable:
    """A table: what a row is (``grain``, of which ``nullable_keys`` may be null), and what analysts filter by.

    ``is_history`` says whether it holds every published version and so grows by version, else it holds only what is
    current; ``is_of_persons`` whether a row is a single person, organization or household.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    grain: tuple[str, ...]
    nullable_keys: tuple[str, ...]
    filters: tuple[str, ...]
    is_history: bool
    is_of_persons: bool


@cache
def served_tables() -> dict[str, ServedTable]:
    """Return the tables of the schema ``bi`` by name."""
    return {name: _served(table) for name, table in declared_tables("bi").items()}


def _served(table: DeclaredTable) -> ServedTable:
    return ServedTable(
        name=table.name,
        description=table.description,
        columns=tuple(replace(column, sql_type=column.sql_type.replace(" ", "")) for column in table.columns),
        grain=table.grain,
        nullable_keys=tuple(table.meta.get("nullable_keys", ())),
        filters=tuple(table.meta.get("filters", ())),
        is_history=VERSION in table.grain,
        is_of_persons=any(column.personal == "identifier" and column.name in table.grain for column in table.columns),
    )
