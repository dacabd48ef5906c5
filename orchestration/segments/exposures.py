"""Exposures of a version: customers at risk and endings, counted by cohort and tenure."""

from datetime import date

import duckdb
import pandas as pd

from orchestration.segments.observation import FIRST_MONTH, JOIN, TENURE, Observed, told_apart


def exposures_within(
    connection: duckdb.DuckDBPyConnection, as_of: date, window: Observed, known_month: int | None = None
) -> pd.DataFrame:
    """Exposures within the window, as for ``RetentionCurves.fit``; empty if hazards cannot be learned.

    ``known_month`` is the last month end whose endings are known, as at a past cut-off; None for the window's own.
    """
    known = window.known_month if known_month is None else min(known_month, window.known_month)
    source = (
        f"(select months.* replace ({TENURE} as spell_months) from features.retention_exposures as months"
        f" inner join segments.observation_windows as windows on {JOIN}"
        f" where windows.version_id = '{window.version_id}' and months.month_number >= {FIRST_MONTH}"
        f" and months.month_number < {known})"
    )
    return told_apart(
        connection,
        f"{source} where as_of_date = ? and {'true' if window.is_learnable else 'false'}",
        [as_of],
        window,
        "sum(customers_at_risk)::double as customers_at_risk, sum(customers_churned)::double as customers_churned",
    )
