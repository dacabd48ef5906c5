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
    """Return the month (``YYYY-MM``) that ``day`` falls in."""
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
    """Return the last day of the month before the one ``day`` falls in."""
    return day.replace(day=1) - timedelta(days=1)


def operators_day(moment: datetime, timezone: str) -> date:
    """Return the day that it is for the operator.

    Args:
        moment: aware of its offset.
        timezone: the operator's, ``schedule.timezone`` of the settings.
    """
    return moment.astimezone(ZoneInfo(timezone)).date()


def last_complete_month(today: date) -> str:
    """Return the latest month that is over on ``today``: on its own last day a month still goes on."""
    return month_of(previous_as_of_date(today))


def month_number(day: date) -> int:
    """Number months so that distances are subtraction: year * 12 + month, as the SQL does."""
    return day.year * 12 + day.month


def month_start(number: int) -> date:
    """Return the first day of a month by its number."""
    return date((number - 1) // 12, (number - 1) % 12 + 1, 1)


def month_end(number: int) -> date:
    """Return the last day of a month by its number."""
    return previous_as_of_date(month_start(number + 1))
