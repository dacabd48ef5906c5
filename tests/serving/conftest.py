import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.published_lakes import PublishedLake, make_lake, open_lake
from orchestration.serving.serve import serve
from orchestration.serving.tables import served_tables
from orchestration.serving.target import Served
from orchestration.settings import Settings
from tests.commands import Told

NOVEMBER, DECEMBER = "2025-11-30.1", "2025-12-31.1"
# Of each kind: the registry, what is current, histories of customers, small tables with and without a key.
FEW = (
    *("segmentation_versions", "customer_segments", "customer_segment_history", "churn_reasons", "b2b_mid_band"),
    *("value_deciles", "behavior_events"),
)
SERVE = """
import json, sys
from pathlib import Path
from orchestration.lake.warehouse import Warehouse
from orchestration.serving.serve import serve
from orchestration.settings import Settings, WarehouseSettings
settings = Settings.model_validate({"serving": {"target": json.loads(sys.argv[2])}})
serve(Warehouse(WarehouseSettings(path=Path(sys.argv[1]), threads=1)), settings, "target")
"""


@pytest.fixture(scope="session")
def first_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of few tables in which one version is published, to copy."""
    folder = tmp_path_factory.mktemp("first") / "lake"
    make_lake(folder, FEW).publish(NOVEMBER)
    return folder


@pytest.fixture
def lake(first_lake: Path, tmp_path: Path) -> PublishedLake:
    """A lake of its own with few tables, in which one version is published."""
    shutil.copytree(first_lake, tmp_path / "lake")
    return open_lake(tmp_path / "lake", FEW)


@pytest.fixture
def lake_of_days(tmp_path: Path) -> PublishedLake:
    """A lake of the registry, triggers and actions, a row of each per day."""
    made = make_lake(tmp_path / "days", ("segmentation_versions", "triggers", "customer_actions"))
    made.publish(NOVEMBER)
    return made


@pytest.fixture(scope="session")
def whole_lake(tmp_path_factory: pytest.TempPathFactory) -> PublishedLake:
    """A lake with every table, in which one version is published; only read."""
    made = make_lake(tmp_path_factory.mktemp("whole") / "lake", served_tables())
    made.publish(NOVEMBER)
    return made


@pytest.fixture(scope="session")
def whole_file(whole_lake: PublishedLake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file to which that lake is served; only read."""
    file = tmp_path_factory.mktemp("whole") / "served" / "segments.duckdb"
    bring_up(whole_lake, type="duckdb", path=file)
    return file


@pytest.fixture
def brought_up(lake: PublishedLake) -> Callable[..., Served]:
    """Serve the lake to a target of given settings, and see that it equals the lake."""
    return lambda **target: bring_up(lake, **target)


def bring_up(lake: PublishedLake, **target: Any) -> Served:
    """Serve a lake to a target of given settings, and see that it equals the lake."""
    settings = Settings.model_validate({"serving": {"target": {"tables": lake.tables} | target}})
    served, differences = serve(lake.warehouse, settings, "target")
    assert differences == []
    return served


def serving(lake: PublishedLake, **target: Any) -> Told:
    """Serve a lake in a process of its own, to be killed."""
    settings = {"tables": lake.tables} | target
    folder = lake.warehouse.path
    return Told(["-c", SERVE, str(folder), json.dumps(settings)], os.environ, folder)
