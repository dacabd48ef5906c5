"""One lock for the writers of a deployment: command line, daemon and UI alike.

It is held for a whole run, so that no other run comes between its steps, and the system releases it whenever the
process dies: beside a SQLite catalog it is a file lock, with a PostgreSQL catalog an advisory lock in that database.
Within one process it is reentrant.

dbt builds in a process of its own, which can briefly outlive the one that started it. It holds a lock of its own
(``BUILDER``), and whoever takes the writers' lock waits for that one as well.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import duckdb
from filelock import FileLock as OSFileLock
from filelock import Timeout

from orchestration.errors import LakeBusyError, LakeError
from orchestration.masking import redact

WRITER, BUILDER = "writer", "builder"
_POLL_SECONDS = 0.25
# Identifies this project among the advisory locks of a database.
_ADVISORY_CLASS = 1_397_051_469
_ADVISORY_IDS = {WRITER: 1, BUILDER: 2}
# PostgreSQL truncates application names to this length.
_LONGEST_NAME = 63

_held: dict[tuple[str, str], int] = {}
_locks: dict[tuple[str, str], "SystemLock"] = {}
_guard = threading.RLock()


class SystemLock(Protocol):
    """A lock that the operating system or the database server releases when the process dies."""

    key: str
    name: str

    def acquire(self, who: str) -> bool:
        """Take the lock if it is free, and return whether that worked."""

    def release(self) -> None:
        """Release the lock."""

    def verify(self) -> None:
        """Raise a ``LakeError`` if the lock has been lost meanwhile."""

    def holder(self) -> str:
        """Return who holds the lock and since when."""


class FileLock:
    """A lock on a file in a folder, with a second file that names its holder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.key, self.name = str(folder), name
        self._lock = OSFileLock(folder / f"{name}.lock", thread_local=False)
        self._owner = folder / f"{name}.json"

    def acquire(self, who: str) -> bool:
        """Take the lock if it is free, and return whether that worked."""
        self._owner.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        self._owner.write_text(json.dumps({"who": who, "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"}))
        return True

    def release(self) -> None:
        """Release the lock."""
        self._owner.unlink(missing_ok=True)
        self._lock.release()

    def verify(self) -> None:
        """Do nothing: a file lock is lost only with its process."""

    def holder(self) -> str:
        """Return who holds the lock and since when."""
        try:
            owner = json.loads(self._owner.read_text())
        except (OSError, ValueError):  # the lock is taken but its holder not yet written
            return "another process"
        return f"{owner['who']}, since {owner['since']}"


class AdvisoryLock:
    """An advisory lock in the catalog's PostgreSQL database, held by a transaction that stays open.

    ``connect`` returns a DuckDB connection to that database, attached as ``guard`` with the given application name.
    """

    def __init__(self, key: str, name: str, connect: Callable[[str], duckdb.DuckDBPyConnection]) -> None:
        self.key, self.name = key, name
        self._connect = connect
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._id = _ADVISORY_IDS[name]

    def acquire(self, who: str) -> bool:
        """Take the lock if it is free, and return whether that worked."""
        if self._connection is None:
            self._connection = self._connect(who[:_LONGEST_NAME])
        self._connection.execute("begin")
        ask = f"select pg_try_advisory_xact_lock({_ADVISORY_CLASS}, {self._id}) as is_taken"
        is_taken = _query(self._connection, ask) == [(True,)]
        if not is_taken:
            self._connection.execute("rollback")
        return is_taken

    def release(self) -> None:
        """Release the lock."""
        if self._connection is not None:
            # DuckDB aborts the process if a connection is closed in a transaction that the server has ended.
            with suppress(duckdb.Error):
                self._connection.execute("rollback")
            self._connection.close()
            self._connection = None

    def verify(self) -> None:
        """Check that the server has not ended the transaction, for example by a restart.

        Raises:
            LakeError: it has, so another run may be writing.
        """
        assert self._connection is not None
        try:
            _query(self._connection, "select 1 as answers")
        except duckdb.Error as error:
            redact(error)
            raise LakeError(
                "The catalog's PostgreSQL closed the connection that holds the writers' lock, so this run stops."
                " Nothing of it was published; run it again."
            ) from error

    def holder(self) -> str:
        """Return who holds the lock and since when."""
        with self._connect("segmentation") as connection:
            found = _query(
                connection,
                "select application_name, to_char(xact_start at time zone $$UTC$$, $$YYYY-MM-DD HH24:MI:SS$$)"
                " from pg_locks inner join pg_stat_activity using (pid) where locktype = $$advisory$$ and granted"
                f" and classid = {_ADVISORY_CLASS} and objid = {self._id}",
            )
        return f"{found[0][0]}, since {found[0][1]} UTC" if found else "another process"


@contextmanager
def hold(lock: SystemLock, who: str, wait: bool = True, say: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold the lock for the block; reentrant within a process.

    Args:
        lock: what to hold.
        who: name of this writer for messages to others, such as the command.
        wait: whether to wait until another process releases it.
        say: called once with a message if the lock has to be waited for.

    Raises:
        LakeBusyError: another process holds it, and ``wait`` is false.
        LakeError: this process held it and lost it.
    """
    with _guard:
        place = lock.key, lock.name
        if _held.get(place):
            _locks[place].verify()
        else:
            _take(lock, f"{who} (process {os.getpid()} on {socket.gethostname()})", wait, say)
        _held[place] = _held.get(place, 0) + 1
    try:
        yield
    finally:
        with _guard:
            _held[place] -= 1
            if not _held[place]:
                _locks.pop(place).release()


def is_held(lock: SystemLock) -> bool:
    """Whether this process holds the lock."""
    return bool(_held.get((lock.key, lock.name)))


def _take(lock: SystemLock, who: str, wait: bool, say: Callable[[str], None]) -> None:
    told = False
    while not lock.acquire(who):
        if not wait:
            raise LakeBusyError(
                f"The lake is being written to by {lock.holder()}. Wait for it with --wait, or try again later."
            )
        if not told:
            say(f"The lake is being written to by {lock.holder()}. Waiting for it to end.")
            told = True
        time.sleep(_POLL_SECONDS)
    _locks[lock.key, lock.name] = lock


def _query(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[object, ...]]:
    return connection.execute(f"from postgres_query('guard', '{sql}')").fetchall()
