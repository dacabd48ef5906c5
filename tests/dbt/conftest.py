"""Lakes for the tests to share."""

from pathlib import Path

import pytest

from orchestration.ingest import ingest
from orchestration.settings import Settings
from simulator import SimulationParameters, simulate
from tests.dbt.lakes import LAST_MONTH, Lake, empty_lake

GOLDEN_CUSTOMERS = Path(__file__).with_name("golden_customers.csv")


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


@pytest.fixture(scope="session")
def built_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake in which every model exists, with the golden customers and a contract of each, and little else."""
    lake = empty_lake(tmp_path_factory.mktemp("built"))
    with lake.warehouse.writer() as connection:
        connection.read_csv(str(GOLDEN_CUSTOMERS), all_varchar=True).create_view("golden")
        connection.execute(
            """
            insert into raw.customers by name
            select columns(c -> c not in ('who', 'expected_segment', 'customer_id', 'product_code')),
                coalesce(customer_id, who) as customer_id, date '2020-01-01' as created_date
            from golden
            """
        )
        connection.execute(
            """
            insert into raw.contracts by name
            select 'of ' || who as contract_id, coalesce(customer_id, who) as customer_id, product_code,
                case split_part(product_code, '-', 1) when 'INET' then 'internet' when 'MOB' then 'mobile' else 'other'
                end as product_family,
                date '2020-01-01' as start_date, date '2020-01-01' as valid_from_date, 40 as monthly_fee
            from golden
            """
        )
    lake.scope({LAST_MONTH: f"{LAST_MONTH}.1"})
    lake.build()
    return lake


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the models as SQL of the engine."""
    lake = empty_lake(tmp_path_factory.mktemp("compiled"))
    lake.dbt("compile", "--select", "resource_type:model")
    return lake.settings.warehouse.path / "target" / "compiled" / "segmentation" / "models"
