"""dbt's statements on one connection, in as few transactions of the lake as they need.

After every commit that adds a table or a view, the next transaction of a DuckLake reads the whole catalog again, some
30 ms here, and every transaction reopens the catalog. dbt-duckdb connects for every node, and commits three to five
times for a table of the lake and once for every view. Here one cursor serves all nodes, and

- reads stay in the open transaction;
- a table, its partitions, rows and comments are one commit;
- views of the lake are committed together, before anything else is written, or at the end. Readers see all views of a
  release at once.

A DuckDB transaction writes to one database, so one on the lake is committed before the workspace is written to, and
vice versa. Tables are committed at once: DuckDB plans without statistics over uncommitted rows.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
from dbt.adapters.duckdb import environments
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.environments.local import LocalEnvironment
from dbt_common.exceptions import DbtRuntimeError

from orchestration.dagster_support import dbt_plugin
from orchestration.lake.table_statistics import note_empty

# The database that a statement writes to is the first name that dbt quotes in it; a temporary table has none.
_COMMENTS = re.compile(r"\s*(/\*.*?\*/|--[^\n]*\n)", re.DOTALL)
_WRITES = re.compile(
    r"\s*(?:create|drop|alter|insert|delete|update|merge|truncate|comment|copy)\b(?P<what>[^\"();]*)"
    r"\"(?P<database>\w+)\"\.",
    re.IGNORECASE,
)
_MADE_TABLE = re.compile(r"\s*create\s+table\s+(?P<name>\"\w+\"\.\"\w+\"\.\"\w+\")", re.IGNORECASE)
_MADE_TEMPORARY = re.compile(r"\s*create\s+temporary\s+table\s+(?P<name>\"\w+\")", re.IGNORECASE)
_VIEW = re.compile(r"\bview\b", re.IGNORECASE)


def _without_comments(sql: str) -> str:
    start = 0
    while found := _COMMENTS.match(sql, start):
        start = found.end()
    return sql[start:]


def written_database(sql: str) -> tuple[str, bool] | None:
    """Return the database that a dbt statement writes to, and whether it writes a view; None if it only reads."""
    written = _WRITES.match(_without_comments(sql))
    return (written["database"], bool(_VIEW.search(written["what"]))) if written else None


class Session:
    """Takes the place of dbt's own connections: the single cursor, with transactions as described in this module.

    dbt ends every node with a rollback if there was nothing to commit. It is carried out only if something failed or
    the node has written.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, lake: str) -> None:
        """Keep the cursor.

        Args:
            cursor: to a database that has the lake attached.
            lake: the name under which the lake is attached.
        """
        self._cursor, self._lake = cursor, lake
        self._is_open = self._has_begun = self._has_failed = self._is_dirty = False
        self._are_views = self._has_made_empty = False
        self._written: str | None = None
        self._has_lost_views = False
        self._temporary: list[str] = []

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the cursor, such as results or descriptions."""
        return getattr(self._cursor, name)

    def cursor(self) -> "Session":
        """Return the object that executes statements."""
        return self

    def close(self) -> None:
        """Keep the connection for the next node. The node's temporary tables are dropped, as its own close would do."""
        if self._has_failed:
            self.rollback()
        for table in self._temporary:
            self._cursor.execute(f"drop table if exists temp.{table}")
        self._temporary.clear()

    def execute(self, sql: str, bindings: Any = None) -> Any:
        """Execute a dbt statement; BEGIN and COMMIT are handled as described in this module."""
        match sql.strip().upper():
            case "BEGIN":
                self._has_begun = True
            case "COMMIT":
                self._has_begun = self._is_dirty = False
                if not self._are_views:
                    self.commit()
            case _:
                return self._execute(sql, bindings)
        return self._cursor

    def _execute(self, sql: str, bindings: Any) -> Any:
        dbt_plugin.refuse_after_interrupt()
        if self._has_failed:
            self.rollback()
        written = written_database(sql)
        if written:
            database, is_view = written
            if self._written is not None and (self._written != database or self._are_views > is_view):
                self.commit()
        try:
            if not self._is_open:
                self._cursor.execute("begin")
                self._is_open = True
            result = self._cursor.execute(sql) if bindings is None else self._cursor.execute(sql, bindings)
        except RuntimeError as error:  # raised by dbt-duckdb itself
            self._has_failed = True
            raise DbtRuntimeError(str(error)) from error
        except duckdb.Error:
            self._has_failed = True
            raise
        if made := _MADE_TEMPORARY.match(_without_comments(sql)):
            self._temporary.append(made["name"])
        if written:
            self._are_views = database == self._lake and is_view and (self._written is None or self._are_views)
            self._written = database
            self._is_dirty = self._is_dirty or self._has_begun
            if database == self._lake and (made := _MADE_TABLE.match(_without_comments(sql))):
                self._has_made_empty = self._has_made_empty or self._is_empty(made["name"])
        return result

    def _is_empty(self, table: str) -> bool:
        return not self._cursor.execute(f"from {table} limit 1").fetchall()

    def commit(self) -> None:
        """Commit the open transaction."""
        is_open, has_made_empty = self._is_open, self._has_made_empty
        self._forget()  # also if the commit fails, which ends the transaction too
        if is_open:
            self._cursor.execute("commit")
        if has_made_empty:
            note_empty(self._cursor)

    def finish(self) -> None:
        """Commit the transaction that is open at the end.

        Raises:
            DbtRuntimeError: views waiting to be committed were rolled back because a later statement failed.
        """
        dbt_plugin.refuse_after_interrupt()
        if self._has_failed:
            self.rollback()
        self.commit()
        if self._has_lost_views:
            raise DbtRuntimeError("views were undone because a statement after them failed; run it again")

    def rollback(self) -> None:
        """Roll back the open transaction if it failed or has written."""
        self._has_begun = False
        if self._is_open and (self._has_failed or self._is_dirty):
            self._cursor.rollback()
            self._has_lost_views = self._has_lost_views or self._are_views
            self._forget()

    def end(self) -> None:
        """Close the cursor, which rolls back an open transaction."""
        self._cursor.close()

    def _forget(self) -> None:
        self._is_open = self._has_failed = self._is_dirty = self._are_views = self._has_made_empty = False
        self._written = None


class _OneSession(LocalEnvironment):
    """The environment of dbt-duckdb, with the one session as every connection."""

    def __init__(self, credentials: DuckDBCredentials, sessions: list[Session]) -> None:
        self._sessions = sessions
        super().__init__(credentials)

    def handle(self) -> Session:
        with self.lock:
            if not self._sessions:
                connection: duckdb.DuckDBPyConnection = self.initialize_db(self.creds, self._plugins)
                self.conn = connection  # type: ignore[assignment]
                cursor = self.initialize_cursor(self.creds, connection.cursor(), self._plugins)
                self._sessions.append(Session(cursor, str(self.creds.database)))
            return self._sessions[0]

    def close(self) -> None:
        for session in self._sessions:
            session.end()
        self._sessions.clear()
        super().close()


@contextmanager
def one_session() -> Iterator[list[Session]]:
    """Make dbt in this process use one session; it is in the list once dbt has connected."""
    sessions: list[Session] = []
    create: Any = environments.create
    environments.create = lambda creds: _OneSession(creds, sessions)
    try:
        yield sessions
    finally:
        environments.create = create
