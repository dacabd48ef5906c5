"""The life of a version: opened when something changed, published whole, rolled back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import VersionError
from orchestration.lake.migrations import migrate
from orchestration.lake.warehouse import transaction
from orchestration.segments.registry import Input, versioned_tables
from orchestration.segments.versions import (
    Provenance,
    candidates,
    list_versions,
    open_candidates,
    publish,
    published_version_ids,
    record_outcome,
    rollback,
)
from tests.lakes import lay_lake

OCTOBER, NOVEMBER = date(2026, 10, 31), date(2026, 11, 30)
NOW = datetime(2026, 12, 2, 4, 0)
INPUTS = (Input("features.customer_features"), Input("features.margins", "month_end_date <= $as_of"))
MADE_BY = Provenance(run_id="run", code_version="code", settings_hash="settings", inputs=INPUTS)
PASSED = [{"name": "a_check", "passed": True, "found": "1", "expected": "1"}]


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with lay_lake(tmp_path, _build_features).writer() as connection:
        yield connection


def _build_features(lake: duckdb.DuckDBPyConnection) -> None:
    migrate(lake)
    lake.execute("create table features.customer_features (customer_id varchar, as_of_date date, gb double)")
    lake.execute("create table features.margins (customer_id varchar, month_end_date date)")
    lake.execute(
        "insert into features.customer_features values ('a', '2026-10-31', 1), ('b', '2026-10-31', 2),"
        " ('a', '2026-11-30', 3)"
    )


def _publish(lake: duckdb.DuckDBPyConnection, *days: date, made_by: Provenance = MADE_BY) -> list[str]:
    opened = [candidate.version_id for candidate in open_candidates(lake, days, made_by, NOW)]
    for version_id in opened:
        record_outcome(lake, version_id, {"customer_value": 1}, PASSED)
    publish(lake, opened, NOW)
    return opened


def test_first_run_of_a_month_opens_revision_one_and_scopes_the_dbt_models_to_it(lake):
    assert [each.version_id for each in open_candidates(lake, [OCTOBER], MADE_BY, NOW)] == ["2026-10-31.1"]
    assert lake.execute("select as_of_date, version_id from ops.run_scope").fetchall() == [(OCTOBER, "2026-10-31.1")]


def test_rerun_without_change_opens_nothing(lake):
    _publish(lake, OCTOBER)
    assert open_candidates(lake, [OCTOBER], MADE_BY, NOW) == []
    assert lake.execute("select as_of_date, version_id from ops.run_scope").fetchall() == [(OCTOBER, None)]


def test_row_order_of_the_features_is_no_change(lake):
    _publish(lake, OCTOBER)
    lake.execute("create temp table t as select * from features.customer_features order by customer_id desc")
    lake.execute("delete from features.customer_features")
    lake.execute("insert into features.customer_features from temp.t")
    assert open_candidates(lake, [OCTOBER], MADE_BY, NOW) == []


@pytest.mark.parametrize(
    ("change", "made_by", "reason"),
    [
        ("update features.customer_features set gb = 9 where customer_id = 'b'", MADE_BY, "inputs changed"),
        ("insert into features.margins values ('a', '2026-09-30')", MADE_BY, "inputs changed"),
        ("insert into features.margins values ('a', '2026-11-30')", MADE_BY, None),
        ("select 1", replace(MADE_BY, settings_hash="other"), "settings changed"),
        ("select 1", replace(MADE_BY, code_version="other"), "code changed"),
        ("select 1", replace(MADE_BY, run_id="another run"), None),
    ],
)
def test_a_change_opens_revision_two_and_says_what_changed(lake, change, made_by, reason):
    _publish(lake, OCTOBER)
    lake.execute(change)
    opened = open_candidates(lake, [OCTOBER], made_by, NOW)
    assert [(each.version_id, each.changes) for each in opened] == ([("2026-10-31.2", reason)] if reason else [])


def test_a_revised_month_revises_the_month_after_it(lake):
    _publish(lake, OCTOBER, NOVEMBER)
    lake.execute("update features.customer_features set gb = 9 where as_of_date = '2026-10-31'")
    assert _publish(lake, OCTOBER, NOVEMBER) == ["2026-10-31.2", "2026-11-30.2"]
    assert list_versions(lake)[0]["previous_version_id"] == "2026-10-31.2"


def test_candidates_of_a_dead_run_are_replaced_with_their_rows(lake):
    open_candidates(lake, [OCTOBER], MADE_BY, NOW)
    with transaction(lake):
        for name, table in versioned_tables().items():
            if table.is_model:
                columns = ", ".join(f"{column} {sql_type}" for column, sql_type in table.types.items())
                lake.execute(f"create table segments.{name} ({columns})")
            lake.execute(
                f"insert into segments.{name} (version_id, as_of_date)"
                " values ('2026-10-31.1', '2026-10-31'), ('2026-09-30.1', '2026-10-31')"
            )
    opened = open_candidates(lake, [OCTOBER], MADE_BY, NOW)
    assert [each.version_id for each in opened] == ["2026-10-31.1"]
    assert len(list_versions(lake)) == 1
    left = {name: lake.execute(f"select version_id from segments.{name}").fetchall() for name in versioned_tables()}
    assert len(left) > 30
    assert {name: rows for name, rows in left.items() if rows != [("2026-09-30.1",)]} == {}


def test_publishing_supersedes_the_revision_before(lake):
    _publish(lake, OCTOBER)
    _publish(lake, OCTOBER, made_by=replace(MADE_BY, settings_hash="other"))
    assert {row["version_id"]: row["status"] for row in list_versions(lake)} == {
        "2026-10-31.1": "superseded",
        "2026-10-31.2": "published",
    }
    assert candidates(lake, [OCTOBER]) == []


@pytest.mark.parametrize("checks", [None, [{"name": "broken", "passed": False}]])
def test_an_unchecked_or_failed_candidate_is_never_published(lake, checks):
    opened = open_candidates(lake, [OCTOBER, NOVEMBER], MADE_BY, NOW)
    record_outcome(lake, opened[0].version_id, {}, PASSED)
    if checks:
        record_outcome(lake, opened[1].version_id, {}, checks)
    with pytest.raises(VersionError, match=opened[1].version_id):
        publish(lake, [each.version_id for each in opened], NOW)
    assert published_version_ids(lake, [OCTOBER, NOVEMBER]) == [], "one bad version keeps the whole run unpublished"


def test_rollback_publishes_the_old_version_and_a_rerun_does_not_undo_it(lake):
    _publish(lake, OCTOBER)
    changed = replace(MADE_BY, settings_hash="other")
    _publish(lake, OCTOBER, made_by=changed)
    assert rollback(lake, "2026-10-31.1", NOW) == "2026-10-31.2"
    assert published_version_ids(lake, [OCTOBER]) == ["2026-10-31.1"]
    assert open_candidates(lake, [OCTOBER], changed, NOW) == []


@pytest.mark.parametrize("version_id", ["2026-10-31.1", "2026-10-31.7"])
def test_rollback_to_the_published_or_an_unknown_version_is_refused(lake, version_id):
    _publish(lake, OCTOBER)
    with pytest.raises(VersionError, match=version_id):
        rollback(lake, version_id, NOW)


def test_the_registry_keeps_row_counts_and_checks(lake):
    _publish(lake, OCTOBER)
    row = list_versions(lake)[0]
    assert json.loads(row["row_counts"]) == {"customer_value": 1}
    assert json.loads(row["checks"]) == PASSED
