"""The rows of the backtest: what was known at a past cut-off, and what happened afterwards.

Everything is read from the customer-months of the version's own as-of date, with outcomes after the cut-off removed,
so a backtest does not depend on which months were segmented before. Cut-offs are ends of calendar quarters: most
months of the year test the same ones, and earlier measurements stay valid while their rows are unchanged.
"""

from dataclasses import dataclass
from datetime import date

import duckdb
import pandas as pd

from models.backtest.forecasts import margin_if_staying
from models.backtest.measures import Verdict
from models.backtest.parameters import BacktestParameters
from models.hazard.covariates import COVARIATES
from models.retention.cohorts import COHORT_COLUMNS
from models.value.margin_spread import SPREAD_COLUMNS, MarginSpread
from orchestration.lake.frames import read_frame
from orchestration.months import month_number
from orchestration.segments.exposures import exposures_within
from orchestration.segments.find_window import known_at
from orchestration.segments.hazard_rows import commitment_ends, sample_customer_months
from orchestration.segments.observation import JOIN, Observed, months_with_tenure, months_within
from orchestration.settings import Settings
from orchestration.settings.observation import ObservationSettings


@dataclass(frozen=True)
class Cutoff:
    """A past as-of date to predict from, and the months (year * 12 + month) available for learning at that time.

    Attributes:
        day: the as-of date.
        horizon_months: how far ahead.
        first_month_number: the first month that the hazard model learns from.
        known_month: the last month end whose endings were complete then; None for the cut-off itself.
    """

    day: date
    horizon_months: int
    first_month_number: int
    known_month: int | None = None

    @property
    def month_number(self) -> int:
        """Year * 12 + month."""
        return self.day.year * 12 + self.day.month


def cutoffs_of(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    window: Observed,
    parameters: BacktestParameters,
    training_months: int,
    observation: ObservationSettings,
) -> list[Cutoff]:
    """The latest quarter ends with a known outcome and enough history before them, oldest first.

    History begins with the observation window of the typical customer; without a learnable window there are none.

    A full window of ``training_months`` moves on every month; learning starts at the first quarter end in it, so that
    the rows of a cut-off stay the same for a quarter.
    """
    if not window.is_learnable:
        return []
    found = connection.execute(
        "with months as (select distinct months.month_number, months.month_end_date"
        "  from features.customer_months_at_risk as months"
        f"  inner join segments.observation_windows as windows on {JOIN} and windows.version_id = $version"
        "  where months.as_of_date = $day and months.month_number between $opened and $known),"
        " span as (select max(month_number) as latest, min(month_number) as first from months),"
        " last as (select latest, first + case when latest - first + 1 >= $training"
        "  then (3 - first % 3) % 3 else 0 end as first from span)"
        " select month_end_date, horizon, first"
        " from months, last, (select unnest($horizons::integer[]) as horizon)"
        " where month_number % 3 = 0 and month_number + horizon <= latest and month_number - first >= $history"
        " qualify row_number() over (partition by horizon order by month_number desc) <= $cutoffs"
        " order by horizon, month_end_date",
        {
            "day": as_of,
            "version": window.version_id,
            "opened": window.first_month,
            "known": window.known_month,
            "training": training_months,
            "horizons": list(parameters.horizons_months),
            "history": parameters.min_history_months,
            "cutoffs": parameters.cutoffs,
        },
    ).fetchall()
    known = known_at(connection, as_of, (month_number(day) for day, *_ in found), observation) if found else {}
    return [Cutoff(day, horizon, first, known[month_number(day)]) for day, horizon, first in found]


def fingerprint(connection: duckdb.DuckDBPyConnection, as_of: date, window: Observed, cutoff: Cutoff) -> str:
    """Return what identifies the rows that a cut-off is measured on: their number and the sum of their hashes."""
    months = months_within(window, cutoff.month_number + cutoff.horizon_months, cutoff.first_month_number)
    rows, hashes, exposures, margins = connection.execute(
        f"select (select count(*) from {months} where as_of_date = $day),"
        " (select sum(hash(known) % 4294967296) from (select * exclude (as_of_date)"
        f"   from {months} where as_of_date = $day) as known),"
        " (select sum(hash(seen) % 4294967296) from (select * exclude (as_of_date) from features.retention_exposures"
        f"   where as_of_date = $day and month_number < {_known(cutoff)}) as seen),"
        " (select sum(hash(customer_id, month_end_date, margin) % 4294967296) from features.customer_margin_monthly"
        "   where month_end_date > $cutoff - interval 25 month"
        "   and month_end_date <= last_day($cutoff + to_months($horizon::integer)))",
        {"day": as_of, "cutoff": cutoff.day, "horizon": cutoff.horizon_months},
    ).fetchall()[0]
    return f"{rows}-{hashes}-{exposures}-{margins}"


def exposures_by(connection: duckdb.DuckDBPyConnection, as_of: date, window: Observed, cutoff: Cutoff) -> pd.DataFrame:
    """Exposures of all months before the cut-off, as a run at that time would have read them."""
    return exposures_within(connection, as_of, window, _known(cutoff))


def ends_by(connection: duckdb.DuckDBPyConnection, as_of: date, window: Observed, cutoff: Cutoff) -> pd.DataFrame:
    """Ends of commitments in the months before the cut-off, as for ``RetentionCurves.fit``."""
    return commitment_ends(connection, as_of, months_within(window, _known(cutoff), cutoff.first_month_number))


