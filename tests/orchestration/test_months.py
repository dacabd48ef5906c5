"""Months and their as-of dates."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.months import as_of_date, last_complete_month, month_of, months_between, previous_as_of_date


@given(st.dates(date(1990, 1, 1), date(2100, 12, 31)))
def test_an_as_of_date_is_the_last_day_of_its_month(day):
    last = as_of_date(month_of(day))
    assert month_of(last) == month_of(day)
    assert (last + timedelta(days=1)).day == 1
    assert previous_as_of_date(day) < day.replace(day=1)


@pytest.mark.parametrize(
    ("today", "month"),
    [(date(2026, 3, 1), "2026-02"), (date(2026, 3, 30), "2026-02"), (date(2026, 4, 1), "2026-03")],
)
def test_a_month_is_complete_from_the_first_day_of_the_next(today, month):
    assert last_complete_month(today) == month


def test_months_between_counts_both_ends_and_refuses_what_is_not_a_range():
    assert months_between("2025-11", "2026-02") == ["2025-11", "2025-12", "2026-01", "2026-02"]
    for first, last in [("2026-2", "2026-03"), ("2026-03", "2026-02"), ("2026-13", "2026-14")]:
        with pytest.raises(ValueError, match="month"):
            months_between(first, last)
