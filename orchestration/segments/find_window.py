"""The observation window as of a date, found from exposures and endings, with the evidence stored with a version."""

from collections.abc import Iterable
from datetime import date

import duckdb
import pandas as pd

from models.observation.migration import heaps
from models.observation.recorded_attributes import ATTRIBUTES, recorded_attributes
from models.observation.right_edge import complete_through, last_complete_month
from models.observation.window import STRATUM_COLUMNS, EndingsWindow
from orchestration.lake.frames import read_frame
from orchestration.months import month_end, month_number, month_start
from orchestration.settings.observation import ObservationSettings

TENURE_BANDS = (3, 6, 12, 24, 48)
_LEAST_BOOKINGS = 20
_DAYS_BEFORE_BOOKINGS_ARE_WHOLE = 180


def find_window(
    connection: duckdb.DuckDBPyConnection, as_of: date, settings: ObservationSettings
) -> tuple[EndingsWindow, dict[str, pd.DataFrame]]:
    """Find the observation window as of a date, and the attributes whose recording began after it.

    Returns:
        The window, and the rows that are stored with a version, by table of ``segments``.
    """
    months = _months_at_risk(connection, as_of)
    last = month_number(as_of) - 1
    window = (
        EndingsWindow(settings.test)
        .fit(
            months,
            last_month=last,
            complete_through=_complete_through(_booking_delays(connection, as_of, settings), last, settings),
            first_bill_month=_month_of_first_bill(connection, as_of),
            given=window_given(months, settings),
        )
        .without_contracts(months, is_prepaid=is_everybody_prepaid(connection, as_of))
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
    return window, {
        "observation_windows": windows,
        "recorded_attributes": attributes.assign(
            recorded_from=[month_start(int(month) + 1) for month in attributes["first_month"]]
        )
        .rename(columns={"value": "attribute_value"})
        .drop(columns="first_month"),
        "endings_by_month": by_month.assign(
            month_end_date=[month_end(month + 1) for month in by_month["month_number"]]
        ).drop(columns="month_number"),
    }


def is_everybody_prepaid(connection: duckdb.DuckDBPyConnection, as_of: date) -> bool:
    """Whether there are open customers as of a date, and each of them is prepaid."""
    ((found,),) = connection.execute(
        "select coalesce(bool_and(is_prepaid), false) from features.customer_features where as_of_date = ? and is_open",
        [as_of],
    ).fetchall()
    return bool(found)


def known_at(
    connection: duckdb.DuckDBPyConnection, as_of: date, cutoffs: Iterable[int], settings: ObservationSettings
) -> dict[int, int]:
    """Return, by cut-off, the last month end whose endings would have been taken for complete then.

    Cut-offs are month ends before ``as_of`` as year * 12 + month. A run at the cut-off would have left out the last
    months if endings were booked late, so a backtest does too, by the delays known as of ``as_of``: loads tell them
    only since the first one.
    """
    months, delays = _months_at_risk(connection, as_of), _booking_delays(connection, as_of, settings)
    known = {}
    for cutoff in set(cutoffs):
        seen, last = months[months["month_number"] < cutoff], cutoff - 1
        complete = _complete_through(delays, last, settings)
        known[cutoff] = last_complete_month(seen, last, complete, settings.test) + 1
    return known


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


def _booking_delays(
    connection: duckdb.DuckDBPyConnection, as_of: date, settings: ObservationSettings
) -> pd.DataFrame | None:
    """Endings by the days until they were booked, as for ``complete_through``; None if too few are known."""
    if settings.endings_booked_within_days != "auto":
        return pd.DataFrame({"delay_days": [settings.endings_booked_within_days], "endings": [1]})
    # Recent endings are left out, because those booked late are not known yet.
    delays = read_frame(
        connection,
        "select date_diff('day', end_date, booked_date) as delay_days, sum(endings)::bigint as endings"
        " from intermediate.ending_bookings"
        " where booked_date <= $day::date and end_date <= $day::date - $whole::integer group by all",
        {"day": as_of, "whole": _DAYS_BEFORE_BOOKINGS_ARE_WHOLE},
    )
    return None if delays["endings"].sum() < _LEAST_BOOKINGS else delays


def _complete_through(delays: pd.DataFrame | None, last_month: int, settings: ObservationSettings) -> int | None:
    return None if delays is None else complete_through(delays, last_month, settings.test.late_share)


def _month_of_first_bill(connection: duckdb.DuckDBPyConnection, as_of: date) -> int | None:
    # The books begin with it.
    ((first,),) = connection.execute(
        "select min(month_end_date) from features.customer_margin_monthly where month_end_date <= ?", [as_of]
    ).fetchall()
    return None if first is None else month_number(first)


def window_given(months: pd.DataFrame, settings: ObservationSettings) -> pd.DataFrame:
    """The configured start as a month end at risk: the first whose following month is completely recorded."""
    strata = months[list(STRATUM_COLUMNS)].drop_duplicates()
    days = [
        settings.given_for(source, segment)
        for source, segment in zip(strata["source_system"], strata["market_segment"], strict=True)
    ]
    first = [None if day is None else month_number(day) - (1 if day.day == 1 else 0) for day in days]
    return strata.assign(first_month=pd.array(first, dtype="Int64"))
