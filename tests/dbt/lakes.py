"""Lakes of their own for tests, and dbt run on them as the pipeline runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from orchestration.actions.tables import ensure_action_tables
from orchestration.dagster_support.dbt import dbt_environment, dbt_variables, run_environment
from orchestration.lake.contract import ensure_tables
from orchestration.lake.run_scope import set_scope
from orchestration.lake.warehouse import Warehouse, install_extensions
from orchestration.paths import PROJECT_DIR
from orchestration.segments.addresses import ensure_address_table
from orchestration.segments.tables import ensure_segment_tables
from orchestration.segments.versions import ensure_registry
from orchestration.settings import Settings

RUN = "test"
LAST_MONTH = date(2025, 12, 31)
RAW_TABLES = (
    "customers",
    "contracts",
    "usage",
    "usage_sessions",
    "invoices",
    "payments",
    "interactions",
    "service_quality",
    "balances",
    "exchange_rates",
    "consents",
    "contacts",
    "responses",
    "plans",
    "price_changes",
)


@dataclass(frozen=True)
class Lake:
    """A lake and the settings it is run with."""

    settings: Settings

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.settings.warehouse)

    def scope(self, months: Mapping[date, str | None]) -> None:
        with self.warehouse.writer() as connection:
            set_scope(connection, RUN, months)

    def build(self, *selection: str) -> str:
        """Build models with their data tests; the sources and the models' logic have tests of their own."""
        return self.dbt(
            "build", *selection, "--indirect-selection", "buildable", "--exclude", "source:raw", "test_type:unit"
        )

    def dbt(self, *arguments: str) -> str:
        """Run a dbt command and return what it printed; a failure fails the test."""
        install_extensions()
        target = str(self.settings.warehouse.path / "target")
        environment = dbt_environment(self.warehouse) | run_environment(RUN)
        finished = subprocess.run(
            [
                Path(sys.executable).with_name("dbt"), *arguments,
                "--vars", json.dumps(dbt_variables(self.settings)),
                "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR),
            ],
            env=os.environ | environment | {"DBT_TARGET_PATH": target, "DBT_LOG_PATH": target},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def frame(self, sql: str, parameters: Sequence[object] = ()) -> pd.DataFrame:
        with self.warehouse.reader() as connection:
            return connection.execute(sql, list(parameters)).to_arrow_table().to_pandas()


def empty_lake(folder: Path, settings: Settings | None = None) -> Lake:
    """Make a lake with every table that dbt reads, all empty."""
    settings = settings or Settings()
    warehouse = settings.warehouse.model_copy(update={"path": folder / "warehouse", "threads": 1})
    lake = Lake(settings.model_copy(update={"warehouse": warehouse}))
    with lake.warehouse.writer() as connection:
        ensure_tables(connection)
        ensure_registry(connection)
        ensure_segment_tables(connection)
        ensure_action_tables(connection)
        ensure_address_table(connection)
    return lake
