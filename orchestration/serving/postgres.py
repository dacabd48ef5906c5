"""A PostgreSQL database as a target: typed tables with keys and comments, changed in one transaction.

Rows are deleted and inserted, never truncated, and no table is dropped or renamed, so readers are not blocked and see
either all of the old state or all of the new. DuckDB's extension sends rows by binary COPY.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from typing import Any

import duckdb

from orchestration.ingest.explain import first_line
from orchestration.ingest.sql_text import sql_name, sql_text
from orchestration.lake.warehouse import load_extension
from orchestration.serving import postgres_schema as schema_of
from orchestration.serving.comparison import totals_of_lake
from orchestration.serving.contents import Contents, Moves, Part, Stamp
from orchestration.serving.tables import VERSION, ServedTable
from orchestration.serving.target import DATABASE, RECORD, RECORD_COLUMNS, RECORD_COMMENT, Served, explained, served
from orchestration.settings.serving import PostgresTarget

_LOCK_TIMEOUT = "60s"
_INDEX_MEMORY = "256MB"


class PostgresServer:
    """One PostgreSQL target."""

    def __init__(self, name: str, settings: PostgresTarget) -> None:
        self.name, self.settings = name, settings
        self.schema = settings.schema_name

    @property
    def place(self) -> str:
        """Where the target is, for messages."""
        return f"PostgreSQL schema {self.schema} ({self.name})"

    def update(self, connection: duckdb.DuckDBPyConnection, contents: Contents) -> Served:
        """Update the database to the state of the lake in one transaction.

        Columns added by an upgrade come in an earlier transaction of their own, because their locks keep readers out.

        Raises:
            ServingError: the server cannot be reached or refuses; the tables are unchanged.
        """
        with self._attached(connection):
            with self._transaction(connection):
                notes = self._prepare(connection, tuple(contents.tables.values()))
            with self._transaction(connection):
                # Read while holding the lock of the target, so that no older state overwrites a newer one.
                contents.read()
                return self._load(connection, contents, notes)

    def _prepare(self, connection: duckdb.DuckDBPyConnection, tables: Sequence[ServedTable]) -> tuple[str, ...]:
        """Create the schema, the record and the readers' role; change existing tables; return notes for people."""
        columns = ", ".join(f"{name} {schema_of.postgres_type(kind)}" for name, kind in RECORD_COLUMNS.items())
        self._execute(connection, f"create schema if not exists {self.schema}")
        self._execute(
            connection,
            f"create table if not exists {self.schema}.{RECORD} ({columns}, primary key (table_name, {VERSION}))",
        )
        self._execute(connection, f"comment on table {self.schema}.{RECORD} is {sql_text(RECORD_COMMENT)}")
        existing = self._columns(connection)
        for table in tables:
            if found := existing.get(table.name):
                for change in (
                    *schema_of.column_changes(self.schema, table, found),
                    *schema_of.comments(self.schema, table, found),
                ):
                    self._execute(connection, change)
        self._drop_stale_constraints(connection, tables)
        return self._make_role(connection, list(existing))

    def _load(self, connection: duckdb.DuckDBPyConnection, contents: Contents, notes: tuple[str, ...]) -> Served:
        tables = tuple(contents.tables.values())
        existing = self._columns(connection)
        made = [table for table in tables if table.name not in existing]
        for table in made:
            # Sent together: some hundred comments take longer to send than to execute.
            comments = schema_of.comments(self.schema, table, {})
            self._execute(connection, "; ".join([schema_of.create_table(self.schema, table), *comments]))
        moves = contents.moves(self._held(connection))
        self._move(connection, contents, moves, existing)
        # While the server builds the keys of new tables, read what they will be compared with.
        ahead = contents.read_ahead(partial(totals_of_lake, contents)) if made else nullcontext()
        with ahead:
            self._add_indexes(connection, tables)
            self._add_constraints(connection, tables)
        self._grant(connection, [RECORD, *(table.name for table in made)] if made else [])
        self._keep_record(connection, contents, moves)
        return served(self.place, moves, contents, notes)

    @contextmanager
    def open(self, connection: duckdb.DuckDBPyConnection) -> Iterator[Callable[[str, Callable[[str], str]], list[Any]]]:
        """Open the database for reading; the server answers the queries.

        Raises:
            ServingError: it cannot be reached.
        """
        with self._attached(connection), self._transaction(connection):
            yield lambda table, query: self._query(connection, query(f"{self.schema}.{table}"))

    @contextmanager
    def _attached(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        load_extension(connection, "postgres_scanner")
        # A server that ends idle transactions would end this one while the lake is being read.
        connection.execute("set pg_idle_in_transaction_timeout_millis = 0")
        # The server takes rows over one connection. Two threads would use twice the processor time and be no faster.
        connection.execute("set threads = 1")
        target = self.settings.connection.get_secret_value()
        if not target.startswith("postgres://"):
            target = target.removeprefix("postgres:")
        with self._explained():
            connection.execute(
                f"attach {sql_text(target)} as {DATABASE} (type postgres, isolation_level 'read committed')"
            )
            try:
                yield
            finally:
                with suppress(duckdb.Error):
                    connection.execute(f"detach {DATABASE}")

    @contextmanager
    def _transaction(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        connection.execute("begin")
        try:
            # So that PostgreSQL qualifies the names in its definitions.
            self._execute(connection, "set local search_path = ''")
            self._execute(connection, f"set local lock_timeout = '{_LOCK_TIMEOUT}'")
            # For building keys and checking references after a first load.
            self._execute(connection, f"set local maintenance_work_mem = '{_INDEX_MEMORY}'")
            # Compiling sums over every column takes longer than computing them.
            self._execute(connection, "set local jit = off")
            # One publish at a time.
            self._execute(connection, f"select pg_advisory_xact_lock(hashtext('segmentation {self.schema}'))")
            yield
        except BaseException:
            with suppress(duckdb.Error):  # the server may be gone, and then nothing was kept
                connection.execute("rollback")
            raise
        connection.execute("commit")

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self.place, self.name, duckdb.Error, reason=_reason)

    def _execute(self, connection: duckdb.DuckDBPyConnection, sql: str) -> None:
        connection.execute(f"call postgres_execute('{DATABASE}', {sql_text(sql)})")

    def _query(self, connection: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
        return connection.execute(f"from postgres_query('{DATABASE}', {sql_text(sql)})").fetchall()

    def _make_role(self, connection: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> tuple[str, ...]:
        """Create the readers' role if it is missing and this login may; return notes for people."""
        role = self.settings.reader_role
        if role is None or self._has_role(connection):
            return ()
        may = "select rolcreaterole or rolsuper as may from pg_catalog.pg_roles where rolname = current_user"
        if self._query(connection, may) != [(True,)]:
            return (f"There is no role {role}, and this login may not create it: run 'create role {role}' as another.",)
        self._execute(connection, f"create role {role}")
        self._grant(connection, tables)
        return ()

    def _has_role(self, connection: duckdb.DuckDBPyConnection) -> bool:
        role = self.settings.reader_role
        return bool(self._query(connection, f"select 1 as one from pg_catalog.pg_roles where rolname = '{role}'"))

    def _grant(self, connection: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> None:
        """Grant readers the new tables; a grant that somebody has revoked is not given again."""
        if tables and self.settings.reader_role and self._has_role(connection):
            role = self.settings.reader_role
            self._execute(connection, f"grant usage on schema {self.schema} to {role}")
            listed = ", ".join(f"{self.schema}.{table}" for table in tables)
            self._execute(connection, f"grant select on {listed} to {role}")

    def _columns(self, connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, schema_of.Column]]:
        """Return the columns of the tables of the schema."""
        found: dict[str, dict[str, schema_of.Column]] = {}
        for table, column, sql_type, comment in self._query(
            connection,
            "select c.relname::text as table_name, a.attname::text as column_name,"
            " format_type(a.atttypid, a.atttypmod) as sql_type, col_description(c.oid, a.attnum) as comment"
            " from pg_class as c inner join pg_namespace as n on c.relnamespace = n.oid"
            " inner join pg_attribute as a on c.oid = a.attrelid"
            f" where n.nspname = '{self.schema}' and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped",
        ):
            found.setdefault(table, {})[column] = schema_of.Column(sql_type, comment)
        return found

    def _constraints(self, connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
        return {
            (table, name): definition.replace('"', "")
            for table, name, definition in self._query(
                connection,
                "select c.relname::text as table_name, k.conname::text as name, pg_get_constraintdef(k.oid) as def"
                " from pg_constraint as k inner join pg_class as c on k.conrelid = c.oid"
                " inner join pg_namespace as n on c.relnamespace = n.oid"
                f" where n.nspname = '{self.schema}' and k.contype in ('p', 'f')",
            )
        }

    def _drop_stale_constraints(self, connection: duckdb.DuckDBPyConnection, tables: Sequence[ServedTable]) -> None:
        """Drop the keys of an earlier release, or of tables and columns that are no longer served."""
        wanted = schema_of.constraints(self.schema, tables)
        found = self._constraints(connection)
        # Recognized by the names given here: what others have added is theirs.
        ours = {(table, name) for table, name in found if name.endswith(("_pkey", "_fkey")) and table != RECORD}
        for table, name in sorted(ours):
            if wanted.get((table, name)) != found[table, name]:
                self._execute(connection, f"alter table {self.schema}.{table} drop constraint if exists {name} cascade")

    def _add_indexes(self, connection: duckdb.DuckDBPyConnection, tables: Sequence[ServedTable]) -> None:
        found = {
            name
            for (name,) in self._query(
                connection,
                f"select indexname::text as name from pg_catalog.pg_indexes where schemaname = '{self.schema}'",
            )
        }
        for table in tables:
            for name, statement in schema_of.indexes(self.schema, table).items():
                if name not in found:
                    self._execute(connection, statement)

    def _add_constraints(self, connection: duckdb.DuckDBPyConnection, tables: Sequence[ServedTable]) -> None:
        found = self._constraints(connection)
        for (table, name), definition in schema_of.constraints(self.schema, tables).items():
            if (table, name) not in found:
                kind, _, rest = definition.partition("(")
                keys, _, tail = rest.partition(")")
                quoted = ", ".join(sql_name(key.strip()) for key in keys.split(","))
                self._execute(
                    connection,
                    f"alter table {self.schema}.{table} add constraint {name} {kind}({quoted}){tail}",
                )

    def _held(self, connection: duckdb.DuckDBPyConnection) -> Mapping[Part, Stamp]:
        """Return what the target holds according to its record."""
        return {
            Part(table, version): Stamp(rows, fingerprint)
            for table, version, rows, fingerprint in self._query(
                connection, f"select table_name, {VERSION}, row_count, fingerprint from {self.schema}.{RECORD}"
            )
        }

    def _move(
        self,
        connection: duckdb.DuckDBPyConnection,
        contents: Contents,
        moves: Moves,
        existing: Mapping[str, Mapping[str, schema_of.Column]],
    ) -> None:
        connection.execute("call pg_clear_cache()")
        for name in dict.fromkeys(part.table for part in (*moves.delete, *moves.write)):
            delete, write = moves.of(name)
            table = contents.tables.get(name)
            if delete and name in existing:
                where = "1 = 1" if table is None else table.of_parts(delete)
                self._execute(connection, f"delete from {self.schema}.{name} where {where}")
            if write and table is not None:
                columns = ", ".join(sql_name(column.name) for column in table.columns)
                connection.execute(
                    f"insert into {DATABASE}.{self.schema}.{name} ({columns}) {contents.rows_sql(table, write)}"
                )

    def _keep_record(self, connection: duckdb.DuckDBPyConnection, contents: Contents, moves: Moves) -> None:
        if moves.delete:
            gone = ", ".join(f"({sql_text(part.table)}, {sql_text(part.key)})" for part in moves.delete)
            self._execute(connection, f"delete from {self.schema}.{RECORD} where (table_name, {VERSION}) in ({gone})")
        if moves.write:
            values = ", ".join(
                f"({sql_text(part.table)}, {sql_text(part.key)}, {contents.stamps[part].rows},"
                f" {sql_text(contents.stamps[part].fingerprint)}, now() at time zone 'utc')"
                for part in moves.write
            )
            self._execute(connection, f"insert into {self.schema}.{RECORD} values {values}")


def _reason(error: Exception) -> str:
    """Return the server's message without DuckDB's prefix."""
    return first_line(error).rpartition("ERROR: ")[2]
