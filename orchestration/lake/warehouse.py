"""The lake: the only module that knows how it is attached.

A DuckLake is Parquet files plus a SQL catalog. The catalog is a SQLite file by default (many readers, one writer) or
PostgreSQL (many writers). Extensions come from pinned packages, so no connection ever needs the network.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from duckdb_extensions import import_extension

from orchestration.errors import LakeError
from orchestration.lake.lake_errors import explained, lost_catalog
from orchestration.lake.writer_lock import BUILDER, WRITER, AdvisoryLock, FileLock, SystemLock, hold, is_held
from orchestration.masking import masked
from orchestration.settings import WarehouseSettings

ALIAS, WORKSPACE = "lake", "workspace"
SCHEMAS = ("raw", "staging", "intermediate", "features", "segments", "bi", "ops")
# Schemas that exist in the lake and in a run's workspace; unqualified new tables are created in the lake.
_SHARED_SCHEMAS = ("staging", "intermediate", "features")
# A writer that finds the SQLite catalog locked gives up after this time.
BUSY_TIMEOUT_MS = 60_000


def install_extensions() -> None:
    """Install the extensions that the lake needs where ``LOAD`` finds them; no-op if already installed."""
    for extension in ("ducklake", "sqlite_scanner", "postgres_scanner"):
        _install(extension)


def connect() -> duckdb.DuckDBPyConnection:
    """Return a separate in-memory connection, whose extensions come from ``load_extension`` and never from the network.

    DuckDB hashes a whole extension, 40 MB, to check its signature each time it is loaded. ``load_extension`` checks it
    once per process, so the connection does not check it again.
    """
    return duckdb.connect(config={"autoinstall_known_extensions": "false", "allow_unsigned_extensions": "true"})


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load a packaged DuckDB extension into the connection; no-op if already loaded."""
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

    ``writer()`` and ``reader()`` return connections whose current catalog is the lake. A reader sees the last committed
    snapshot at each statement, is never blocked by a writer, and cannot write. Writers hold the lock of the deployment,
    which a run takes once for all its steps.

    Errors of the lake itself are ``LakeError``: one sentence that says what to do.
    """

    def __init__(self, settings: WarehouseSettings) -> None:
        self.path = settings.path
        self.catalog = settings.catalog.get_secret_value()
        self.memory_limit = settings.memory_limit
        self.threads = settings.threads or os.cpu_count() or 1

    @property
    def is_sqlite(self) -> bool:
        """Whether the catalog is a SQLite file beside the data; otherwise it is in PostgreSQL."""
        return self.catalog == "sqlite"

    @property
    def catalog_file(self) -> Path:
        """The path of the SQLite catalog."""
        return self.path / "catalog.sqlite"

    @property
    def workspace_file(self) -> Path:
        """The native DuckDB database of the active run: tables that it needs and nobody reads afterwards.

        It exists from the step that builds features until the run has published, or until the next run if this one
        failed.
        """
        return self.path / "tmp" / "workspace.duckdb"

    @property
    def data_path(self) -> str:
        """Folder of the Parquet files. The catalog stores their relative paths, so the lake may be moved or mounted."""
        return f"{self.path}/data/"

    @property
    def uri(self) -> str:
        """What DuckDB attaches."""
        return "ducklake:" + (f"sqlite:{self.catalog_file}" if self.is_sqlite else self.catalog)

    @property
    def identity(self) -> str:
        """Distinguishes this lake from others in Dagster's records; a lake in PostgreSQL keeps it when moved."""
        place = str(self.path) if self.is_sqlite else masked(self.catalog)
        return hashlib.sha256(place.encode()).hexdigest()[:12]

    @property
    def attach_options(self) -> dict[str, Any]:
        """Options of ATTACH, which dbt's profile uses too."""
        options: dict[str, Any] = {"data_path": self.data_path, "override_data_path": True}
        return options | ({"meta_busy_timeout": BUSY_TIMEOUT_MS} if self.is_sqlite else {})

    @property
    def exists(self) -> bool:
        """Whether a SQLite catalog exists; a PostgreSQL catalog is assumed to exist.

        Raises:
            LakeError: the catalog is missing or empty although there are data files.
        """
        if not self.is_sqlite or (self.catalog_file.exists() and self.catalog_file.stat().st_size):
            return True
        if self.has_data_files:
            raise lost_catalog(self)
        return False

    @property
    def has_data_files(self) -> bool:
        """Whether there are data files, known to the catalog or not."""
        return next((self.path / "data").rglob("*.parquet"), None) is not None

    @contextmanager
    def lock(self, who: str, wait: bool = True, say: Callable[[str], None] = lambda _: None) -> Iterator[None]:
        """Hold the lock of the deployment's writers; see ``writer_lock.hold``."""
        lock = self.system_lock(WRITER)
        is_first = not is_held(lock)
        with hold(lock, who, wait, say):
            if is_first:
                # What a dead run's dbt was committing is committed or rolled back before anybody else writes.
                with hold(self.system_lock(BUILDER), who, wait, say):
                    pass
            yield

    def system_lock(self, name: str) -> SystemLock:
        """Return the file lock beside a SQLite catalog, or the advisory lock in a PostgreSQL one."""
        if self.is_sqlite:
            return FileLock(self.path, name)
        return AdvisoryLock(self.catalog, name, self._connect_to_catalog_server)

    @contextmanager
    def writer(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Attach for writing, creating the lake and its schemas if missing; waits for other processes."""
        with self.lock("a writer"):
            (self.path / "data").mkdir(parents=True, exist_ok=True)
            options = self.attach_options | {"create_if_not_exists": self._may_create()}
            with self._attached(options | ({"meta_journal_mode": "WAL"} if self.is_sqlite else {})) as connection:
                connection.execute(f"set memory_limit = {_literal(self.memory_limit)}")
                known = {name for (name,) in connection.execute(
                    "select schema_name from information_schema.schemata where catalog_name = ?", [ALIAS]
                ).fetchall()}  # fmt: skip
                if missing := [schema for schema in SCHEMAS if schema not in known]:
                    with transaction(connection):
                        for schema in missing:
                            connection.execute(f"create schema if not exists {schema}")
                if self.workspace_file.exists():
                    # A workspace that was killed while being written is useless, and must not be in the way.
                    with suppress(duckdb.Error):
                        connection.execute(f"attach {_literal(self.workspace_file)} as {WORKSPACE} (read_only)")
                        _look_in_both(connection)
                yield connection

    def discard_workspace(self) -> None:
        """Delete the workspace of the previous run, or of this one when it is done; the caller holds the lock."""
        for file in (self.workspace_file, self.workspace_file.with_name(f"{self.workspace_file.name}.wal")):
            file.unlink(missing_ok=True)

    @contextmanager
    def reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Attach read-only."""
        if not self.exists:
            raise LakeError(f"There is no warehouse at {self.path} yet. 'segmentation run' creates it.")
        with self._attached(self.attach_options | {"read_only": True}) as connection:
            yield connection

    def _may_create(self) -> bool:
        """Whether a lake may be created here: never over data files whose catalog is missing."""
        return not self.exists if self.is_sqlite else not self.has_data_files

    @contextmanager
    def _attached(self, options: dict[str, Any]) -> Iterator[duckdb.DuckDBPyConnection]:
        with explained(self), connect() as connection:
            # Spill files go beside the lake; DuckDB's default would be the working directory.
            connection.execute(f"set temp_directory = {_literal(self.path / 'tmp')}")
            connection.execute(f"set threads = {self.threads}")
            for extension in ("ducklake", "sqlite_scanner" if self.is_sqlite else "postgres_scanner"):
                load_extension(connection, extension)
            rendered = ", ".join(f"{name} {_literal(value)}" for name, value in options.items())
            connection.execute(f"attach {_literal(self.uri)} as {ALIAS} ({rendered})")
            connection.execute(f"use {ALIAS}")
            yield connection

    def _connect_to_catalog_server(self, application: str) -> duckdb.DuckDBPyConnection:
        with explained(self):
            connection = connect()
            load_extension(connection, "postgres_scanner")
            # A server that ends idle transactions would end the lock of a long run.
            connection.execute("set pg_idle_in_transaction_timeout_millis = 0")
            name = application.replace("\\", " ").replace("'", " ")
            target = f"{self.catalog.removeprefix('postgres:')} application_name='{name}'"
            connection.execute(f"attach {_literal(target)} as guard (type postgres, read_only)")
        return connection


def lock_down(connection: duckdb.DuckDBPyConnection, directories: Sequence[str]) -> None:
    """Permanently restrict the connection's SQL to files in ``directories``: no network, no extensions.

    Every extension must be loaded and every database attached before; what is attached stays open.

    Args:
        connection: to its own instance; its cursors are locked down too.
        directories: with a trailing separator; prefixes of an object store are allowed.
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


def commit_if(connection: duckdb.DuckDBPyConnection, work: Callable[[], bool]) -> bool:
    """Run ``work`` in a transaction, commit if it returns True, else roll back; return its result."""
    connection.execute("begin")
    try:
        is_kept = work()
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit" if is_kept else "rollback")
    return is_kept


def second_cursor(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return another connection to the same attached lake, for reading batches while ``connection`` writes."""
    cursor = connection.cursor()
    cursor.execute(f"use {ALIAS}")
    if cursor.execute("from duckdb_databases() where database_name = ?", [WORKSPACE]).fetchall():
        _look_in_both(cursor)
    return cursor


def _look_in_both(connection: duckdb.DuckDBPyConnection) -> None:
    """Make ``intermediate.bills`` resolve to the lake or the workspace, whichever has it."""
    places = [
        f"{database}.{schema}"
        for database, schema in connection.execute(
            "select database_name, schema_name from duckdb_schemas()"
            " where database_name in ($lake, $workspace) and schema_name in (select unnest($shared::varchar[]))"
            " order by database_name = $workspace, schema_name",
            {"lake": ALIAS, "workspace": WORKSPACE, "shared": list(_SHARED_SCHEMAS)},
        ).fetchall()
    ]
    connection.execute(f"set search_path = '{ALIAS}.main,{','.join(places)}'")


def _literal(value: object) -> str:
    if isinstance(value, bool | int):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"
