"""The observation window of a version, as stored with it and applied to the data that models learn from.

Everything that learns about churn reads its rows through ``months_within`` and ``exposures.exposures_within``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import pandas as pd

from models.observation.recorded_attributes import without_unrecorded
from models.observation.window import ONLY_PREPAID
from models.retention.cohorts import COHORT_COLUMNS
from orchestration.lake.frames import read_frame
from orchestration.months import month_number
from orchestration.segments.find_window import is_everybody_prepaid


@dataclass(frozen=True)
class Observed:
    """The part of a version's history that can be learned from.

    Attributes:
        version_id: the version whose window it is.
        first_month: the first month end at risk for the typical customer; months are year * 12 + month.
        known_month: the last month end whose endings are complete.
        attributes_from: the first month end from which every cohort attribute is recorded; 0 if all always are.
        attributes: as returned by ``recorded_attributes``.
        is_learnable: whether hazards can be learned.
        decision: what was found, in one sentence.
    """

    version_id: str
    first_month: int
    known_month: int
    attributes_from: int
    attributes: pd.DataFrame
    is_learnable: bool
    decision: str


def observed(connection: duckdb.DuckDBPyConnection, version_id: str, as_of: date) -> Observed:
    """Read the stored window of a version."""
    windows = read_frame(connection, "select * from segments.observation_windows where version_id = ?", [version_id])
    attributes = read_frame(
        connection,
        "select retention_market, attribute, attribute_value as value,"
        " year(recorded_from) * 12 + month(recorded_from) - 1 as first_month"
        " from segments.recorded_attributes where version_id = ?",
        [version_id],
    )
    ((first_month,),) = connection.execute(
        f"select coalesce(median({FIRST_MONTH}), 0)::integer from features.customer_months_at_risk as months"
        f" inner join segments.observation_windows as windows on {JOIN}"
        " where windows.version_id = $version and months.as_of_date = $day and months.month_end_date = $day",
        {"version": version_id, "day": as_of},
    ).fetchall()
    # Without a window nobody is at risk, which is no fault where nobody has a contract that could end.
    is_prepaid = windows.empty and is_everybody_prepaid(connection, as_of)
    nothing = ONLY_PREPAID if is_prepaid else "No customer is at risk of leaving."
    known = month_number(as_of) if windows.empty else month_number(windows["endings_through"].iloc[0])
    return Observed(
        version_id=version_id,
        first_month=int(first_month),
        known_month=known,
        attributes_from=int(attributes["first_month"].max()) if len(attributes) else 0,
        attributes=attributes,
        is_learnable=bool(windows["is_learnable"].iloc[0]) if len(windows) else is_prepaid,
        decision=str(windows["decision"].iloc[0]) if len(windows) else nothing,
    )


def told_apart(
    connection: duckdb.DuckDBPyConnection, rows: str, parameters: Sequence[object], window: Observed, counts: str
) -> pd.DataFrame:
    """Count rows by cohort and tenure, separating attributes only in months in which they were recorded.

    The order is fixed, because a fit sums what it is given, and floating-point sums depend on the order.
    """
    # The month is kept only if cohorts depend on it: without it there are far fewer rows.
    keys = [*COHORT_COLUMNS, "spell_months", *(["month_number"] if len(window.attributes) else [])]
    frame = read_frame(
        connection, f"select {', '.join(keys)}, {counts} from {rows} group by all order by all", parameters
    )
    return without_unrecorded(frame, window.attributes) if len(window.attributes) else frame


def months_within(window: Observed, known_month: int | None = None, first_month: int = 0) -> str:
    """Return a subquery: customer-months of the window up to a month, with outcomes only as far as known then.

    ``known_month`` defaults to that of the window; ``first_month`` drops earlier months.
    """
    known = window.known_month if known_month is None else min(known_month, window.known_month)
    left = f"{known} - months.month_number"
    return (
        f"(select months.* replace ({TENURE} as spell_months,"
        f" least(months.months_followed, {left}) as months_followed,"
        f" case when months.churned_after_months <= {left} then months.churned_after_months end"
        " as churned_after_months) from features.customer_months_at_risk as months"
        f" inner join segments.observation_windows as windows on {JOIN}"
        f" where windows.version_id = '{window.version_id}' and months.month_number <= {known}"
        f" and months.month_number >= greatest({int(first_month)}, {FIRST_MONTH}))"
    )


def months_with_tenure(window: Observed) -> str:
    """Return a subquery: all customer-months with their outcomes, with the tenure assumed after a migration."""
    return (
        f"(select months.* replace ({TENURE} as spell_months) from features.customer_months_at_risk as months"
        f" inner join segments.observation_windows as windows on {JOIN}"
        f" where windows.version_id = '{window.version_id}')"
    )


# A customer whose service ended in the month of endings_from was at risk from the month end before.
FIRST_MONTH = "coalesce(year(windows.endings_from) * 12 + month(windows.endings_from) - 1, 0)"
MIGRATED_MONTH = "(year(windows.migrated_on) * 12 + month(windows.migrated_on))"
# Customers taken over in a migration had been customers before it.
TENURE = (
    f"(months.spell_months + case when months.month_number - months.spell_months = {MIGRATED_MONTH}"
    " then windows.tenure_at_migration else 0 end)::integer"
)
JOIN = "windows.source_system = months.source_system and windows.market_segment = months.market_segment"
