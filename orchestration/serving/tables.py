"""The tables that are served: those of the schema ``bi``, as dbt declares them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

from orchestration.ingest.sql_text import sql_name, sql_text
from orchestration.lake.declarations import Column, DeclaredTable, declared_tables

VERSION = "version_id"
REGISTRY = "segmentation_versions"
"""The registry of versions, which tables refer to."""
CUSTOMERS = "customer_segment_history"
"""One row per customer and version, which tables of customers refer to."""
CURRENT = "current"
"""The only part of a table of the current state."""
OPEN = "open"
"""The part of a table of days whose rows have no date yet."""


@dataclass(frozen=True)
class ServedTable:
    """A table: its grain (of which ``nullable_keys`` may be null) and the columns that analysts filter by.

    ``part_by`` is the column by which it grows: the version for a history, the date for a table of days (``part_by``
    under ``config.meta``), None for a table of the current state. ``is_of_persons`` says whether a row is a single
    person, organization or household.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    grain: tuple[str, ...]
    nullable_keys: tuple[str, ...]
    filters: tuple[str, ...]
    part_by: str | None
    is_of_persons: bool

    @property
    def is_history(self) -> bool:
        """Whether it holds every published version, and rows never change within one."""
        return self.part_by == VERSION

    @property
    def is_of_days(self) -> bool:
        """Whether it grows by a date instead of a version."""
        return self.part_by is not None and not self.is_history

    @property
    def is_large(self) -> bool:
        """Whether it grows with the number of customers; other tables have some hundred rows per version."""
        return self.is_of_persons or self.is_of_days

    @property
    def part_sql(self) -> str:
        """SQL, for every target, of a row's part: a version, a day as 2026-01-31, ``OPEN`` or ``CURRENT``."""
        if self.part_by is None:
            return sql_text(CURRENT)
        if self.is_history:
            return VERSION
        return f"coalesce(cast({sql_name(self.part_by)} as varchar(10)), {sql_text(OPEN)})"

    def of_parts(self, parts: Iterable[str]) -> str:
        """Return the SQL condition for the rows of some parts, for every target."""
        named = set(parts)
        # An earlier release may have served the table as one part.
        if self.part_by is None or CURRENT in named:
            return "1 = 1"
        column, dated = sql_name(self.part_by), ", ".join(map(sql_text, sorted(named - {OPEN})))
        conditions = ([f"{column} in ({dated})"] if dated else []) + ([f"{column} is null"] if OPEN in named else [])
        return f"({' or '.join(conditions)})"


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
        part_by=VERSION if VERSION in table.grain else table.meta.get("part_by"),
        is_of_persons=any(column.personal == "identifier" and column.name in table.grain for column in table.columns),
    )
