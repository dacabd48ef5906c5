"""Update one target to what is published, compare it with the lake, and notify whoever refreshes afterwards."""

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
    """Update a target to what is published, from any state, and compare it with the lake.

    What was moved is compared in full and the rest by row count; if nothing was moved, everything is compared in full.

    Returns:
        What was moved, and the remaining differences from the lake, one sentence each: rows, values, sums of money, the
        registry of versions.

    Raises:
        ServingError: it failed; the target is unchanged, and the publish is not affected.
        SettingsError: there is no target of that name, or its settings name something unknown.
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
    """Return where each target of the settings is, for messages."""
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
    """Open the lake for reading, within the memory limit of the settings; rows need not keep their order."""
    with warehouse.reader() as connection:
        connection.execute(f"set memory_limit = '{warehouse.memory_limit}'")
        connection.execute("set preserve_insertion_order = false")
        connection.execute("set enable_progress_bar = false")
        yield connection
