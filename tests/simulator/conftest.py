"""One small provider for all tests that look at written files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from simulator import SimulationParameters, simulate

TABLES = ("customers", "contracts", "usage", "invoices", "payments", "interactions", "service_quality")


@dataclass(frozen=True)
class Isp:
    """A simulated provider on disk, with a view for each table; truth is `true_customers` and `true_states`."""

    folder: Path
    parameters: SimulationParameters
    rows: dict[str, int]
    connection: duckdb.DuckDBPyConnection

    def value(self, query: str) -> object:
        row = self.connection.execute(query).fetchone()
        assert row is not None
        return row[0]


@pytest.fixture(scope="session")
def isp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Isp]:
    folder = tmp_path_factory.mktemp("isp")
    parameters = SimulationParameters(customers=3_000, months=18, seed=7)
    rows = simulate(parameters, folder)
    with duckdb.connect() as connection:
        for table in TABLES:
            pattern = f"{table}.parquet" if table in ("customers", "contracts") else f"{table}/*.parquet"
            connection.execute(f"create view {table} as select * from '{folder}/source/{pattern}'")
        for table in ("customers", "states"):
            connection.execute(f"create view true_{table} as select * from '{folder}/truth/{table}.parquet'")
        yield Isp(folder, parameters, rows, connection)
