"""Months and as-of dates: every table's time axis.

A month is written ``YYYY-MM`` (also the partition key in Dagster); its as-of date is its last day.
"""

import re
from calendar import monthrange
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo


def as_of_date(month: str) -> date:
    """Return the last day of ``month`` (``YYYY-MM``)."""
    year, number = (int(part) for part in month.split("-"))
    return date(year, number, monthrange(year, number)[1])


def month_of(day: date) -> str:
    """Return the month (``YYYY-MM``) of ``day``."""
    return f"{day:%Y-%m}"


def months_between(first: str, last: str) -> list[str]:
    """Return the months from ``first`` to ``last``, both included.

    Raises:
        ValueError: a month is not written YYYY-MM, or ``last`` is before ``first``.
    """
    for month in (first, last):
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
            raise ValueError(f"A month is written YYYY-MM, found {month!r}.")
    if last < first:
        raise ValueError(f"The last month {last} is before the first, {first}.")
    months, day = [], as_of_date(last)
    while month_of(day) >= first:
        months.append(month_of(day))
        day = previous_as_of_date(day)
    return months[::-1]


def previous_as_of_date(day: date) -> date:
    """Return the last day of the month before that of ``day``."""
    return day.replace(day=1) - timedelta(days=1)


def operators_day(moment: datetime, timezone: str) -> date:
    """Return the current day at the operator's place.

    Args:
        moment: with a time zone or offset.
        timezone: the operator's time zone, ``schedule.timezone`` of the settings.
    """
    return moment.astimezone(ZoneInfo(timezone)).date()


def last_complete_month(today: date) -> str:
    """Return the latest month that has ended by ``today``; a month has not ended on its own last day."""
    return month_of(previous_as_of_date(today))


def month_number(day: date) -> int:
    """Number a month as the SQL does, year * 12 + month, so that the distance between months is a subtraction."""
    return day.year * 12 + day.month


def month_start(number: int) -> date:
    """Return the first day of the month with this number."""
    return date((number - 1) // 12, (number - 1) % 12 + 1, 1)


def month_end(number: int) -> date:
    """Return the last day of the month with this number."""
    return previous_as_of_date(month_start(number + 1))
