"""The observation window of a version: found from its exposures, stored with it, and applied to what is learned from.

Everything that learns who leaves reads its rows through ``exposures_within`` and ``months_within``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import pandas as pd

from models.observation.migration import heaps
from models.observation.recorded_attributes import ATTRIBUTES, recorded_attributes, without_unrecorded
from models.observation.window import STRATUM_COLUMNS, EndingsWindow, complete_through
from models.retention.cohorts import COHORT_COLUMNS
from orchestration.lake.frames import read_frame
from orchestration.months import month_end, month_number, month_start
from orchestration.settings.observation import ObservationSettings

TENURE_BANDS = (3, 6, 12, 24, 48)
_LEAST_BOOKINGS = 20
_DAYS_BEFORE_BOOKINGS_ARE_WHOLE = 180


@dataclass(frozen=True)
class Observed:
    """What of a version's history can be learned from.

    Attributes:
        version_id: whose window it is.
        first_month: the first month end at risk of the typical customer; months are year * 12 + month.
        known_month: the last month end whose endings are complete.
        attributes_from: the first month end from which every attribute of a cohort is recorded; 0 where all are.
        attributes: as ``recorded_attributes`` gives them.
        is_learnable: whether hazards can be learned.
        decision: what was found, in a sentence.
    """

    version_id: str
    first_month: int
    known_month: int
    attributes_from: int
    attributes: pd.DataFrame
    is_learnable: bool
    decision: str


@dataclass(frozen=True)
class ObservationTables:
    """The rows that a version keeps of its window, by table."""

    observation_windows: pd.DataFrame
    recorded_attributes: pd.DataFrame
    endings_by_month: pd.DataFrame


def find_window(
    connection: duckdb.DuckDBPyConnection, as_of: date, settings: ObservationSettings
) -> tuple[EndingsWindow, ObservationTables]:
    """Find the observation window as of a date, and the attributes that were recorded later than it begins."""
    months = _months_at_risk(connection, as_of)
    last = month_number(as_of) - 1
    window = EndingsWindow(settings.test).fit(
        months,
        last_month=last,
        complete_through=_complete_through(connection, as_of, last, settings),
        first_bill_month=_month_of_first_bill(connection, as_of),
        given=window_given(months, settings),
    )
    within = window.within(months)
    attributes = recorded_attributes(within, settings.test)
    by_month = (
        months.assign(is_observed=months.index.isin(within.index))
        .groupby([*STRATUM_COLUMNS, "month_number"], as_index=False)
        .agg(
            customers_at_risk=("customers_at_risk", "sum"),
            customers_churned=("customers_churned", "sum"),
            is_observed=("is_observed", "all"),
        )
    )
    windows = window.windows_.assign(
        endings_from=pd.Series(
            [None if pd.isna(month) else month_start(int(month) + 1) for month in window.windows_["first_month"]],
            dtype="object",
        ),
        endings_through=month_end(window.last_month_ + 1),
        is_learnable=window.is_learnable_,
        decision=window.decision_,
    ).drop(columns=["first_month", "last_month"])
    found = {heap.source_system: heap for heap in heaps(_starts(connection, as_of), settings.test)}
    windows["migrated_on"] = pd.Series(
        [month_start(found[name].month) if name in found else None for name in windows["source_system"]],
        dtype="object",
    )
    windows["tenure_at_migration"] = settings.test.tenure_at_migration
    windows["decision"] += "".join(f" {heap.evidence}" for heap in found.values())
    return window, ObservationTables(
        observation_windows=windows,
        recorded_attributes=attributes.assign(
            recorded_from=[month_start(int(month) + 1) for month in attributes["first_month"]]
        )
        .rename(columns={"value": "attribute_value"})
        .drop(columns="first_month"),
        endings_by_month=by_month.assign(
            month_end_date=[month_end(month + 1) for month in by_month["month_number"]]
        ).drop(columns="month_number"),
    )


def observed(connection: duckdb.DuckDBPyConnection, version_id: str, as_of: date) -> Observed:
    """Read the window of a version as it is stored."""
    windows = read_frame(connection, "select * from segments.observation_windows where version_id = ?", [version_id])
    attributes = read_frame(
        connection,
        "select retention_market, attribute, attribute_value as value,"
        " year(recorded_from) * 12 + month(recorded_from) - 1 as first_month"
        " from segments.recorded_attributes where version_id = ?",
        [version_id],
    )
    ((first_month,),) = connection.execute(
        f"select coalesce(median({_FIRST_MONTH}), 0)::integer from features.customer_months_at_risk as months"
        f" inner join segments.observation_windows as windows on {_JOIN}"
        " where windows.version_id = $version and months.as_of_date = $day and months.month_end_date = $day",
        {"version": version_id, "day": as_of},
    ).fetchall()
    known = month_number(as_of) if windows.empty else month_number(windows["endings_through"].iloc[0])
    return Observed(
        version_id=version_id,
        first_month=int(first_month),
        known_month=known,
        attributes_from=int(attributes["first_month"].max()) if len(attributes) else 0,
        attributes=attributes,
        is_learnable=bool(len(windows)) and bool(windows["is_learnable"].iloc[0]),
        decision=str(windows["decision"].iloc[0]) if len(windows) else "No customer is at risk of leaving.",
    )


def exposures_within(connection: duckdb.DuckDBPyConnection, as_of: date, window: Observed) -> pd.DataFrame:
    """Exposures of the window, as ``RetentionCurves.fit`` takes them; none where hazards cannot be learned."""
    source = (
        f"(select months.* replace ({_TENURE} as spell_months) from features.retention_exposures as months"
        f" inner join segments.observation_windows as windows on {_JOIN}"
        f" where windows.version_id = '{window.version_id}' and months.month_number >= {_FIRST_MONTH}"
        f" and months.month_number < {window.known_month})"
    )
    return told_apart(
        connection,
        f"{source} where as_of_date = ? and {'true' if window.is_learnable else 'false'}",
        [as_of],
        window,
        "sum(customers_at_risk)::double as customers_at_risk, sum(customers_churned)::double as customers_churned",
    )


def told_apart(
    connection: duckdb.DuckDBPyConnection, rows: str, parameters: Sequence[object], window: Observed, counts: str
) -> pd.DataFrame:
    """Count rows by cohort and tenure, by attributes in months alone in which these were recorded.

    In a fixed order, for a fit adds up what it is given, and the last digit tells the order.
    """
    # The month is carried only where cohorts depend on it: without it there are far fewer rows.
    keys = [*COHORT_COLUMNS, "spell_months", *(["month_number"] if len(window.attributes) else [])]
    frame = read_frame(
        connection, f"select {', '.join(keys)}, {counts} from {rows} group by all order by all", parameters
    )
    return without_unrecorded(frame, window.attributes) if len(window.attributes) else frame


def months_within(window: Observed, known_month: int | None = None, first_month: int = 0) -> str:
    """Return a subquery: customer-months of the window up to a month, outcomes only as far as they were known then.

    ``known_month`` is that of the window where None; ``first_month`` cuts off earlier months.
    """
    known = window.known_month if known_month is None else min(known_month, window.known_month)
    left = f"{known} - months.month_number"
    return (
        f"(select months.* replace ({_TENURE} as spell_months,"
        f" least(months.months_followed, {left}) as months_followed,"
        f" case when months.churned_after_months <= {left} then months.churned_after_months end"
        " as churned_after_months) from features.customer_months_at_risk as months"
        f" inner join segments.observation_windows as windows on {_JOIN}"
        f" where windows.version_id = '{window.version_id}' and months.month_number <= {known}"
        f" and months.month_number >= greatest({int(first_month)}, {_FIRST_MONTH}))"
    )


def months_with_tenure(window: Observed) -> str:
    """Return a subquery: all customer-months with what followed, tenure as it is taken to be after a migration."""
    return (
        f"(select months.* replace ({_TENURE} as spell_months) from features.customer_months_at_risk as months"
        f" inner join segments.observation_windows as windows on {_JOIN}"
        f" where windows.version_id = '{window.version_id}')"
    )


# An ending of the month of endings_from is one of a customer at risk from the month end before on.
_FIRST_MONTH = "coalesce(year(windows.endings_from) * 12 + month(windows.endings_from) - 1, 0)"
MIGRATED_MONTH = "(year(windows.migrated_on) * 12 + month(windows.migrated_on))"
# Who was taken along in a migration had been there before it.
_TENURE = (
    f"(months.spell_months + case when months.month_number - months.spell_months = {MIGRATED_MONTH}"
    " then windows.tenure_at_migration else 0 end)::integer"
)
_JOIN = "windows.source_system = months.source_system and windows.market_segment = months.market_segment"


def _months_at_risk(connection: duckdb.DuckDBPyConnection, as_of: date) -> pd.DataFrame:
    bands = " ".join(f"when spell_months < {most} then {band}" for band, most in enumerate(TENURE_BANDS))
    columns = dict.fromkeys((*STRATUM_COLUMNS, *ATTRIBUTES))
    return read_frame(
        connection,
        f"select {', '.join(columns)}, month_number, (case {bands} else {len(TENURE_BANDS)} end) as tenure_band,"
        " sum(customers_at_risk)::double as customers_at_risk, sum(customers_churned)::double as customers_churned"
        " from features.retention_exposures where as_of_date = ? group by all order by all",
        [as_of],
    )


def _starts(connection: duckdb.DuckDBPyConnection, as_of: date) -> pd.DataFrame:
    return read_frame(
        connection,
        "select source_system, month_number, sum(customers_at_risk)::double as customers_started"
        " from features.retention_exposures where as_of_date = ? and spell_months = 0 group by all order by all",
        [as_of],
    )


def _complete_through(
    connection: duckdb.DuckDBPyConnection, as_of: date, last_month: int, settings: ObservationSettings
) -> int | None:
    if settings.endings_booked_within_days != "auto":
        delays = pd.DataFrame({"delay_days": [settings.endings_booked_within_days], "endings": [1]})
        return complete_through(delays, last_month, settings.test.late_share)
    # Of recent endings those booked late are not known yet.
    delays = read_frame(
        connection,
        "select date_diff('day', end_date, booked_date) as delay_days, sum(endings)::bigint as endings"
        " from intermediate.ending_bookings"
        " where booked_date <= $day::date and end_date <= $day::date - $whole::integer group by all",
        {"day": as_of, "whole": _DAYS_BEFORE_BOOKINGS_ARE_WHOLE},
    )
    if delays["endings"].sum() < _LEAST_BOOKINGS:
        return None
    return complete_through(delays, last_month, settings.test.late_share)


def _month_of_first_bill(connection: duckdb.DuckDBPyConnection, as_of: date) -> int | None:
    ((first,),) = connection.execute(
        "select min(invoice_date) from staging.stg_invoices where invoice_date <= ?", [as_of]
    ).fetchall()
    return None if first is None else month_number(first)


def window_given(months: pd.DataFrame, settings: ObservationSettings) -> pd.DataFrame:
    """What the settings give, as a month end at risk: the first whose following month is recorded whole."""
    strata = months[list(STRATUM_COLUMNS)].drop_duplicates()
    days = [
        settings.given_for(source, segment)
        for source, segment in zip(strata["source_system"], strata["market_segment"], strict=True)
    ]
    first = [None if day is None else month_number(day) - (1 if day.day == 1 else 0) for day in days]
    return strata.assign(first_month=pd.array(first, dtype="Int64"))
