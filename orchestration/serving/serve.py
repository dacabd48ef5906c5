"""Bringing one target up to what is published, and comparing it with the lake."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb

from orchestration.errors import SettingsError
from orchestration.lake.warehouse import Warehouse
from orchestration.serving.comparison import differences
from orchestration.serving.contents import Contents
from orchestration.serving.duckdb_file import DuckdbFile
from orchestration.serving.offer import offered_tables
from orchestration.serving.parquet_folder import ParquetFolder
from orchestration.serving.postgres import PostgresServer
from orchestration.serving.target import Served, Target
from orchestration.settings import Settings
from orchestration.settings.serving import DuckdbTarget, ParquetTarget, PostgresTarget, ServingTarget


def serve(warehouse: Warehouse, settings: Settings, name: str) -> Served:
    """Bring a target up to what is published, from whatever state it is in.

    Raises:
        ServingError: it failed; what it held stays, and so does what is published.
        SettingsError: there is no target of that name, or its settings name what there is not.
    """
    target, read_contents = _prepared(settings, name)
    tables = offered_tables(name, settings.serving[name])
    with _reader(warehouse) as connection:
        return target.update(connection, tables, lambda: read_contents(connection))


def compare(warehouse: Warehouse, settings: Settings, name: str) -> list[str]:
    """Return how a target differs from the lake, in sentences: rows, sums of money and the registry of versions.

    Raises:
        ServingError: it cannot be read.
        SettingsError: there is no target of that name.
    """
    target, read_contents = _prepared(settings, name)
    with _reader(warehouse) as connection, target.open(connection) as read:
        return differences(connection, read_contents(connection), read)


def places(settings: Settings) -> dict[str, str]:
    """Return where each target of the settings is, for people."""
    return {name: _target(name, target).place for name, target in settings.serving.items()}


def _prepared(settings: Settings, name: str) -> tuple[Target, Callable[[duckdb.DuckDBPyConnection], Contents]]:
    if name not in settings.serving:
        known = ", ".join(settings.serving) or "none"
        raise SettingsError(f"There is no serving target {name!r}. Targets in the settings: {known}.")
    chosen = settings.serving[name]
    tables = offered_tables(name, chosen)
    key = chosen.pseudonym_key.get_secret_value().encode() if chosen.pseudonym_key else None
    return _target(name, chosen), lambda connection: Contents(connection, tables, key)


def _target(name: str, settings: ServingTarget) -> Target:
    match settings:
        case PostgresTarget():
            return PostgresServer(name, settings)
        case DuckdbTarget():
            return DuckdbFile(name, settings)
        case ParquetTarget():
            return ParquetFolder(name, settings)


@contextmanager
def _reader(warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the lake to be read, within the memory of the settings; rows need not keep their order."""
    with warehouse.reader() as connection:
        connection.execute(f"set memory_limit = '{warehouse.memory_limit}'")
        connection.execute("set preserve_insertion_order = false")
        yield connection
