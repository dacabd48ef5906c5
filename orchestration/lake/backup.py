"""Backups of the lake: its catalog at one moment, and every data file that it refers to at that moment.

Data files never change once written, and only maintenance deletes them, a month after the last snapshot that needed
them. So a copy of the catalog made in one transaction, followed by the files it names, is consistent even during a
run, and needs no lock. A backup made during a run contains the run's candidate, as if the run had been killed.

A SQLite catalog is copied as it is. A PostgreSQL catalog is saved as a DuckDB file with the same tables and types;
SQLite would lose some of them (it has no NaN).
"""

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.errors import LakeError
from orchestration.lake.lake_errors import explained
from orchestration.lake.warehouse import Warehouse, connect, load_extension, transaction

_SUMMARY = "backup.json"
_SQLITE, _DUCKDB = "catalog.sqlite", "catalog.duckdb"
# For each file: its path below the data folder (null if not relative), its own path, and its size.
_FILES = """
    with files as (
        select table_id, path, path_is_relative, file_size_bytes from {catalog}.ducklake_data_file
        union all
        select table_id, path, path_is_relative, file_size_bytes from {catalog}.ducklake_delete_file
    )
    select distinct
        case
            when not files.path_is_relative then null
            when not tables.path_is_relative then null
            else schemas.path || tables.path || files.path
        end,
        files.path,
        files.file_size_bytes
    from files
    left join {catalog}.ducklake_table as tables on files.table_id = tables.table_id
    left join {catalog}.ducklake_schema as schemas on tables.schema_id = schemas.schema_id
"""


@dataclass(frozen=True)
class Backup:
    """What a backup contains, as recorded in its summary."""

    made_at: str
    snapshot_id: int
    files: int
    bytes: int
    catalog: str


def back_up(warehouse: Warehouse, target: Path) -> Backup:
    """Copy the lake into a new or empty folder, even during a run.

    Raises:
        LakeError: the lake does not open, the target is not empty, or a file is missing or not what the catalog says.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise LakeError(f"{target} is not empty. Name a new folder: a backup is never mixed with another.")
    with warehouse.reader():  # reports a damaged catalog, which a backup would only duplicate
        pass
    target.mkdir(parents=True, exist_ok=True)
    copy = target / (_SQLITE if warehouse.is_sqlite else _DUCKDB)
    if warehouse.is_sqlite:
        with explained(warehouse):
            _copy_sqlite(warehouse.catalog_file, copy)
    else:
        _export_postgres(warehouse, copy)
    with _opened(copy) as connection:
        ((snapshot_id,),) = connection.execute("select max(snapshot_id) from kept.ducklake_snapshot").fetchall()
        files = _named_files(connection)
        connection.execute("delete from kept.ducklake_files_scheduled_for_deletion")
    _copy_files(warehouse.path / "data", target / "data", files)
    made = Backup(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC", snapshot_id, len(files), sum(files.values()), copy.name)
    # Last, so that its absence marks an unfinished backup.
    (target / _SUMMARY).write_text(json.dumps(asdict(made), indent=2) + "\n")
    return made


def restore(source: Path, warehouse: Warehouse) -> Backup:
    """Restore a backup as the configured lake, at any path and in any PostgreSQL database.

    A backup of a SQLite catalog may go to either kind; one of a PostgreSQL catalog goes to PostgreSQL.

    Raises:
        LakeError: the backup is incomplete, there is already a lake, or the kinds do not match.
    """
    try:
        made = Backup(**json.loads((source / _SUMMARY).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise LakeError(f"{source} is not a complete backup: it has no readable {_SUMMARY}.") from error
    if made.catalog == _DUCKDB and warehouse.is_sqlite:
        raise LakeError(
            "This is a backup of a catalog in PostgreSQL, and goes to PostgreSQL: set 'warehouse.catalog' to an empty"
            " database."
        )
    _refuse_to_overwrite(warehouse)
    with warehouse.lock("segmentation restore"):
        with _opened(source / made.catalog, read_only=True) as connection:
            files = _named_files(connection)
        if not warehouse.is_sqlite:
            with warehouse.writer():  # lets DuckLake create its tables, with their keys
                pass
        _copy_files(source / "data", warehouse.path / "data", files)
        if warehouse.is_sqlite:
            # Gets its final name only when it is complete.
            unfinished = warehouse.catalog_file.with_suffix(".unfinished")
            _copy_sqlite(source / made.catalog, unfinished)
            unfinished.replace(warehouse.catalog_file)
        else:
            _import_postgres(source / made.catalog, warehouse)
    return made


def _refuse_to_overwrite(warehouse: Warehouse) -> None:
    is_taken = warehouse.has_data_files or (warehouse.is_sqlite and warehouse.exists)
    if not warehouse.is_sqlite and not is_taken:
        with explained(warehouse), connect() as connection:
            _attach_postgres(connection, warehouse, read_only=True)
            is_taken = bool(_catalog_tables(connection, "server"))
    if is_taken:
        raise LakeError(
            f"There is already a lake, or the remains of one, at {warehouse.path} or in its catalog."
            " Move it away, or choose an empty place; a restore overwrites nothing."
        )


def _copy_sqlite(source: Path, target: Path) -> None:
    # SQLite's own backup: one consistent state that includes the write-ahead log.
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as read,
        closing(sqlite3.connect(target)) as written,
    ):
        read.backup(written)
        # Without a write-ahead log the copy can be read from a read-only disk.
        written.execute("pragma journal_mode = delete")


def _export_postgres(warehouse: Warehouse, target: Path) -> None:
    with explained(warehouse), connect() as connection:
        _attach_postgres(connection, warehouse, read_only=True)
        connection.execute(f"attach '{_quoted(target)}' as kept")
        # One PostgreSQL transaction, so that all tables show the same moment.
        with transaction(connection):
            for table in _catalog_tables(connection, "server"):
                connection.execute(f'create table kept."{table}" as from server.public."{table}"')


def _import_postgres(source: Path, warehouse: Warehouse) -> None:
    """Fill the tables of an empty lake's catalog from the backup, all in one transaction."""
    with explained(warehouse), connect() as connection:
        _attach_postgres(connection, warehouse, read_only=False)
        _attach_kept(connection, source, read_only=True)
        made = _catalog_tables(connection, "server")
        with transaction(connection):
            for table in _catalog_tables(connection, "kept"):
                columns = connection.execute(
                    "select column_name from duckdb_columns() where database_name = 'kept' and table_name = ?", [table]
                ).fetchall()
                names = ", ".join(f'"{name}"' for (name,) in columns)
                if table in made:
                    connection.execute(f'delete from server.public."{table}"')
                else:  # rows inlined in the catalog are in a table of their own per table
                    connection.execute(f'create table server.public."{table}" as from kept."{table}" limit 0')
                connection.execute(f'insert into server.public."{table}" ({names}) select {names} from kept."{table}"')


