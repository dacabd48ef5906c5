"""A small simulated lake for the tests to share."""

import pytest

from orchestration.lib.ingest import ingest
from orchestration.lib.settings import Settings
from simulator import SimulationParameters, simulate
from tests.dbt.lakes import Lake, empty_lake


@pytest.fixture(scope="session")
def simulated_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A thousand customers over six months, loaded, and nothing built yet."""
    folder = tmp_path_factory.mktemp("simulated")
    simulate(SimulationParameters(customers=1_000, months=6, end_month="2025-12"), folder / "isp")
    source = folder / "isp" / "source"
    locations = {table: {"files": f"{source}/{table}*"} for table in ("customers", "contracts")} | {
        table: {"files": f"{source}/{table}/*"}
        for table in ("usage", "invoices", "payments", "interactions", "service_quality")
    }
    settings = Settings.model_validate(
        {"locations": locations, "sources": {table: {"location": table} for table in locations}}
    )
    lake = empty_lake(folder, settings)
    ingest(lake.warehouse, lake.settings)
    return lake
