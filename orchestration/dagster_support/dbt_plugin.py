"""What a dbt process of ours does beside building: it knows its run, builds alone, and does not outlive who started it.

dbt-duckdb loads it by its module's name (``profiles.yml``).
"""

import os
import threading
import time
from contextlib import ExitStack
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from orchestration.lake.warehouse import Warehouse
from orchestration.lake.writer_lock import BUILDER, hold
from orchestration.settings import WarehouseSettings

_POLL_SECONDS = 0.25
# Of this process: a lock that only its end releases.
_held = ExitStack()


class Plugin(BasePlugin):
    """Holds the builder's lock, and gives every cursor the run's identifier, by which the models find their scope."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Take the lock for as long as this process lives, and end it when the run that started it has died."""
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
        _held.enter_context(hold(Warehouse(settings).system_lock(BUILDER), "dbt"))

    def configure_cursor(self, cursor: Any) -> None:
        """Say which run this is; a variable of DuckDB belongs to one cursor."""
        cursor.execute("set variable segmentation_run_id = ?", [os.environ.get("SEGMENTATION_RUN_ID", "")])


def _end_with(parent: int) -> None:
    """End this process, as a killed one ends: DuckDB has committed a transaction or it has not."""
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os._exit(1)
