"""Which published months late data have reached, and how the mark goes."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.dagster_support.deployment import Deployment
from orchestration.defs.publish.revisions import late_months_sensor
from orchestration.lake.migrations import migrate
from orchestration.lake.run_scope import set_scope
from orchestration.lake.warehouse import Warehouse
from orchestration.segments.registry import Input
from orchestration.segments.revisions import describe, months_due
from orchestration.segments.versions import (
    Provenance,
    last_load_id,
    open_candidates,
    publish,
    record_outcome,
    rollback,
)
from orchestration.settings import WarehouseSettings
from tests.lakes import lay_lake

SEPTEMBER, OCTOBER, NOVEMBER = date(2026, 9, 30), date(2026, 10, 31), date(2026, 11, 30)
MONTHS = (SEPTEMBER, OCTOBER, NOVEMBER)
NOW, LATER = datetime(2026, 12, 2, 4, 0), datetime(2026, 12, 9, 4, 0)
INPUTS = (Input("features.customer_features"), Input("intermediate.contracts_as_of"))
TABLES = [each.key for each in INPUTS]
MADE_BY = Provenance(run_id="run", code_version="code", settings_hash="settings", inputs=INPUTS)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Three published months, made from the loads 1 and 2."""
    with lay_lake(tmp_path, _publish_three_months).writer() as connection:
        yield connection


def _publish_three_months(lake: duckdb.DuckDBPyConnection) -> None:
    migrate(lake)
    for table in TABLES:
        lake.execute(f"create table {table} (as_of_date date, content double)")
        lake.executemany(f"insert into {table} values (?, 1)", [[day] for day in MONTHS])
    _load(lake, 1, "usage", SEPTEMBER, 10)
    _load(lake, 2, "usage", NOVEMBER, 10)
    _segment(lake, MONTHS)


def _load(lake: duckdb.DuckDBPyConnection, load_id: int, table: str, month_end: date, rows: int) -> None:
    lake.execute(
        "insert into ops.loads (load_id, source_table, loaded_at) values (?, ?, ?)",
        [load_id, table, NOW.replace(hour=load_id % 24)],
    )
    lake.execute("insert into ops.load_months values (?, ?, ?, ?)", [load_id, table, month_end, rows])


def _segment(lake: duckdb.DuckDBPyConnection, days: Sequence[date], now: datetime = NOW) -> list[str]:
    """Do what a run does: note the loads, build features, open what changed, publish it."""
    set_scope(lake, MADE_BY.run_id, dict.fromkeys(days), last_load_id(lake))
    opened = [each.version_id for each in open_candidates(lake, days, MADE_BY, now)]
    for version_id in opened:
        record_outcome(lake, version_id, {}, [{"name": "a_check", "passed": True}])
    publish(lake, opened, now)
    return opened


def _due(lake: duckdb.DuckDBPyConnection) -> list[tuple[str, dict[str, int], int]]:
    return [(each.month, dict(each.rows), each.first_load_id) for each in months_due(lake)]


def test_nothing_is_due_before_anything_late_comes(lake):
    assert _due(lake) == []
    _load(lake, 3, "usage", date(2026, 12, 31), 5)
    assert _due(lake) == []
    assert describe(months_due(lake)) == "No published month is due for revision."


def test_a_late_row_makes_its_month_and_the_later_ones_due_with_tables_rows_and_first_load(lake):
    _load(lake, 3, "invoices", NOVEMBER, 1)
    _load(lake, 4, "usage", OCTOBER, 7)
    _load(lake, 5, "usage", OCTOBER, 2)
    assert _due(lake) == [("2026-10", {"usage": 9}, 4), ("2026-11", {"invoices": 1, "usage": 9}, 3)]
    assert [each.reason for each in months_due(lake)] == [
        "rows of the month: usage 9",
        "rows from 2026-10 on: invoices 1, usage 9",
    ]
    assert "2026-10, 2026-11" in describe(months_due(lake))


def test_months_made_on_a_version_that_is_due_or_was_replaced_are_due_until_they_are_made_again(lake):
    """A cancellation told late: the month it reaches is due, and so is the next one, made before that came out."""
    _load(lake, 3, "contracts", SEPTEMBER, 1)
    lake.execute("update features.customer_features set content = 2 where as_of_date = ?", [OCTOBER])
    assert _segment(lake, [OCTOBER], LATER) == ["2026-10-31.2"]  # as the monthly schedule would, alone
    assert [month for month, *_ in _due(lake)] == ["2026-09", "2026-10", "2026-11"]
    assert months_due(lake)[1].reason == "made on version 2026-09-30.1, which is due for revision or was replaced"

    lake.execute("update features.customer_features set content = 2 where as_of_date = ?", [SEPTEMBER])
    assert _segment(lake, [SEPTEMBER], LATER) == ["2026-09-30.2"]
    assert [month for month, *_ in _due(lake)] == ["2026-10", "2026-11"]
    assert _segment(lake, [OCTOBER], LATER) == ["2026-10-31.3"]
    assert [month for month, *_ in _due(lake)] == ["2026-11"]
    assert _segment(lake, [NOVEMBER], LATER) == ["2026-11-30.2"]
    assert _due(lake) == []


