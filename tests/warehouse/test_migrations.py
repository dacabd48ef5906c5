"""A lake of an earlier release becomes one of this release, and keeps its rows."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.lake.migrations import migrate
from orchestration.lake.warehouse import Warehouse
from orchestration.segments.registry import versioned_tables
from orchestration.settings import WarehouseSettings

SNAPSHOTS = "select count(*) from ducklake_snapshots('lake')"


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with Warehouse(WarehouseSettings(path=tmp_path, threads=1)).writer() as connection:
        migrate(connection)
        yield connection


def test_a_lake_of_this_release_is_left_alone(lake: duckdb.DuckDBPyConnection) -> None:
    before = lake.execute(SNAPSHOTS).fetchall()
    migrate(lake)
    assert lake.execute(SNAPSHOTS).fetchall() == before


def test_the_lake_has_statistics_of_every_table_it_begins_with_and_no_rows(lake: duckdb.DuckDBPyConnection) -> None:
    # Those of a table without any are looked up anew for every statement that is planned over it.
    catalog = "__ducklake_metadata_lake"
    known = lake.execute(
        f"select count(*), count(record_count), sum(record_count) from {catalog}.ducklake_table"
        f" left join {catalog}.ducklake_table_stats using (table_id) where end_snapshot is null"
    ).fetchone()
    made = lake.execute("select count(*) from duckdb_tables() where database_name = 'lake'").fetchone()
    assert made is not None
    assert known == (made[0], made[0], 0)


def test_columns_are_added_also_to_tables_that_dbt_makes(lake: duckdb.DuckDBPyConnection) -> None:
    lake.execute("create table segments.customer_lifecycle (version_id varchar, as_of_date date)")
    lake.execute("insert into segments.customer_lifecycle values ('2026-10-31.1', '2026-10-31')")
    lake.execute("alter table segments.customer_value drop column value_decile_fixed")
    migrate(lake)
    for name in ("customer_lifecycle", "customer_value"):
        described = lake.execute(f"describe segments.{name}").fetchall()
        assert {row[0] for row in described} == set(versioned_tables()[name].types)
    assert lake.execute("select version_id, rule_stage from segments.customer_lifecycle").fetchall() == [
        ("2026-10-31.1", None)
    ]
    tables = lake.execute("select table_name from duckdb_tables() where schema_name = 'segments'").fetchall()
    assert ("customer_market",) not in tables, "dbt makes its tables itself"


def test_a_renamed_table_keeps_its_rows_and_can_be_read_by_both_names(lake: duckdb.DuckDBPyConnection) -> None:
    lake.execute("alter table segments.behavior_events rename to cluster_events")
    lake.execute("alter table segments.cluster_events drop column members_now")
    lake.execute("insert into segments.cluster_events (version_id, event) values ('2026-10-31.1', 'kept')")
    migrate(lake)
    migrate(lake)
    for name in ("behavior_events", "cluster_events"):
        rows = lake.execute(f"select version_id, event, members_now from segments.{name}").fetchall()
        assert rows == [("2026-10-31.1", "kept", None)]


def test_renamed_columns_keep_their_values_and_their_view_can_be_read_at_once(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    lake.execute("alter table segments.triggers rename column retracted_date to taken_back_date")
    lake.execute(
        "create view bi.triggers as select trigger_event_id, taken_back_date, taken_back_date is null as stands"
        " from segments.triggers"
    )
    lake.execute(
        "insert into segments.triggers (trigger_event_id, taken_back_date) values ('a', '2026-10-31'), ('b', null)"
    )
    lake.execute("create table intermediate.customer_month_covariates (usage_ratio double, days_without_usage integer)")
    lake.execute("insert into intermediate.customer_month_covariates values (0.5, 3)")
    migrate(lake)
    before = lake.execute(SNAPSHOTS).fetchall()
    migrate(lake)
    assert lake.execute(SNAPSHOTS).fetchall() == before
    read = lake.execute("select trigger_event_id, retracted_date::varchar, is_retracted from bi.triggers order by 1")
    assert read.fetchall() == [("a", "2026-10-31", True), ("b", None, False)]
    covariates = lake.execute("select usage_trend, days_since_last_usage from intermediate.customer_month_covariates")
    assert covariates.fetchall() == [(0.5, 3)]
