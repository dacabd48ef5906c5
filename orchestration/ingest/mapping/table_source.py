"""What fills a table: its source in the settings, the locations that the source reads, and their files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.reading.files import SourceFile
from orchestration.lake.contract import Table
from orchestration.settings import LocationSettings, Settings, SourceSettings


@dataclass(frozen=True)
class TableSource:
    """What fills a table, where it is read and from which point; the fields are the arguments of ``map_rows``."""

    connection: duckdb.DuckDBPyConnection
    table: Table
    source: SourceSettings
    settings: Settings
    files: Mapping[str, Sequence[SourceFile]]
    read: Sequence[SourceFile]
    since: str | None

    @property
    def name(self) -> str:
        """The name of the source in the settings."""
        return f"sources.{self.table.name}"

    @property
    def where(self) -> str:
        """The condition on rows as a SQL clause, or empty."""
        return f" where (\n{self.source.where}\n)" if self.source.where else ""


def locations_of(source: SourceSettings, locations: Mapping[str, LocationSettings]) -> list[str]:
    """Return the locations that a source reads: its own, and those its query names.

    Raises:
        SourceError: it reads none that the settings define.
    """
    named = named_locations(source, locations)
    if unknown := [name for name in named if name not in locations]:
        raise SourceError(f"location {unknown[0]!r} is not among 'locations' ({', '.join(locations) or 'none'}).")
    if not named:
        raise SourceError(f"the query names none of the 'locations' ({', '.join(locations) or 'none'}).")
    return named


def named_locations(source: SourceSettings, locations: Mapping[str, LocationSettings]) -> list[str]:
    """Return the names of locations in a source: defined ones in its query, and its own whether defined or not."""
    named = [name for name in locations if re.search(rf"\b{name}\b", source.query or "")]
    return named + ([source.location] if source.location and source.location not in named else [])
