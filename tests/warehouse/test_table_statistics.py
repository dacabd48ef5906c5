"""Statistics of tables that never had a row: they are there, cost no lookups, and do no harm once rows come."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.lake.table_statistics import note_empty
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import WarehouseSettings

COLUMNS = "(id bigint, day date, fee decimal(18, 4), share double, name varchar)"
ROWS = """
    insert into bi.{}
    select i, date '2025-01-01' + i::integer, i / 3, if(i = 5, 'nan', i / 7), if(i % 2 = 0, null, 'n' || i)
    from range({}, {}) as rows (i)
"""
STATISTICS = """
    select columns.column_name, statistics.* exclude (table_id, column_id)
    from __ducklake_metadata_lake.ducklake_table as tables
    inner join __ducklake_metadata_lake.ducklake_table_stats as rows using (table_id)
    inner join __ducklake_metadata_lake.ducklake_table_column_stats as statistics using (table_id)
    inner join __ducklake_metadata_lake.ducklake_column as columns using (table_id, column_id)
    where tables.table_name = ? order by all
"""
SIZES = """
    select record_count, next_row_id from __ducklake_metadata_lake.ducklake_table_stats
    inner join __ducklake_metadata_lake.ducklake_table using (table_id) where table_name = ?
"""


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with Warehouse(WarehouseSettings(path=tmp_path, threads=1)).writer() as connection:
        yield connection


def test_a_table_that_was_noted_has_the_statistics_of_any_other_once_it_has_rows(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    lake.execute(f"create table bi.noted {COLUMNS}")
    note_empty(lake)
    assert lake.execute(SIZES, ["noted"]).fetchall() == [(0, 0)]
    lake.execute(f"create table bi.other {COLUMNS}")
    for name in ("noted", "other"):
        lake.execute(ROWS.format(name, 0, 40))
        lake.execute(ROWS.format(name, 40, 90))
    assert lake.execute(SIZES, ["noted"]).fetchall() == lake.execute(SIZES, ["other"]).fetchall() == [(90, 90)]
    noted, other = (
        {row[0]: row[3:5] for row in lake.execute(STATISTICS, [name]).fetchall()} for name in ("noted", "other")
    )
    assert noted == other
    assert noted["id"] == ("0", "89")
    for condition in ("id >= 60", "day < date '2025-01-10'", "fee = 4", "name is null", "isnan(share)", "id > 89"):
        found = [
            lake.execute(f"select t::varchar from bi.{name} as t where {condition} order by id").fetchall()
            for name in ("noted", "other")
        ]
        assert found[0] == found[1], condition


def test_noting_twice_and_tables_with_rows_change_nothing(lake: duckdb.DuckDBPyConnection) -> None:
    lake.execute("create table bi.filled as select 1 as n")
    lake.execute("create table bi.empty (n integer)")
    note_empty(lake)
    rows = "select count(*), sum(record_count) from __ducklake_metadata_lake.ducklake_table_stats"
    before = lake.execute(rows).fetchall()
    note_empty(lake)
    assert lake.execute(rows).fetchall() == before == [(2, 1)]


def test_a_query_over_an_empty_table_looks_its_statistics_up_once(lake: duckdb.DuckDBPyConnection) -> None:
    lake.execute(f"create table bi.empty {COLUMNS}")
    query = "select a.id, a.day, a.fee from bi.empty as a inner join bi.empty as b using (id, day, fee, share, name)"

    def lookups() -> int:
        lake.execute("call truncate_duckdb_logs()")
        lake.execute(query).fetchall()
        (row,) = lake.execute(
            "select count(*) from duckdb_logs where message like ?", ["%stats USING (table_id)%"]
        ).fetchall()
        return int(row[0])

    lake.execute("call enable_logging('QueryLog')")
    assert lookups() > 5
    note_empty(lake)
    assert lookups() <= 1
