"""A small lake, made by SQL: a hundred customers with a line each, four months of usage, invoices and payments."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.ingest import LoadReport
from orchestration.lake.contract import load_contract
from orchestration.lake.declarations import declared_tables
from orchestration.settings import Settings
from orchestration.source_checks import Outcome, check_sources

TABLES = ("customers", "contracts", "usage", "invoices", "payments", "interactions")
CHECKED_AT = datetime(2025, 11, 1, 2, 30)

_ROWS = """
insert into raw.customers (customer_id, customer_type, created_date, _load_id)
select 'C' || i, 'person', date '2025-01-01' + i::int, 1 from range(100) as t(i);
insert into raw.contracts (contract_id, valid_from_date, customer_id, product_code, product_family, start_date,
    monthly_fee, discount_amount, download_mbps, _load_id)
select 'K' || i, date '2025-01-01' + i::int, 'C' || i, 'NET', 'internet', date '2025-01-01' + i::int, 30, 0, 100, 2
from range(100) as t(i);
insert into raw.customers (customer_id, customer_type, created_date, _load_id)
values ('C100', 'person', '2025-09-01', 1);
insert into raw.contracts (contract_id, valid_from_date, customer_id, product_code, product_family, start_date,
    monthly_fee, _load_id)
values ('K100', '2025-09-01', 'C100', 'FREE', 'tv', '2025-09-01', 0, 2);
update raw.customers set parent_customer_id = 'C' || (substr(customer_id, 2)::int // 2) where customer_id < 'C4';
-- Customers who have left, a few in every month.
insert into raw.customers (customer_id, customer_type, created_date, _load_id)
select 'L' || i, 'person', '2025-01-01', 1 from range(10) as t(i);
insert into raw.contracts (contract_id, valid_from_date, customer_id, product_code, product_family, start_date,
    end_date, monthly_fee, _load_id)
select 'KL' || i, '2025-01-01', 'L' || i, 'FREE', 'tv', '2025-01-01', date '2025-01-20' + to_months(i::int // 2 + 1), 0,
    2
from range(10) as t(i);
insert into raw.usage (contract_id, usage_date, bytes_down, bytes_up, peak_mbps, _load_id)
select 'K' || i, date '2025-07-01' + d::int, 4_000_000_000 + i, 300_000_000, 80, 3
from range(123) as days(d), range(100) as t(i);
insert into raw.invoices (invoice_id, customer_id, invoice_date, due_date, period_start, period_end, net_amount,
    tax_amount, currency, contract_id, _load_id)
select 'I' || m || '-' || i, 'C' || i, month, month + 14, month, last_day(month), 30, 6, 'EUR', 'K' || i, 4
from range(100) as t(i), (select m, (date '2025-05-03' + to_months(m::int))::date as month from range(6) as t(m))
    as months(m, month);
insert into raw.payments (payment_id, customer_id, paid_date, amount, status, invoice_id, _load_id)
select 'P' || invoice_id, customer_id, invoice_date + 7, 36, 'settled', invoice_id, 5 from raw.invoices;
insert into raw.interactions (interaction_id, customer_id, occurred_at, channel, category, _load_id)
select 'X' || m || '-' || i, 'C' || i, timestamp '2025-05-10 10:00' + to_months(m::int), 'phone', 'billing', 6
from range(40) as t(i), range(6) as months(m);
"""


class Lake:
    """A lake to plant faults in; ``check`` makes the source checks of it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.settings: dict[str, Any] = {"locations": {"files": {"files": "*.csv"}}, "checks": {}}
        self.settings["sources"] = {table: {"location": "files"} for table in TABLES}

    def plant(self, sql: str) -> None:
        self.connection.execute(sql)

    def check(self, *reports: LoadReport, at: datetime = CHECKED_AT) -> dict[tuple[str, str], Outcome]:
        settings = Settings.model_validate(self.settings)
        outcomes = check_sources(self.connection, settings, reports, at)
        return {(each.source_table, each.check_name): each for each in outcomes}

    def failed(self, *reports: LoadReport) -> set[tuple[str, str]]:
        return {key for key, outcome in self.check(*reports).items() if not outcome.passed}


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake without a fault: a plain DuckDB file with the tables of the contract, quick to copy."""
    file = tmp_path_factory.mktemp("checks") / "lake.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema raw; create schema ops")
        for table in load_contract().values():
            columns = {column.name: column.data_type for column in table.columns} | {"_load_id": "bigint"}
            connection.execute(_create(f"raw.{table.name}", columns))
        for declared in declared_tables("ops").values():
            connection.execute(_create(declared.key, declared.types))
        connection.execute(_ROWS)
        for number, table_name in enumerate(TABLES, start=1):
            connection.execute(
                f"""
                insert into ops.loads (load_id, source_table, location, file, loaded_at, rows_read, rows_accepted,
                    rows_quarantined, rows_duplicate, rows_superseded)
                select {number}, '{table_name}', 'files', 'a.csv', '2025-11-01 02:00', n, n, 0, 0, 0
                from (select count(*) as n from raw.{table_name})
                """
            )
    return file


@pytest.fixture
def lake(sound: Path, tmp_path: Path) -> Iterator[Lake]:
    """A copy of it to plant a fault in."""
    with duckdb.connect(str(shutil.copy(sound, tmp_path / "lake.duckdb"))) as connection:
        yield Lake(connection)


def _create(table: str, columns: Mapping[str, str]) -> str:
    return f"create table {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"