def _attach_postgres(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, read_only: bool) -> None:
    load_extension(connection, "postgres_scanner")
    mode = ", read_only" if read_only else ""
    target = _quoted(warehouse.catalog.removeprefix("postgres:"))
    connection.execute(f"attach '{target}' as server (type postgres{mode})")


def _opened(catalog: Path, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    connection = connect()
    _attach_kept(connection, catalog, read_only)
    return connection


def _attach_kept(connection: duckdb.DuckDBPyConnection, catalog: Path, read_only: bool) -> None:
    kind = "duckdb"
    if catalog.name == _SQLITE:
        kind = "sqlite"
        load_extension(connection, "sqlite_scanner")
    connection.execute(f"attach '{_quoted(catalog)}' as kept (type {kind}{', read_only' if read_only else ''})")


def _catalog_tables(connection: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    found = connection.execute(
        "select table_name from duckdb_tables() where database_name = ? and table_name like 'ducklake\\_%' escape '\\'"
        " and schema_name in ('public', 'main') order by table_name",
        [database],
    ).fetchall()
    return [table for (table,) in found]


def _named_files(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return the files that the catalog refers to, by path in the data folder, with their sizes.

    Raises:
        LakeError: a file lies outside that folder.
    """
    rows = connection.execute(_FILES.format(catalog="kept")).fetchall()
    if outside := [path for relative, path, _ in rows if relative is None]:
        raise LakeError(f"{outside[0]} is part of the lake but lies outside its folder, so it cannot be backed up.")
    return {relative: size for relative, _, size in rows}


def _copy_files(source: Path, target: Path, files: dict[str, int]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name, size in sorted(files.items()):
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source / name, copy)
        except FileNotFoundError as error:
            raise LakeError(
                f"{source / name} is missing, but the catalog refers to it. The backup cannot be restored."
            ) from error
        if copy.stat().st_size != size:
            raise LakeError(f"{source / name} has {copy.stat().st_size:,} bytes, and the catalog says {size:,}.")


def _quoted(text: object) -> str:
    return str(text).replace("'", "''")
