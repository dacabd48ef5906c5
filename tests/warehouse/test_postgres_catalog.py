"""With a PostgreSQL catalog the same code serves a team: many writers at once."""

from pathlib import Path

import duckdb
import pytest

from orchestration.ingest import ingest
from orchestration.lake.warehouse import Warehouse, transaction
from orchestration.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(tmp_path: Path, postgres_database: str) -> Settings:
    source = tmp_path / "source"
    source.mkdir()
    duckdb.sql("""
        select 'C' || i as customer_id, 'person' as customer_type, date '2024-01-01' as created_date
        from range(10) as numbers(i)
    """).write_parquet(str(source / "customers.parquet"))
    return Settings.model_validate(
        {
            "warehouse": {"path": tmp_path / "lake", "catalog": f"postgres:{postgres_database}", "threads": 1},
            "locations": {"customers": {"files": str(source / "customers.parquet")}},
            "sources": {"customers": {"location": "customers"}},
        }
    )


def test_ingestion_loads_once_into_a_lake_with_a_postgres_catalog(settings: Settings) -> None:
    warehouse = Warehouse(settings.warehouse)
    assert [report.rows_accepted for report in ingest(warehouse, settings, tables=["customers"])] == [10]
    assert [report.rows_read for report in ingest(warehouse, settings, tables=["customers"])] == [0]
    with warehouse.reader() as reader:
        assert reader.execute("select count(*) from raw.customers").fetchall() == [(10,)]
        with pytest.raises(duckdb.Error, match="read-only"):
            reader.execute("delete from raw.customers")


def test_two_writers_work_at_once_and_a_reader_sees_each_commit(settings: Settings) -> None:
    warehouse = Warehouse(settings.warehouse)
    with warehouse.writer() as first, warehouse.writer() as second, warehouse.reader() as reader:
        first.execute("create table ops.one (number integer)")
        first.execute("create table ops.two (number integer)")
        with transaction(first), transaction(second):
            first.execute("insert into ops.one values (1)")
            second.execute("insert into ops.two values (2)")
            assert reader.execute("select count(*) from ops.one").fetchall() == [(0,)]
        assert reader.execute("select (from ops.one), (from ops.two)").fetchall() == [(1, 2)]


def test_a_stored_model_comes_back_byte_by_byte(settings: Settings) -> None:
    warehouse, stored = Warehouse(settings.warehouse), bytes(range(256)) * 500
    with warehouse.writer() as connection:
        connection.execute("create table ops.files (model blob)")
        connection.execute("insert into ops.files values (?)", [stored])
    with warehouse.reader() as reader:
        assert reader.execute("select model from ops.files").fetchall() == [(stored,)]
