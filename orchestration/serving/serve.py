"""Bringing one target up to what is published, comparing it with the lake, and telling who refreshes after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import duckdb

from orchestration.errors import SettingsError
from orchestration.lake.warehouse import Warehouse
from orchestration.serving.comparison import differences
from orchestration.serving.contents import Contents
from orchestration.serving.dlt_destination import DltDestination
from orchestration.serving.duckdb_file import DuckdbFile
from orchestration.serving.offer import offered_tables
from orchestration.serving.parquet_folder import ParquetFolder
from orchestration.serving.postgres import PostgresServer
from orchestration.serving.target import Served, Target
from orchestration.serving.telling import told
from orchestration.settings import Settings
from orchestration.settings.serving import DltTarget, DuckdbTarget, ParquetTarget, PostgresTarget, ServingTarget


def serve(warehouse: Warehouse, settings: Settings, name: str) -> tuple[Served, list[str]]:
    """Bring a target up to what is published, from whatever state it is in, and compare it with the lake.

    What was moved is compared in full, the rest by its rows; all of it where nothing was moved.

    Returns:
        What was moved, and in sentences how the target differs from the lake all the same: rows, values, sums of money,
        the registry of versions.

    Raises:
        ServingError: it failed; what it held stays, and so does what is published.
        SettingsError: there is no target of that name, or its settings name what there is not.
    """
    if name not in settings.serving:
        known = ", ".join(settings.serving) or "none"
        raise SettingsError(f"There is no serving target {name!r}. Targets in the settings: {known}.")
    chosen = settings.serving[name]
    tables, target = offered_tables(name, chosen), _target(name, chosen)
    key = chosen.pseudonym_key.get_secret_value().encode() if chosen.pseudonym_key else None
    with _reader(warehouse) as connection:
        contents = Contents(connection, tables, key)
        served = target.update(connection, contents)
        with connection.cursor() as beside, target.open(beside) as read:
            found = differences(contents, read, served.written + served.deleted)
    if chosen.webhook and served.is_changed and not found:
        served = told(served, name, chosen.webhook, datetime.now(UTC))
    return served, found


def places(settings: Settings) -> dict[str, str]:
    """Return where each target of the settings is, for people."""
    return {name: _target(name, target).place for name, target in settings.serving.items()}


def _target(name: str, settings: ServingTarget) -> Target:
    match settings:
        case PostgresTarget():
            return PostgresServer(name, settings)
        case DuckdbTarget():
            return DuckdbFile(name, settings)
        case ParquetTarget():
            return ParquetFolder(name, settings)
        case DltTarget():
            return DltDestination(name, settings)


@contextmanager
def _reader(warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the lake to be read, within the memory of the settings; rows need not keep their order."""
    with warehouse.reader() as connection:
        connection.execute(f"set memory_limit = '{warehouse.memory_limit}'")
        connection.execute("set preserve_insertion_order = false")
        connection.execute("set enable_progress_bar = false")
        yield connection
