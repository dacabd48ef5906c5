"""The observation window as seen from contracts alone: before anything is loaded, and after each load.

Coarser than a version's window (``orchestration.segments.observation``): all markets together, and a customer is
present from the start of the first contract to the end of the last.
"""

from datetime import date

import duckdb
import numpy as np
import pandas as pd

from models.observation.window import EndingsWindow
from orchestration.lake.frames import read_frame
from orchestration.months import month_number
from orchestration.segments.find_window import TENURE_BANDS, window_given
from orchestration.settings.observation import ObservationSettings

# Months are numbered year * 12 + month, null if a life has no end. The latest state of a contract counts.
_STATES = """
    with states as (
        select contract_id, customer_id, start_date, end_date, coalesce(is_prepaid, false) as is_prepaid
        from raw.contracts
        where start_date <= $day
        qualify row_number() over (partition by contract_id order by valid_from_date desc) = 1
    )
"""
_LIVES = f"""
    {_STATES},
    lives as (
        select
            customer_id, min(start_date) as begun,
            case when count(*) = count(end_date) and max(end_date) <= $day then max(end_date) end as ended
        from states
        group by customer_id
        having not bool_or(is_prepaid)
    )
    select
        coalesce(customers.source_system, 'all') as source_system,
        year(begun) * 12 + month(begun) as first_month,
        year(ended) * 12 + month(ended) - 1 as last_month,
        count(*) as customers
    from lives left join raw.customers as customers using (customer_id)
    where ended is null or ended > begun
    group by all
"""
_IS_PREPAID = f"""
    {_STATES}
    select coalesce(bool_and(is_prepaid), false) from states where end_date is null or end_date > $day
"""


def look_at_endings(connection: duckdb.DuckDBPyConnection, day: date, settings: ObservationSettings) -> EndingsWindow:
    """Find the window from ``raw.contracts`` and ``raw.customers`` as of a month end."""
    lives = read_frame(connection, _LIVES, {"day": day})
    months = _months_at_risk(lives, month_number(day) - 1)
    ((is_prepaid,),) = connection.execute(_IS_PREPAID, {"day": day}).fetchall()
    window = EndingsWindow(settings.test).fit(
        months, last_month=month_number(day) - 1, given=window_given(months, settings)
    )
    return window.without_contracts(months, is_prepaid=is_prepaid)


def _months_at_risk(lives: pd.DataFrame, last: int) -> pd.DataFrame:
    """Customers at risk and churned by month and tenure band, as for ``EndingsWindow.fit``."""
    edges = np.array([0, *TENURE_BANDS])
    frames = []
    for source, of_source in lives.groupby("source_system", sort=True):
        first = of_source["first_month"].to_numpy(dtype=np.int64)
        ends = of_source["last_month"].to_numpy(dtype=np.float64, na_value=np.inf)
        weight = of_source["customers"].to_numpy(dtype=np.float64)
        if first.min() > last:
            continue
        months = np.arange(first.min(), last + 1)
        change = np.zeros((len(edges), len(months) + 1))
        churned = np.zeros((len(edges), len(months) + 1))
        upper = np.append(edges[1:], np.iinfo(np.int32).max)
        for band, (low, high) in enumerate(zip(edges, upper, strict=True)):
            begins, until = first + low, np.minimum(first + high, np.minimum(ends, last) + 1)
            here = begins < until
            np.add.at(change[band], (begins[here] - months[0]), weight[here])
            np.add.at(change[band], (until[here] - months[0]).astype(np.int64), -weight[here])
            left = here & (until == ends + 1)
            np.add.at(churned[band], (until[left] - 1 - months[0]).astype(np.int64), weight[left])
        at_risk = np.cumsum(change, axis=1)
        bands, places = np.indices((len(edges), len(months)))
        frames.append(
            pd.DataFrame(
                {
                    "source_system": source,
                    "retention_market": "all",
                    "market_segment": "all",
                    "is_committed": False,
                    "tenure_band": bands.ravel(),
                    "month_number": months[places.ravel()],
                    "customers_at_risk": at_risk[:, :-1].ravel(),
                    "customers_churned": churned[:, :-1].ravel(),
                }
            )
        )
    found = pd.concat(frames, ignore_index=True) if frames else _NO_MONTHS
    return found[found["customers_at_risk"] > 0]


_NO_MONTHS = pd.DataFrame(
    {
        **dict.fromkeys(("source_system", "retention_market", "market_segment"), pd.Series(dtype="object")),
        "is_committed": pd.Series(dtype=bool),
        **dict.fromkeys(("tenure_band", "month_number"), pd.Series(dtype="int64")),
        **dict.fromkeys(("customers_at_risk", "customers_churned"), pd.Series(dtype="float64")),
    }
)
