"""Counters of sessions of any shape, through the compiled models: no byte is lost, doubled or made up."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Totals = Callable[[list[tuple]], dict[str, tuple[int, ...]]]
COLUMNS = {
    "session_id": "varchar", "contract_id": "varchar", "reported_at": "timestamp", "reported_date": "date",
    "started_at": "timestamp", "ended_at": "timestamp", "bytes_down": "bigint", "bytes_up": "bigint",
    "session_seconds": "integer", "device_id": "varchar", "_load_id": "bigint",
}  # fmt: skip
PARTS = [f"bytes_{way}_{part}" for way in ("down", "up") for part in ("business_hours", "evening", "night")]
GROWTH = st.integers(0, 2**56)
STARTS = st.datetimes(datetime(2024, 12, 1), datetime(2025, 4, 30))
# Seconds to the next report, and what the two counters grew by then.
STEPS = st.lists(st.tuples(st.integers(1, 40 * 86_400), GROWTH, GROWTH), min_size=1, max_size=6)
SESSIONS = st.lists(st.tuples(STARTS, STEPS, st.booleans()), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def totals(compiled: Path) -> Totals:
    """What reports add up to by session, after invariants that hold for whatever is reported."""
    staging = compiled / "staging"
    days, usage = ((staging / f"{name}.sql").read_text() for name in ("session_days", "session_usage_days"))
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as lake; create schema lake.staging")
    connection.execute("attach ':memory:' as workspace; create schema workspace.staging")
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    connection.execute(f"create table workspace.staging.stg_usage_sessions ({columns})")

    def added_up(reports: list[tuple]) -> dict[str, tuple[int, ...]]:
        rows = pa.table(dict(zip(COLUMNS, zip(*reports, strict=True), strict=True)))  # noqa: F841 - read by name
        connection.execute("delete from workspace.staging.stg_usage_sessions")
        connection.execute("insert into workspace.staging.stg_usage_sessions select * from rows")
        connection.execute(f"create or replace table lake.staging.session_days as {days}")
        connection.execute(f"create or replace table lake.staging.session_usage_days as {usage}")
        wrong = " or ".join([
            *(f"{part} not between 0 and bytes_{part.split('_')[1]}" for part in PARTS),
            *(f"bytes_{way}_evening + bytes_{way}_night + bytes_{way}_business_hours > bytes_{way}"
              for way in ("down", "up")),
            "session_seconds < 0",
        ])  # fmt: skip
        sums = "select sum(bytes_down), sum(bytes_up), sum(session_seconds) from lake.staging"
        for table in ("session_days", "session_usage_days"):
            assert connection.execute(f"select * from lake.staging.{table} where {wrong}").fetchall() == []
        both = [connection.execute(f"{sums}.{table}").fetchall() for table in ("session_days", "session_usage_days")]
        assert both[0] == both[1]
        found = connection.execute(
            "select session_id, sum(bytes_down), sum(bytes_up), sum(session_seconds)"
            " from lake.staging.session_days group by all"
        ).fetchall()
        return {session: tuple(map(int, values)) for session, *values in found}

    return added_up


def _reports(sessions: list[tuple]) -> tuple[list[tuple], dict[str, tuple[int, ...]]]:
    """Return the reports of sessions whose counters only grow, and what the last of each says."""
    reports, last = [], {}
    for number, (start, steps, has_stop) in enumerate(sessions):
        began = start.replace(microsecond=0)
        now, down, up = began, 0, 0
        for position, (gap, grown_down, grown_up) in enumerate(steps):
            now, down, up = now + timedelta(seconds=gap), down + grown_down, up + grown_up
            ended = now if has_stop and position == len(steps) - 1 else None
            reports.append((f"s{number}", "K", now, now.date(), began, ended, down, up, None, None, 1))
        last[f"s{number}"] = (down, up, int((now - began).total_seconds()))
    return reports, last


@settings(max_examples=25)
@given(SESSIONS, st.randoms(use_true_random=False))
def test_days_add_up_to_the_last_counter_whatever_was_reported_before_it(totals, sessions, random):
    reports, last = _reports(sessions)
    random.shuffle(reports)
    assert totals(reports) == last
    lasts = {(session, *counters[:2]) for session, counters in last.items()}
    kept = [report for report in reports if (report[0], *report[6:8]) in lasts or random.random() < 0.5]
    assert totals(kept) == last


@settings(max_examples=15)
@given(st.lists(st.tuples(STARTS, st.integers(-(10**6), 10**7), GROWTH, GROWTH), min_size=1, max_size=8))
def test_counters_and_clocks_without_any_sense_break_nothing(totals, readings):
    times = {start + timedelta(seconds=gap): (start, down, up) for start, gap, down, up in readings}
    reports = [
        ("s", "K", now, now.date(), start, now if down % 2 else None, down, up, up % 10**6, None, 1)
        for now, (start, down, up) in times.items()
    ]
    found = totals(reports)["s"]
    assert max(down for _, down, _ in times.values()) <= found[0] <= sum(down for _, down, _ in times.values())
