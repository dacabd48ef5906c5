"""Dagster's SQLite storage with connections that stay open.

Dagster reconnects for every event, two or three times for an asset event. Closing the last connection of a SQLite
database writes its log back and deletes it, and every commit waits for the disk: a quarter of the run time for a small
customer base. Here connections stay open, and commits no longer wait for the disk (``synchronous = normal``): a power
failure may lose the last events, but never the database. A killed process loses nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import sqlalchemy
from dagster import DagsterInstance
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import event
from sqlalchemy.pool import QueuePool


def keep_connections(instance: DagsterInstance) -> None:
    """Keep this process's connections to Dagster's storage open; storage other than SQLite is left alone."""
    events, runs = instance.event_log_storage, instance.run_storage
    if isinstance(events, SqliteEventLogStorage):
        _keep_those_of_events(events)
    if isinstance(runs, SqliteRunStorage):
        _keep_that_of_runs(runs)


def _keep_those_of_events(storage: SqliteEventLogStorage) -> None:
    engine = cache(_engine)

    @contextmanager
    def connect(shard: str) -> Iterator[sqlalchemy.Connection]:
        with storage._db_lock:
            kept = engine(storage.conn_string_for_shard(shard))
            if shard not in storage._initialized_dbs:
                storage._initdb(kept)
                storage._initialized_dbs.add(shard)
            with kept.begin() as connection:
                yield connection

    storage._connect = connect  # type: ignore[method-assign]
    # Queried for every event; the storage has the tables of its release from the start.
    storage.has_table = cache(storage.has_table)  # type: ignore[method-assign]


def _keep_that_of_runs(storage: SqliteRunStorage) -> None:
    kept = _engine(storage._conn_string)

    @contextmanager
    def connect() -> Iterator[sqlalchemy.Connection]:
        with kept.begin() as connection:
            yield connection

    storage.connect = connect  # type: ignore[method-assign]


def _engine(target: str) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(
        target,
        poolclass=QueuePool,
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def do_not_wait_for_the_disk(connection: Any, _record: Any) -> None:
        connection.execute("pragma synchronous = normal")

    return engine
