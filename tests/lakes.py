"""Lakes to change, copies of one that is made once in a process: making the tables takes longer than most tests."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import duckdb

from orchestration.lake.migrations import ensure_tables, migrate
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import WarehouseSettings

Fill = Callable[[duckdb.DuckDBPyConnection], object]


@cache
def made(fill: Fill) -> Path:
    """Return the folder of a lake as ``fill`` leaves it, to read or to copy."""
    folder = Path(tempfile.mkdtemp(prefix="lake"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with Warehouse(WarehouseSettings(path=folder, threads=1)).writer() as connection:
        fill(connection)
    return folder


def lay_lake(path: Path, fill: Fill = migrate) -> Warehouse:
    """Lay a lake as ``fill`` leaves it at ``path``; by default one of this release, all tables empty.

    One thread, as is advised for lakes of this size: each opens the catalog anew for every statement.
    """
    shutil.copytree(made(fill), path, dirs_exist_ok=True)
    return Warehouse(WarehouseSettings(path=path, threads=1))


def lay_lake_for_loads(path: Path) -> None:
    """Lay a lake at ``path`` as the first ingestion finds it once it has made its tables."""
    lay_lake(path, ensure_tables)
