import os
from pathlib import Path

import pytest

from orchestration.lake.contract import load_contract
from orchestration.lake.migrations import ensure_tables
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import WarehouseSettings


def test_every_table_comes_after_the_tables_it_refers_to() -> None:
    seen: set[str] = set()
    for name, table in load_contract().items():
        assert table.parents <= seen
        seen.add(name)


def test_customers_and_contracts_are_the_only_tables_a_deployment_must_map() -> None:
    assert {name for name, table in load_contract().items() if table.is_required} == {"customers", "contracts"}


@pytest.mark.parametrize("table", load_contract().values(), ids=lambda table: table.name)
def test_every_key_column_is_required_and_every_column_described(table) -> None:
    assert all(table.column(name).is_required for name in table.key)
    assert all(column.description.endswith(".") for column in table.columns)
    assert table.column(table.time_column).data_type in {"date", "timestamp"}


def test_the_declared_rules_are_read() -> None:
    contract = load_contract()
    assert contract["contracts"].column("valid_from_date").default == "start_date"
    assert contract["payments"].column("status").accepted_values == ("settled", "failed", "refunded")
    assert contract["usage"].column("contract_id").references.table == "contracts"
    assert contract["invoices"].column("net_amount").minimum_when == "kind <> 'credit'"
    assert contract["usage"].key_date == "usage_date"
    assert contract["invoices"].key_date is None


def test_the_tables_are_made_once_with_the_columns_of_the_contract(tmp_path: Path) -> None:
    warehouse = Warehouse(WarehouseSettings(path=tmp_path, threads=1))
    with warehouse.writer() as connection:
        ensure_tables(connection)
        before = connection.execute("select count(*) from ducklake_snapshots('lake')").fetchall()
        ensure_tables(connection)
        assert connection.execute("select count(*) from ducklake_snapshots('lake')").fetchall() == before
        for table in load_contract().values():
            described = connection.execute(f"describe raw.{table.name}").fetchall()
            assert [row[0] for row in described] == [*table.column_names, "_load_id"]
            assert [row[1].lower() for row in described[:-1]] == [column.data_type for column in table.columns]


def test_a_lake_of_an_earlier_version_gets_the_columns_and_tables_it_lacks_and_keeps_its_rows(tmp_path: Path) -> None:
    warehouse = Warehouse(WarehouseSettings(path=tmp_path, threads=1))
    with warehouse.writer() as connection:
        ensure_tables(connection)
        connection.execute("insert into ops.loads (load_id, source_table) values (1, 'usage')")
        connection.execute("insert into raw.usage (contract_id, usage_date, _load_id) values ('K1', '2025-01-01', 1)")
        for table, column in (("ops.loads", "cursor_value"), ("raw.usage", "devices"), ("raw.usage", "peak_mbps")):
            connection.execute(f"alter table {table} drop column {column}")
        connection.execute("drop table ops.load_months")
        ensure_tables(connection)
        assert connection.execute("select load_id, cursor_value from ops.loads").fetchall() == [(1, None)]
        found = connection.execute("select contract_id, devices, peak_mbps, _load_id from raw.usage").fetchall()
        assert found == [("K1", None, None, 1)]
        assert connection.execute("select count(*) from ops.load_months").fetchall() == [(0,)]
        connection.execute("insert into raw.usage (contract_id, usage_date, devices) values ('K1', '2025-02-01', 3)")
        assert connection.execute("select devices from raw.usage order by usage_date").fetchall() == [(None,), (3,)]


def test_a_writer_keeps_to_the_memory_and_the_threads_it_is_given(tmp_path: Path) -> None:
    for threads, expected in ((1, [(1,)]), (None, [(os.cpu_count(),)])):
        warehouse = Warehouse(WarehouseSettings(path=tmp_path, memory_limit="512 MiB", threads=threads))
        with warehouse.writer() as connection:
            assert connection.execute("select current_setting('memory_limit')").fetchall() == [("512.0 MiB",)]
            assert connection.execute("select current_setting('threads')").fetchall() == expected
