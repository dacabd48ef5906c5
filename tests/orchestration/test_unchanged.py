"""A month is built where something it is made from has changed, and nowhere else."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.lake.migrations import migrate
from orchestration.lake.warehouse import Warehouse
from orchestration.segments.unchanged import days_to_build
from orchestration.settings import WarehouseSettings
from tests.lakes import lay_lake

SEPTEMBER, OCTOBER, NOVEMBER = date(2026, 9, 30), date(2026, 10, 31), date(2026, 11, 30)
MONTHS = [SEPTEMBER, OCTOBER, NOVEMBER]


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Three published months, each after the one before, made from the loads up to 2."""
    with lay_lake(tmp_path, _publish_three_months).writer() as connection:
        yield connection


def _publish_three_months(lake: duckdb.DuckDBPyConnection) -> None:
    migrate(lake)
    previous = None
    for day in MONTHS:
        _version(lake, day, 1, "published", previous)
        previous = f"{day}.1"
    _load(lake, 2, NOVEMBER)


def _version(
    lake: duckdb.DuckDBPyConnection, day: date, revision: int, status: str, previous: str | None, load: int | None = 2
) -> None:
    lake.execute(
        "insert into segments.versions (version_id, as_of_date, revision, status, code_version, settings_hash,"
        " previous_version_id, last_load_id) values (?, ?, ?, ?, 'code', 'settings', ?, ?)",
        [f"{day}.{revision}", day, revision, status, previous, load],
    )


def _load(lake: duckdb.DuckDBPyConnection, load_id: int, month_end: date, rows: int = 5) -> None:
    lake.execute("insert into ops.load_months values (?, 'usage', ?, ?)", [load_id, month_end, rows])


def _to_build(lake: duckdb.DuckDBPyConnection, code: str = "code", settings: str = "settings") -> list[date]:
    return days_to_build(lake, reversed(MONTHS), code, settings)


def test_months_made_from_the_same_are_not_built(lake):
    assert _to_build(lake) == []


def test_other_code_and_other_settings_build_every_month(lake):
    assert _to_build(lake, code="other") == _to_build(lake, settings="other") == MONTHS


def test_a_month_that_was_never_made_is_built(lake):
    assert days_to_build(lake, [NOVEMBER, date(2026, 12, 31)], "code", "settings") == [date(2026, 12, 31)]


def test_late_rows_build_the_month_they_are_dated_in_and_those_after_it(lake):
    _load(lake, 3, OCTOBER)
    assert _to_build(lake) == [OCTOBER, NOVEMBER]


def test_rows_of_later_months_and_loads_without_a_change_build_nothing(lake):
    _load(lake, 3, date(2026, 12, 31))
    _load(lake, 4, SEPTEMBER, rows=0)
    assert _to_build(lake) == []


def test_a_candidate_that_was_left_behind_is_built_again(lake):
    _version(lake, OCTOBER, 2, "candidate", f"{SEPTEMBER}.1")
    assert _to_build(lake) == [OCTOBER, NOVEMBER]


def test_another_version_of_the_month_before_builds_a_month(lake):
    lake.execute("update segments.versions set status = 'superseded' where as_of_date = ?", [SEPTEMBER])
    _version(lake, SEPTEMBER, 2, "published", None)
    assert _to_build(lake) == [OCTOBER, NOVEMBER]


def test_a_withdrawn_version_is_not_made_again_without_a_change(lake):
    _version(lake, NOVEMBER, 2, "withdrawn", f"{OCTOBER}.1")
    assert _to_build(lake) == []


def test_a_version_whose_loads_are_not_known_is_built(lake):
    lake.execute("update segments.versions set last_load_id = null where as_of_date = ?", [NOVEMBER])
    assert _to_build(lake) == [NOVEMBER]


def test_a_lake_without_a_registry_builds_every_month(tmp_path):
    with Warehouse(WarehouseSettings(path=tmp_path / "new", threads=1)).writer() as connection:
        assert _to_build(connection) == MONTHS
