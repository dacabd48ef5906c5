"""The days and months that a check covers: from settings and the newest facts, never from a clock in SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

import duckdb

from orchestration.ingest import LoadReport
from orchestration.lake.contract import Table
from orchestration.months import operators_day
from orchestration.settings import Settings
from orchestration.source_checks.growth_checks import DAILY, MONTHLY


@dataclass(frozen=True)
class Scope:
    """The source of the checks' parameters.

    Attributes:
        today: local day of the check; days before it are complete.
        newest: the newest day of each table up to today; None if it is empty.
        last_load: the newest load that previous checks have covered, 0 if none.
    """

    settings: Settings
    today: date
    newest: Mapping[str, date | None]
    last_load: int

    @classmethod
    def of(
        cls,
        connection: duckdb.DuckDBPyConnection,
        settings: Settings,
        tables: Mapping[str, Table],
        checked_at: datetime,
        last_load: int,
    ) -> Self:
        """Read the newest day of each table."""
        today = operators_day(checked_at.replace(tzinfo=UTC), settings.schedule.timezone)
        newest = {
            name: connection.execute(
                f'select cast(max("{table.time_column}") as date) from raw.{name} where "{table.time_column}" < ?',
                [today + timedelta(days=1)],
            ).fetchall()[0][0]
            for name, table in tables.items()
        }
        return cls(settings, today, newest, last_load)

    @property
    def newest_fact(self) -> date | None:
        """The newest day of any table of events; contracts and customers may have future dates."""
        return max((day for name in ("calls", *DAILY, *MONTHLY) if (day := self.newest.get(name))), default=None)

    def parameters(self, table: str, report: LoadReport | None) -> dict[str, Any]:
        """Return every parameter of a check of ``table``; ``report`` is None unless it was just loaded."""
        checks = self.settings.checks
        here = self.newest[table] or self.today
        last_day = min(here, self.today - timedelta(days=1))
        next_month = min(self.today, (self.newest_fact or self.today) + timedelta(days=1)).replace(day=1)
        return {
            "today": self.today,
            "newest": self.newest_fact,
            "table_newest": here,
            "last_day": last_day,
            "week_start": last_day - timedelta(days=6),
            "recent_start": last_day - timedelta(days=checks.recent_days - 1),
            "recent_days": checks.recent_days,
            # Complete months only, because all their facts are there.
            "next_month": next_month,
            "last_month": next_month - timedelta(days=1),
            "months_start": months_before(next_month, checks.recent_months),
            "past_start": months_before(next_month, checks.past_months + 1),
            "least_rows": checks.least_rows,
            "day_rows": checks.quarantine_day_rows,
            "currency": self.settings.currency,
            "longest_period_months": self.settings.billing.longest_period_months,
            "last_load": self.last_load,
            "rows_deleted": report.rows_deleted if report else 0,
            "rows_in_table": report.rows_in_table if report else 0,
        }


def months_before(first_day: date, months: int) -> date:
    """Return the first day of the month that is ``months`` before the month of ``first_day``."""
    year, month = divmod(first_day.year * 12 + first_day.month - 1 - months, 12)
    return date(year, month + 1, 1)
