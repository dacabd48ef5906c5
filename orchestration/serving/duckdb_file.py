"""A DuckDB file as a target: written under another name and renamed, so readers of the old file are not disturbed."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock

from orchestration.ingest.sql_text import sql_name, sql_text
from orchestration.serving.contents import Contents, Moves, Part, Stamp
from orchestration.serving.tables import VERSION, ServedTable
from orchestration.serving.target import DATABASE, RECORD, RECORD_COLUMNS, Served, explained, served, sync
from orchestration.settings.serving import DuckdbTarget

_SCHEMA = f"{DATABASE}.bi"
_READ_ONLY = 0o444


class DuckdbFile:
    """One DuckDB file, with the tables in the schema ``bi``."""

    def __init__(self, name: str, settings: DuckdbTarget) -> None:
        self.name, self.path = name, settings.path

    @property
    def place(self) -> str:
        """Where the target is, for messages."""
        return str(self.path)

    def update(self, connection: duckdb.DuckDBPyConnection, contents: Contents) -> Served:
        """Update a copy of the file to the state of the lake and replace the file by it.

        Raises:
            ServingError: it cannot be written; the file is unchanged.
        """
        aside = self.path.with_name(f"{self.path.name}.new")
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.with_name(f".{self.path.name}.lock")):
                try:
                    self._copy(aside)
                    result = self._write(connection, aside, contents)
                    if result.is_changed or not self.path.exists():
                        sync(aside)
                        aside.chmod(_READ_ONLY)
                        aside.replace(self.path)
                finally:
                    for left in (aside, aside.with_name(f"{aside.name}.wal")):
                        left.unlink(missing_ok=True)
        return result

    @contextmanager
    def open(self, connection: duckdb.DuckDBPyConnection) -> Iterator[Callable[[str, Callable[[str], str]], list[Any]]]:
        """Open the file for reading.

        Raises:
            ServingError: it does not exist or is damaged.
        """
        with self._explained():
            connection.execute(f"attach {sql_text(str(self.path))} as {DATABASE} (read_only)")
            try:
                yield lambda table, query: connection.execute(query(f"{_SCHEMA}.{table}")).fetchall()
            finally:
                connection.execute(f"detach {DATABASE}")

    def _copy(self, aside: Path) -> None:
        """Start with a copy of the file: most of it does not change between publishes."""
        aside.unlink(missing_ok=True)
        aside.with_name(f"{aside.name}.wal").unlink(missing_ok=True)
        if self.path.exists():
            shutil.copyfile(self.path, aside)

    def _write(
        self,
        connection: duckdb.DuckDBPyConnection,
        aside: Path,
        contents: Contents,
    ) -> Served:
        try:
            connection.execute(f"attach {sql_text(str(aside))} as {DATABASE}")
        except duckdb.Error:
            # A damaged file is written anew.
            aside.unlink(missing_ok=True)
            connection.execute(f"attach {sql_text(str(aside))} as {DATABASE}")
        try:
            connection.execute("begin")
            try:
                contents.read()
                moves = self._move(connection, contents, tuple(contents.tables.values()))
            except BaseException:
                with suppress(duckdb.Error):
                    connection.execute("rollback")
                raise
            connection.execute("commit")
            connection.execute(f"checkpoint {DATABASE}")
        finally:
            connection.execute(f"detach {DATABASE}")
        return served(self.place, moves, contents)

    def _move(self, connection: duckdb.DuckDBPyConnection, contents: Contents, tables: Sequence[ServedTable]) -> Moves:
        columns = ", ".join(f"{name} {kind}" for name, kind in RECORD_COLUMNS.items())
        connection.execute(f"create schema if not exists {_SCHEMA}")
        connection.execute(f"create table if not exists {_SCHEMA}.{RECORD} ({columns})")
        for name in self._stale(connection, tables):
            # Other columns than wanted, or no longer served. Nobody else has objects in this file.
            connection.execute(f"drop table {_SCHEMA}.{name}")
            connection.execute(f"delete from {_SCHEMA}.{RECORD} where table_name = ?", [name])
        existing = self._shapes(connection)
        for table in tables:
            if table.name not in existing:
                self._create(connection, table)
        moves = contents.moves(self._held(connection))
        for part in moves.delete:
            where = contents.tables[part.table].of_parts([part.key])
            connection.execute(f"delete from {_SCHEMA}.{part.table} where {where}")
            connection.execute(
                f"delete from {_SCHEMA}.{RECORD} where table_name = ? and {VERSION} = ?", [part.table, part.key]
            )
        for name in dict.fromkeys(part.table for part in moves.write):
            rows = contents.rows_sql(contents.tables[name], moves.of(name)[1])
            connection.execute(f"insert into {_SCHEMA}.{name} by name {rows}")
        for part in moves.write:
            stamp = contents.stamps[part]
            connection.execute(
                f"insert into {_SCHEMA}.{RECORD} values (?, ?, ?, ?, now() at time zone 'utc')",
                [part.table, part.key, stamp.rows, stamp.fingerprint],
            )
        return moves

    def _create(self, connection: duckdb.DuckDBPyConnection, table: ServedTable) -> None:
        columns = ", ".join(f"{sql_name(column.name)} {column.sql_type}" for column in table.columns)
        name = f"{_SCHEMA}.{table.name}"
        connection.execute(f"create table {name} ({columns})")
        connection.execute(f"comment on table {name} is {sql_text(table.description)}")
        for column in table.columns:
            connection.execute(f"comment on column {name}.{sql_name(column.name)} is {sql_text(column.description)}")

    def _shapes(self, connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str, str, str | None]]]:
        """Return the columns of each table: name, type and comment."""
        shapes: dict[str, list[tuple[str, str, str | None]]] = {}
        for table, *column in connection.execute(
            "select table_name, column_name, lower(data_type), comment from duckdb_columns()"
            f" where database_name = '{DATABASE}' and schema_name = 'bi' order by table_name, column_index"
        ).fetchall():
            shapes.setdefault(table, []).append((column[0], column[1], column[2]))
        return shapes

    def _stale(self, connection: duckdb.DuckDBPyConnection, tables: Sequence[ServedTable]) -> list[str]:
        wanted = {
            table.name: [(column.name, column.sql_type, column.description) for column in table.columns]
            for table in tables
        }
        return [
            name for name, shape in self._shapes(connection).items() if name != RECORD and wanted.get(name) != shape
        ]

    def _held(self, connection: duckdb.DuckDBPyConnection) -> Mapping[Part, Stamp]:
        return {
            Part(table, version): Stamp(rows, fingerprint)
            for table, version, rows, fingerprint in connection.execute(
                f"select table_name, {VERSION}, row_count, fingerprint from {_SCHEMA}.{RECORD}"
            ).fetchall()
        }

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self.place, self.name, duckdb.Error, OSError)