def sample_by(
    connection: duckdb.DuckDBPyConnection, as_of: date, window: Observed, cutoff: Cutoff, rows: int
) -> pd.DataFrame:
    """Customer-months to fit the hazard model on, with outcomes as far as they were known at the cut-off."""
    first = max(cutoff.first_month_number, window.attributes_from)
    return sample_customer_months(connection, as_of, rows, months_within(window, _known(cutoff), first))


def customers_at(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    window: Observed,
    cutoff: Cutoff,
    sample_customers: int,
    annual_discount_rate: float,
) -> pd.DataFrame:
    """Open customers at the cut-off (a sample by hash if there are many), with their margin before and after it.

    ``expected_monthly_margin`` is what the features would have shown then (``features.customer_margin_outlook``).
    ``margin_12m_mean`` is the mean of the year before, over the months in which the customer was there and books exist;
    the month of its start counts only if there is no other. ``actual_margin`` is its margin in the months after,
    discounted like a prediction, including credits and write-offs of those months; ``has_churned`` says whether it left
    in them.
    """
    covariates = ", ".join(f"at_risk.{name}" for name in dict.fromkeys((*COVARIATES, *COHORT_COLUMNS)))
    return read_frame(
        connection,
        f"""
        with customers as (
            select * from {months_with_tenure(window)} where as_of_date = $day and month_number = $month
            order by hash(customer_id), customer_id limit $customers
        ),
        books as (
            select $month + 1 - min(year(month_end_date) * 12 + month(month_end_date)) as months
            from features.customer_margin_monthly
        ),
        margins as (
            -- In the order of months: the last digit of a sum of doubles must not depend on how rows lie in files.
            select
                margin.customer_id,
                sum(margin.margin order by ahead) filter (ahead between 1 - least(12, known_months) and 0)
                    / any_value(least(12, known_months)) as margin_12m_mean,
                sum(margin.margin * pow(1 + $rate::double, -ahead / 12.0) order by ahead)
                    filter (ahead between 1 and $horizon) as actual_margin
            from (
                select
                    months.customer_id, months.margin::double as margin,
                    least(greatest(customers.spell_months, 1), books.months) as known_months,
                    year(months.month_end_date) * 12 + month(months.month_end_date) - $month as ahead
                from features.customer_margin_monthly as months
                inner join customers on months.customer_id = customers.customer_id
                cross join books
                where months.month_end_date > $cutoff::date - interval 13 month
                    and months.month_end_date <= last_day($cutoff::date + to_months($horizon::integer))
            ) as margin
            group by margin.customer_id
        )
        select
            at_risk.customer_id, at_risk.month_number, {covariates},
            outlook.expected_monthly_margin, outlook.monthly_discount, outlook.suspended_contracts,
            coalesce(margins.margin_12m_mean, 0) as margin_12m_mean,
            coalesce(margins.actual_margin, 0) as actual_margin,
            (coalesce(at_risk.churned_after_months, 9999) <= $horizon)::double as has_churned
        from customers as at_risk
        inner join features.customer_margin_outlook as outlook
            on at_risk.customer_id = outlook.customer_id
            and outlook.as_of_date = $day and outlook.month_number = $month
        left join margins on at_risk.customer_id = margins.customer_id
        order by at_risk.customer_id
        """,
        {
            "day": as_of,
            "month": cutoff.month_number,
            "cutoff": cutoff.day,
            "horizon": cutoff.horizon_months,
            "customers": sample_customers,
            "rate": annual_discount_rate,
        },
    )


def spread_before(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    window: Observed,
    day: date,
    settings: Settings,
    most_months: int,
) -> MarginSpread:
    """How far actual margins deviated from expected ones over the months before ``day``.

    Uses up to ``most_months`` months, each with three months of books before it; without any, the spread is unknown.
    Read as of ``as_of``, which may be later.
    """
    found = connection.execute(
        "with books as ("
        "  select min(year(month_end_date) * 12 + month(month_end_date)) as first"
        "  from features.customer_margin_monthly)"
        " select month_end_date, $month - month_number from features.customer_months_at_risk, books"
        " where as_of_date = $day and month_number >= $month - $most and month_number >= first + 2"
        "  and month_number < $month order by month_number limit 1",
        {"day": as_of, "month": day.year * 12 + day.month, "most": most_months},
    ).fetchone()
    if found is None:
        return MarginSpread().fit(pd.DataFrame(columns=list(SPREAD_COLUMNS)))
    start, months = found
    customers = customers_at(
        connection,
        as_of,
        window,
        Cutoff(start, months, 0),
        settings.backtest.sample_customers,
        settings.value.annual_discount_rate,
    )
    stayed = customers[customers["has_churned"] == 0]
    return MarginSpread(settings.value.shared_margin_error).fit(
        pd.DataFrame(
            {
                "population": stayed["retention_market"],
                "expected_margin": margin_if_staying(stayed, months, settings.value),
                "actual_margin": stayed["actual_margin"],
            }
        )
    )


def _known(cutoff: Cutoff) -> int:
    return cutoff.month_number if cutoff.known_month is None else cutoff.known_month


def backtested(connection: duckdb.DuckDBPyConnection, version_id: str) -> Verdict:
    """The stored verdict of a version's backtest."""
    found = connection.execute(
        "select any_value(forecast) filter (is_champion),"
        " coalesce(list_sort(list(distinct forecast) filter (is_refused)), []), any_value(decision)"
        " from segments.value_backtest where version_id = ?",
        [version_id],
    ).fetchall()[0]
    return Verdict(found[0], tuple(found[1]), found[2] or "")