def test_a_month_after_one_that_was_rolled_back_is_due(lake):
    lake.execute("update features.customer_features set content = 2 where as_of_date = ?", [SEPTEMBER])
    _segment(lake, MONTHS, LATER)
    assert _due(lake) == []
    rollback(lake, "2026-09-30.1", LATER)
    assert [month for month, *_ in _due(lake)] == ["2026-10", "2026-11"]


def test_a_first_month_segmented_after_its_successors_makes_nothing_due(lake):
    lake.execute("update segments.versions set previous_version_id = null where as_of_date = ?", [OCTOBER])
    assert _due(lake) == []


def test_a_row_of_long_before_reaches_every_published_month(lake):
    _load(lake, 3, "customers", date(2019, 1, 31), 1)
    assert [month for month, *_ in _due(lake)] == ["2026-09", "2026-10", "2026-11"]


@pytest.mark.parametrize("changed", TABLES)
def test_a_revision_clears_the_mark_and_only_months_whose_inputs_changed_get_one(lake, changed):
    _load(lake, 3, "usage", SEPTEMBER, 1)
    lake.execute(f"update {changed} set content = 2 where as_of_date = ?", [OCTOBER])
    assert _segment(lake, MONTHS, LATER) == ["2026-10-31.2", "2026-11-30.2"]
    assert _due(lake) == []
    kept = lake.execute("select last_load_id, confirmed_at from segments.versions where as_of_date = ?", [SEPTEMBER])
    assert kept.fetchall() == [(3, LATER)]


def test_a_rerun_without_new_loads_confirms_nothing(lake):
    assert _segment(lake, MONTHS, LATER) == []
    assert lake.execute("select count(confirmed_at) from segments.versions").fetchall() == [(0,)]


def test_rows_that_come_while_a_month_is_made_make_it_due(lake):
    _load(lake, 3, "usage", NOVEMBER, 1)
    set_scope(lake, MADE_BY.run_id, {NOVEMBER: None}, last_load_id(lake))
    _load(lake, 4, "usage", NOVEMBER, 1)
    open_candidates(lake, [NOVEMBER], MADE_BY, LATER)
    assert _due(lake) == [("2026-11", {"usage": 1}, 4)]


def test_a_candidate_that_is_never_published_leaves_the_mark(lake):
    _load(lake, 3, "usage", NOVEMBER, 1)
    lake.execute("update features.customer_features set content = 2 where as_of_date = ?", [NOVEMBER])
    set_scope(lake, MADE_BY.run_id, {NOVEMBER: None}, last_load_id(lake))
    assert open_candidates(lake, [NOVEMBER], MADE_BY, LATER)
    assert [month for month, *_ in _due(lake)] == ["2026-11"]


def test_a_month_that_was_rolled_back_is_not_due_for_ever(lake):
    _load(lake, 3, "usage", NOVEMBER, 1)
    lake.execute("update features.customer_features set content = 2 where as_of_date = ?", [NOVEMBER])
    _segment(lake, [NOVEMBER])
    rollback(lake, "2026-11-30.1", NOW)
    assert [month for month, *_ in _due(lake)] == ["2026-11"]
    assert _segment(lake, [NOVEMBER], LATER) == []
    assert _due(lake) == []


def test_the_sensor_asks_for_one_run_over_the_due_months_and_is_off_by_default(lake, tmp_path, monkeypatch):
    monkeypatch.setattr(Deployment, "warehouse", Warehouse(WarehouseSettings(path=tmp_path, threads=1)))
    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.GraphDefinition(name="daily_ingest").to_job().execute_in_process(instance=instance)

        def ask() -> dg.RunRequest | dg.SkipReason:
            context = dg.build_run_status_sensor_context(
                "late_months_sensor",
                dagster_instance=instance,
                dagster_run=run.dagster_run,
                dagster_event=run.get_run_success_event(),
                resources={"deployment": Deployment()},
            )
            return late_months_sensor(context)

        assert isinstance(ask(), dg.SkipReason)
        _load(lake, 3, "usage", OCTOBER, 1)
        tags = ask().tags
    assert tags == {
        "dagster/asset_partition_range_start": "2026-10",
        "dagster/asset_partition_range_end": "2026-11",
    }
    assert late_months_sensor.default_status is dg.DefaultSensorStatus.STOPPED


def test_a_registry_from_before_takes_its_versions_to_rest_on_the_loads_of_their_time(lake):
    lake.execute("alter table segments.versions drop column last_load_id")
    lake.execute("update segments.versions set created_at = ?", [NOW.replace(hour=1, minute=30)])
    assert months_due(lake) == []
    migrate(lake)
    assert _due(lake) == [("2026-11", {"usage": 10}, 2)]
