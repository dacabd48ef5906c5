"""Opening locations for a run, and restricting the connection to them before any SQL of the settings runs."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.reading import databases
from orchestration.ingest.reading.files import fixed_folder
from orchestration.ingest.reading.object_store import is_remote, know_store
from orchestration.ingest.reading.text_files import scratch_folder
from orchestration.ingest.sql_text import without_patterns
from orchestration.lake.warehouse import lock_down
from orchestration.settings import LocationSettings


def open_locations(
    connection: duckdb.DuckDBPyConnection, locations: Mapping[str, LocationSettings], folders: Iterable[Path]
) -> dict[str, SourceError]:
    """Attach databases and register object stores, then restrict the connection to the locations and ``folders``.

    Returns:
        Why a location cannot be opened, by name; the others are open.
    """
    closed: dict[str, SourceError] = {}
    for name, location in locations.items():
        try:
            if location.database:
                databases.attach(connection, name, location)
            elif any(map(is_remote, location.files)):
                know_store(connection, name, location)
        except SourceError as error:
            closed[name] = error
    patterns = [pattern for location in locations.values() for pattern in location.files]
    read = [fixed_folder(pattern) for pattern in patterns]
    own = [f"{folder}{os.sep}" for folder in (*folders, scratch_folder())]
    lock_down(connection, [*own, *read, *map(without_patterns, read)])
    return closed


def require_open(closed: Mapping[str, SourceError], names: Sequence[str]) -> None:
    """Refuse to read locations if one of them could not be opened.

    Raises:
        SourceError: the error raised when the location was opened.
    """
    for name in names:
        if name in closed:
            raise closed[name]
