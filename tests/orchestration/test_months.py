"""Months and their as-of dates."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.cli.runs import Runner
from orchestration.defs.publish.jobs import monthly_segmentation_schedule
from orchestration.errors import SegmentationError
from orchestration.lake.warehouse import Warehouse
from orchestration.months import (
    as_of_date,
    last_complete_month,
    month_of,
    months_between,
    operators_day,
    previous_as_of_date,
)
from orchestration.settings import Settings
from tests.lakes import lay_lake_for_loads


@given(st.dates(date(1990, 1, 1), date(2100, 12, 31)))
def test_an_as_of_date_is_the_last_day_of_its_month(day):
    last = as_of_date(month_of(day))
    assert month_of(last) == month_of(day)
    assert (last + timedelta(days=1)).day == 1
    assert previous_as_of_date(day) < day.replace(day=1)


@pytest.mark.parametrize(
    ("today", "month"),
    [
        (date(2026, 3, 1), "2026-02"),
        (date(2026, 3, 31), "2026-02"),
        (date(2026, 4, 1), "2026-03"),
        (date(2024, 2, 29), "2024-01"),
        (date(2026, 1, 1), "2025-12"),
    ],
)
def test_a_month_is_complete_from_the_first_day_of_the_next(today, month):
    assert last_complete_month(today) == month


@given(st.dates(date(1990, 1, 1), date(2100, 12, 31)))
def test_the_last_complete_month_is_never_that_of_today(today):
    assert as_of_date(last_complete_month(today)) < today.replace(day=1) <= today


MIDNIGHTS = [
    # The last day of June goes on in Los Angeles, while it is July in UTC and in Auckland.
    ("2026-07-01T02:00", "America/Los_Angeles", date(2026, 6, 30), "2026-05"),
    ("2026-07-01T02:00", "UTC", date(2026, 7, 1), "2026-06"),
    ("2026-06-30T13:00", "Pacific/Auckland", date(2026, 7, 1), "2026-06"),
    ("2026-06-30T00:30", "America/Los_Angeles", date(2026, 6, 29), "2026-05"),
    ("2026-06-30T09:00", "Europe/Vienna", date(2026, 6, 30), "2026-05"),
]


@pytest.mark.parametrize(("moment", "zone", "day", "month"), MIDNIGHTS)
def test_a_default_run_goes_by_the_operators_day_and_refuses_the_month_that_goes_on(
    moment, zone, day, month, tmp_path: Path
):
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    settings = Settings.model_validate(
        {"first_month": "2026-01", "schedule": {"timezone": zone}, "warehouse": {"path": tmp_path}}
    )
    lay_lake_for_loads(tmp_path)
    runner = Runner(settings, print, now)
    assert operators_day(now, zone) == day
    assert runner.months(None, None) == [month]
    with pytest.raises(SegmentationError, match="not over yet"):
        runner.months(None, month_of(as_of_date(month) + timedelta(days=1)))


@pytest.mark.parametrize(
    "later",
    [
        {"invoices": "invoice_date"},
        {"usage": "usage_date"},
        {"usage_sessions": "reported_date"},
        {"calls": "call_date"},
        {"payments": "paid_date"},
        # Payments go on after the last bill.
        {"invoices": "invoice_date", "payments": "paid_date"},
    ],
)
def test_a_default_run_goes_no_further_than_the_data(later: dict[str, str], tmp_path: Path) -> None:
    settings = Settings.model_validate({"first_month": "2026-01", "warehouse": {"path": tmp_path}})
    lay_lake_for_loads(tmp_path)
    with Warehouse(settings.warehouse).writer() as connection:
        for day, (table, column) in zip(("2026-03-15", "2026-04-15"), later.items(), strict=False):
            connection.execute(f"insert into raw.{table} ({column}) values ('{day}')")
    assert Runner(settings, print, datetime(2026, 7, 10, tzinfo=UTC)).months(None, None) == ["2026-03"]


def test_the_schedule_segments_the_month_before_that_of_its_tick():
    for tick, month in [("2026-07-02T04:00", "2026-06"), ("2026-06-30T23:59", "2026-05")]:
        moment = datetime.fromisoformat(tick).replace(tzinfo=UTC)
        context = dg.build_schedule_context(scheduled_execution_time=moment)
        assert monthly_segmentation_schedule(context).partition_key == month


def test_months_between_counts_both_ends_and_refuses_what_is_not_a_range():
    assert months_between("2025-11", "2026-02") == ["2025-11", "2025-12", "2026-01", "2026-02"]
    for first, last in [("2026-2", "2026-03"), ("2026-03", "2026-02"), ("2026-13", "2026-14")]:
        with pytest.raises(ValueError, match="month"):
            months_between(first, last)
