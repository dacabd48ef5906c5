"""Lakes of their own for tests, and dbt run on them as the pipeline runs it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from orchestration.dagster_support.dbt import dbt_variables, ensure_manifest, prepare_for_dbt
from orchestration.dagster_support.dbt_runner import PARSED_PROJECT, stream
from orchestration.lake.run_scope import set_scope
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import Settings
from tests.lakes import lay_lake

RUN = "test"
LAST_MONTH = date(2025, 12, 31)
RAW_TABLES = (
    "customers",
    "contracts",
    "usage",
    "usage_sessions",
    "calls",
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
    "customer_attributes",
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

    def build_untested(self, *selection: str) -> str:
        """Build models without their data tests, where those pass on the same rows elsewhere."""
        return self.dbt("build", *selection, "--resource-type", "model", "--resource-type", "seed")

    def dbt(self, *arguments: str) -> str:
        """Run a dbt command as a run does, and return what dbt said; a failure fails the test."""
        project = ensure_manifest(self.settings).with_name(PARSED_PROJECT)
        prepare_for_dbt(self.settings, RUN)
        command = [*arguments, "--vars", json.dumps(dbt_variables(self.settings))]
        with self.warehouse.lock("a test"):
            said = stream(command, project, self.settings.warehouse.path / "target")
            return "\n".join(event["info"]["msg"] for event in said)

    def frame(self, sql: str, parameters: Sequence[object] = ()) -> pd.DataFrame:
        """Read the lake and the workspace of the run."""
        with self.warehouse.writer() as connection:
            return connection.execute(sql, list(parameters)).to_arrow_table().to_pandas()


def empty_lake(folder: Path, settings: Settings | None = None) -> Lake:
    """Make a lake with every table that dbt reads, all empty."""
    settings = settings or Settings()
    warehouse = settings.warehouse.model_copy(update={"path": folder / "warehouse", "threads": 1})
    lay_lake(warehouse.path)
    return Lake(settings.model_copy(update={"warehouse": warehouse}))
