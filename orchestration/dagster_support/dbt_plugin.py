"""What dbt does beside building: it knows its run, builds alone, and stops when its run does.

dbt-duckdb loads it by its module's name (``profiles.yml``). A run has dbt in its own process and under its own lock. In
a process of its own, as where somebody calls it by hand, dbt takes another lock and does not outlive who started it.
"""

import os
import threading
import time
from contextlib import ExitStack, suppress
from typing import Any
from weakref import WeakSet

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.duckdb.plugins import BasePlugin

from orchestration.lake.warehouse import Warehouse
from orchestration.lake.writer_lock import BUILDER, WRITER, hold, is_held
from orchestration.settings import WarehouseSettings

_POLL_SECONDS = 0.25
# Of this process: a lock that only its end releases.
_held = ExitStack()
_cursors: WeakSet[duckdb.DuckDBPyConnection] = WeakSet()
_is_interrupted = threading.Event()


class Plugin(BasePlugin):
    """Holds the builder's lock, and gives every cursor the run's identifier, by which the models find their scope."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Where this is not a run's process, take the lock while it lives, and end it when who started it has died."""
        started_by = os.environ.get("SEGMENTATION_STARTED_BY")
        if started_by == str(os.getppid()):
            threading.Thread(target=_end_with, args=[int(started_by)], daemon=True).start()
        catalog = os.environ["DBT_ENV_SECRET_LAKE_URI"].removeprefix("ducklake:")
        settings = WarehouseSettings.model_validate(
            {
                "path": os.environ["SEGMENTATION_LAKE_PATH"],
                "catalog": "sqlite" if catalog.startswith("sqlite:") else catalog,
            }
        )
        warehouse = Warehouse(settings)
        if not is_held(warehouse.system_lock(WRITER)):
            _held.enter_context(hold(warehouse.system_lock(BUILDER), "dbt"))

    def configure_cursor(self, cursor: Any) -> None:
        """Say which run this is; a variable of DuckDB belongs to one cursor."""
        refuse_after_interrupt()
        _cursors.add(cursor)
        cursor.execute("set variable segmentation_run_id = ?", [os.environ.get("SEGMENTATION_RUN_ID", "")])


def begin() -> None:
    """Let dbt in this process open cursors again."""
    _is_interrupted.clear()


def refuse_after_interrupt() -> None:
    """Raise where the run was interrupted: no statement begins any more."""
    if _is_interrupted.is_set():
        raise RuntimeError("the run was interrupted")


def interrupt() -> None:
    """Stop the statement that dbt has at work in this process, and let none follow."""
    _is_interrupted.set()
    for cursor in list(_cursors):
        with suppress(duckdb.Error):
            cursor.interrupt()


def close() -> None:
    """Close what dbt in this process has open; by itself it keeps a database in memory for the next command."""
    with suppress(Exception):  # none was opened
        DuckDBConnectionManager.env().close()
    DuckDBConnectionManager.close_all_connections()


def _end_with(parent: int) -> None:
    """End this process, as a killed one ends: DuckDB has committed a transaction or it has not."""
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os._exit(1)
