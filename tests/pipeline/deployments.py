"""Whole deployments, run by the real command in a process of its own."""

import atexit
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from examples.ibm_telco.fetch import fetch
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import load_settings
from simulator import SimulationParameters, simulate
from tests.commands import kill_at, run_command

EXAMPLES = Path(__file__).parents[2] / "examples"
_READERS = ExitStack()
atexit.register(_READERS.close)


@dataclass(frozen=True)
class Deployment:
    """A folder with a settings file, its sources and its lake."""

    folder: Path

    @property
    def settings_file(self) -> Path:
        return self.folder / "segmentation.yaml"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in {"SEGMENTATION_CONFIG"}}
        return kept | {"DAGSTER_HOME": str(self.folder / "dagster")}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_command([*arguments, "--config", str(self.settings_file)], self.environment, self.folder)

    def run(self, first: str, last: str) -> str:
        finished = self.command("run", "--from", first, "--to", last)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def kill_at(self, step: str, *arguments: str) -> None:
        """Kill a command shortly after a step has begun, as a machine that goes down would."""
        kill_at(step, [*arguments, "--config", str(self.settings_file)], self.environment, self.folder)

    def copy(self, folder: Path) -> "Deployment":
        """Return another deployment that is as this one, for a test to change."""
        return Deployment(shutil.copytree(self.folder, folder))

    @cached_property
    def reader(self) -> duckdb.DuckDBPyConnection:
        """A reader that stays, as an analyst's does: opening the lake takes longer than most queries."""
        return _READERS.enter_context(Warehouse(load_settings(self.settings_file).warehouse).reader())

    def frame(self, sql: str, parameters: Sequence[object] = ()) -> pd.DataFrame:
        return self.reader.execute(sql, list(parameters)).to_arrow_table().to_pandas()

    def versions(self) -> list[dict[str, Any]]:
        finished = self.command("versions", "list", "--format", "json")
        assert finished.returncode == 0, finished.stderr
        rows: list[dict[str, Any]] = json.loads(finished.stdout)
        return rows

    def contents(self, *schemas: str) -> dict[str, pd.DataFrame]:
        """Every table and view of the schemas, rows in a fixed order, without what says who wrote it and when."""
        names = self.frame(
            "select table_schema || '.' || table_name as name from information_schema.tables"
            " where table_schema in (select unnest(?::varchar[])) order by all",
            [list(schemas)],
        )["name"]
        return {
            name: self.frame(
                f"select columns(c -> c not in ('created_at', 'published_at', 'run_id')) from {name} order by all"
            )
            for name in names
        }


def make_deployment(
    folder: Path, parameters: SimulationParameters, edit: Callable[[str], str] = str, *, is_served: bool = False
) -> Deployment:
    """Simulate an ISP into the folder and settle the example's settings there, served only where that is asked."""
    simulate(parameters, folder)
    settings = (EXAMPLES / "simulated_isp" / "segmentation.yaml").read_text().replace("../../data/simulated_isp/", "")
    if not is_served:
        settings = settings.partition("\nserving:")[0]
    (folder / "segmentation.yaml").write_text(edit(settings))
    return Deployment(folder)


def make_ibm(folder: Path, edit: Callable[[str], str] = str) -> Deployment:
    """Put the IBM Telco data into the folder and settle their example's settings there."""
    fetch(folder / "source" / "telco.parquet")
    settings = (EXAMPLES / "ibm_telco" / "segmentation.yaml").read_text().replace("../../data/ibm_telco/", "")
    (folder / "segmentation.yaml").write_text(edit(settings))
    return Deployment(folder)


SMALL = SimulationParameters(customers=1_000, months=8, end_month="2025-12", seed=7)
MONTHS = ("2025-11", "2025-12")
