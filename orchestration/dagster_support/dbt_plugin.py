"""Ties dbt to its run: models know the run's identifier, no other dbt builds at once, and dbt ends with the run.

dbt-duckdb loads it by module name (``profiles.yml``). In a run, dbt works in the run's process and under its lock. In a
process of its own, for example when called by hand, dbt takes another lock and does not outlive the process that
started it.
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
# Held by this process until it ends.
_held = ExitStack()
_cursors: WeakSet[duckdb.DuckDBPyConnection] = WeakSet()
_is_interrupted = threading.Event()


class Plugin(BasePlugin):
    """Holds the builder's lock, and sets the run's identifier on every cursor, by which the models find their scope."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Outside a run's process, hold the builder's lock until the end, and end when the parent process dies."""
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
        """Set the run's identifier; a DuckDB variable belongs to one cursor."""
        refuse_after_interrupt()
        _cursors.add(cursor)
        cursor.execute("set variable segmentation_run_id = ?", [os.environ.get("SEGMENTATION_RUN_ID", "")])


def begin() -> None:
    """Allow dbt in this process to open cursors again."""
    _is_interrupted.clear()


def refuse_after_interrupt() -> None:
    """Raise if the run was interrupted, so that no further statement starts."""
    if _is_interrupted.is_set():
        raise RuntimeError("the run was interrupted")


def interrupt() -> None:
    """Stop the statement that dbt is executing in this process, and prevent further ones."""
    _is_interrupted.set()
    for cursor in list(_cursors):
        with suppress(duckdb.Error):
            cursor.interrupt()


def close() -> None:
    """Close what dbt has open in this process; otherwise it keeps a database in memory for the next command."""
    with suppress(Exception):  # there may be none
        DuckDBConnectionManager.env().close()
    DuckDBConnectionManager.close_all_connections()


def _end_with(parent: int) -> None:
    """End this process abruptly once its parent is gone: DuckDB has either committed a transaction or not."""
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os._exit(1)
