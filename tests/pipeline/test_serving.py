"""A run ends where analysts are: the example's targets hold what its lake does."""

import json

import duckdb
import pytest

from orchestration.serving.tables import served_tables
from tests.serving.dashboards import chart_queries

pytestmark = pytest.mark.slow


def test_a_run_serves_every_table_of_every_version_to_both_targets(simulated):
    folder = simulated.folder / "served" / "parquet"
    manifest = json.loads((folder / json.loads((folder / "current.json").read_text())["manifest"]).read_text())
    with duckdb.connect(str(simulated.folder / "served" / "segments.duckdb"), read_only=True) as file:
        for table in served_tables():
            (in_lake,) = simulated.frame(f"select count(*) as n from bi.{table}")["n"]
            in_file = file.execute(f"select count(*) from bi.{table}").fetchall()
            in_folder = sum(part["rows"] for part in manifest["parts"] if part["table"] == table)
            assert (table, in_file, in_folder) == (table, [(in_lake,)], in_lake)
        versions = file.execute("select distinct version_id from bi.customer_segment_history order by 1").fetchall()
    assert versions == [(f"2025-{day}.1",) for day in ("09-30", "10-31", "11-30", "12-31")]


def test_a_run_ends_by_saying_where_it_served_to(simulated):
    served = simulated.folder / "served"
    said = f"Served to\n  file: {served}/segments.duckdb\n  folder: {served}/parquet\n"
    assert (simulated.folder / "printed").read_text().endswith(said)


def test_every_grain_tells_the_rows_of_a_real_segmentation_apart(simulated):
    with duckdb.connect(str(simulated.folder / "served" / "segments.duckdb"), read_only=True) as file:
        for table in served_tables().values():
            keys = ", ".join(f'"{name}"' for name in table.grain)
            required = " or ".join(f'"{name}" is null' for name in table.grain if name not in table.nullable_keys)
            repeated = file.execute(f"select {keys} from bi.{table.name} group by all having count(*) > 1").fetchall()
            assert (table.name, repeated) == (table.name, [])
            assert file.execute(f"select count(*) from bi.{table.name} where {required}").fetchall() == [(0,)]


def test_every_chart_of_a_real_segmentation_has_data(simulated):
    """Those of actions have none before a day of actions is decided."""
    with duckdb.connect(str(simulated.folder / "served" / "segments.duckdb"), read_only=True) as file:
        empty = [
            (query.dashboard, query.title)
            for query in chart_queries()
            if query.dashboard != "actions" and not query.has_data(file.execute(query.sql).fetchall())
        ]
    assert empty == []
