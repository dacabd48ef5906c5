"""A deployment that only ingests, so that what happens to processes costs seconds; and processes to do it to."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from orchestration.lake.warehouse import Warehouse
from orchestration.settings import load_settings
from tests.commands import Told, run_command

SETTINGS = """
warehouse: {{path: lake, catalog: {catalog}, threads: 1}}
locations:
  customers: {{files: source/customers.parquet}}
  contracts: {{files: source/contracts.parquet}}
sources:
  customers: {{location: customers}}
  contracts: {{location: contracts}}
"""


@dataclass(frozen=True)
class Deployment:
    """A folder with settings, sources of two tables, a lake and Dagster's record."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def settings_file(self) -> Path:
        return self.folder / "segmentation.yaml"

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(load_settings(self.settings_file).warehouse)

    @property
    def environment(self) -> dict[str, str]:
        return (
            os.environ
            | {"DAGSTER_HOME": str(self.folder / "dagster"), "SEGMENTATION_CONFIG": str(self.settings_file)}
            | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            | self.variables
        )

    def command(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return run_command([str(part) for part in arguments], self.environment, self.folder)

    def start(self, *arguments: object) -> Told:
        """Start a command whose lines are read while it goes on."""
        return Told([str(part) for part in arguments], self.environment, self.folder)

    def python(self, code: str) -> Told:
        """Start a process of the deployment that runs Python; it says what it has done line by line."""
        return self.start("-c", code)


def make_deployment(folder: Path, catalog: str = "sqlite", **variables: str) -> Deployment:
    (folder / "source").mkdir(parents=True)
    for table, columns in {
        "customers": "'C' || i as customer_id, 'person' as customer_type, date '2024-01-01' as created_date",
        "contracts": "'K' || i as contract_id, 'C' || i as customer_id, 'basic' as product_code,"
        " 'internet' as product_family, date '2024-01-01' as start_date, 30.00::decimal(18, 2) as monthly_fee",
    }.items():
        rows = duckdb.sql(f"select {columns} from range(50) as numbers(i)")
        rows.write_parquet(str(folder / "source" / f"{table}.parquet"))
    (folder / "segmentation.yaml").write_text(SETTINGS.format(catalog=catalog))
    return Deployment(folder, variables)
