"""The lake: the only module that knows how it is attached.

A DuckLake is Parquet files plus a SQL catalog. The catalog is a SQLite file by default (many readers, one writer)
or PostgreSQL (many writers). Extensions come from pinned packages, so no connection ever needs the network.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

import duckdb
from duckdb_extensions import import_extension

from orchestration.lib.settings import WarehouseSettings

ALIAS = "lake"
SCHEMAS = ("raw", "staging", "intermediate", "features", "segments", "bi", "ops")
# A writer that finds the SQLite catalog locked waits this long before it gives up.
BUSY_TIMEOUT_MS = 60_000


def install_extensions() -> None:
    """Put the extensions that the lake needs where ``LOAD`` finds them; a no-op when they are there."""
    for extension in ("ducklake", "sqlite_scanner", "postgres_scanner"):
        _install(extension)


def connect() -> duckdb.DuckDBPyConnection:
    """Return a connection of its own, in memory, whose extensions come by ``load_extension`` and never by network.

    DuckDB hashes all of an extension, 40 MB, to check its signature each time it is loaded. ``load_extension`` has that
    done once in a process, so the connection does not ask for it again.
    """
    return duckdb.connect(config={"autoinstall_known_extensions": "false", "allow_unsigned_extensions": "true"})


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load a packaged DuckDB extension into the connection; a no-op when it is loaded."""
    _install(name)
    _check_signature(name)
    connection.load_extension(name)


@cache
def _install(extension: str) -> None:
    import_extension(extension)


@cache
def _check_signature(extension: str) -> None:
    with duckdb.connect() as connection:
        connection.load_extension(extension)


class Warehouse:
    """The lake of one deployment.

    ``writer()`` and ``reader()`` give connections whose current catalog is the lake. A reader sees the last
    committed snapshot at each statement, is never blocked by a writer, and cannot write.
    """

    def __init__(self, settings: WarehouseSettings) -> None:
        self.path = settings.path
        self.catalog = settings.catalog
        self.memory_limit = settings.memory_limit
        self.threads = settings.threads or os.cpu_count() or 1

    @property
    def data_path(self) -> str:
        """Folder of the Parquet files, as the catalog stores it."""
        return f"{self.path}/data/"

    @property
    def uri(self) -> str:
        """What DuckDB attaches."""
        return "ducklake:" + (f"sqlite:{self.path}/catalog.sqlite" if self.catalog == "sqlite" else self.catalog)

    @property
    def attach_options(self) -> dict[str, Any]:
        """Options of ATTACH for a writer; also written into dbt's profile."""
        options: dict[str, Any] = {"data_path": self.data_path}
        if self.catalog == "sqlite":
            options |= {"meta_journal_mode": "WAL", "meta_busy_timeout": BUSY_TIMEOUT_MS}
        return options

    @property
    def exists(self) -> bool:
        """Whether a SQLite catalog has been made; a PostgreSQL catalog is taken to exist."""
        return self.catalog != "sqlite" or (self.path / "catalog.sqlite").exists()

    @contextmanager
    def writer(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Attach for writing, making the lake and its schemas when they are missing."""
        (self.path / "data").mkdir(parents=True, exist_ok=True)
        with self._attached(self.attach_options) as connection:
            connection.execute(f"set memory_limit = {_literal(self.memory_limit)}")
            known = {name for (name,) in connection.execute(
                "select schema_name from information_schema.schemata where catalog_name = ?", [ALIAS]
            ).fetchall()}  # fmt: skip
            if missing := [schema for schema in SCHEMAS if schema not in known]:
                with transaction(connection):
                    for schema in missing:
                        connection.execute(f"create schema if not exists {schema}")
            yield connection

    @contextmanager
    def reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Attach read-only."""
        with self._attached(self.attach_options | {"read_only": True}) as connection:
            yield connection

    def maintain(self, older_than: datetime) -> None:
        """Merge small data files, and delete snapshots before ``older_than`` with the files only they used."""
        with self.writer() as connection:
            connection.execute(f"call ducklake_merge_adjacent_files('{ALIAS}')")
            connection.execute(f"call ducklake_expire_snapshots('{ALIAS}', older_than => ?)", [older_than])
            connection.execute(f"call ducklake_cleanup_old_files('{ALIAS}', older_than => ?)", [older_than])

    @contextmanager
    def _attached(self, options: dict[str, Any]) -> Iterator[duckdb.DuckDBPyConnection]:
        with connect() as connection:
            # What does not fit in memory goes beside the lake; DuckDB's default would be the working directory.
            connection.execute(f"set temp_directory = {_literal(self.path / 'tmp')}")
            connection.execute(f"set threads = {self.threads}")
            for extension in ("ducklake", "sqlite_scanner" if self.catalog == "sqlite" else "postgres_scanner"):
                load_extension(connection, extension)
            rendered = ", ".join(f"{name} {_literal(value)}" for name, value in options.items())
            connection.execute(f"attach {_literal(self.uri)} as {ALIAS} ({rendered})")
            connection.execute(f"use {ALIAS}")
            yield connection


def lock_down(connection: duckdb.DuckDBPyConnection, directories: Sequence[str]) -> None:
    """Let the connection's SQL reach no file outside of ``directories``, no network and no extension, for good.

    Every extension must be loaded and every database attached before. What was attached stays open.

    Args:
        connection: of its own instance; its cursors are locked down with it.
        directories: with a separator at their ends; also prefixes of an object store.
    """
    listed = ", ".join(_literal(directory) for directory in directories)
    connection.execute("set allow_unsigned_extensions = false")
    connection.execute("set allow_community_extensions = false")
    connection.execute("set autoload_known_extensions = false")
    connection.execute(f"set allowed_directories = [{listed}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Commit on success, roll back on any error: readers see all of the block or none of it."""
    connection.execute("begin")
    try:
        yield connection
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def second_cursor(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return another connection to the same attached lake, to read batches from while ``connection`` writes."""
    cursor = connection.cursor()
    cursor.execute(f"use {ALIAS}")
    return cursor


def _literal(value: object) -> str:
    if isinstance(value, bool | int):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"
