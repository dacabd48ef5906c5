"""How customers are valued."""

from dataclasses import dataclass
from typing import Literal

CHURN_HORIZONS = (1, 3, 12)
FIXED_HORIZON_MONTHS = 36
"""Months of ``future_value_36m``, whatever the horizon: as far as plans reach, and near enough to be checked."""
VALUE_MEASURES = {
    "past": "past_value",
    "36_months": "future_value_36m",
    "future": "future_value",
    "total": "total_value",
}
"""Ways to measure a customer's value, and the column of each."""


@dataclass(frozen=True)
class ValueParameters:
    """How customers are valued.

    Attributes:
        annual_discount_rate: yearly rate, compounded monthly.
        horizon_months: length of the near future, which is stored separately from the tail.
        tail_months: end of the future, counted from now. After 20 years at 10% a year, the remaining months weigh
            under 15% for a customer who never leaves, and far less for any other.
        suspended_margin_factor: share of its margin that a suspended contract is expected to bring.
        ranked_customers: who gets deciles: ``all`` customers (including churned and pending ones) or only ``open``
            ones.
        rank_by: value that deciles, percentiles and fixed cut-offs use: ``total`` (past and whole future),
            ``36_months`` (the margin of the next 36 months, 0 for customers who are not open) or ``past``. Ties are
            ordered by customer_id.
        cutoff_months: months for which the value cut-offs of one version define the fixed deciles of later ones.
        interval_coverage: share of customers whose actual future should lie between their low and high value.
        spread_months: past months from which the uncertainty of an expected margin is learned, using customers who
            stayed; fewer if there are not as many.
        shared_margin_error: standard deviation of a factor common to all customers by which a margin can differ from
            the expected one, and which no single past month shows, such as the share of unpaid bills.
        drift_watch: population stability index between the hazards or future values of two months from which drift is
            watched.
        drift_act: population stability index between the hazards or future values of two months from which a check
            warns.
        when_not_learnable: what is published if the data do not tell when customers leave: ``block`` refuses the
            version, ``without_future`` leaves future value unknown and ranks by past value, ``assume`` uses
            ``assumed_monthly_churn`` for everybody.
        assumed_monthly_churn: share of open customers that leaves each month, for ``assume``.
        keys_per_block: distinct keys whose months are held in memory at once, tail_months floats each.
    """

    annual_discount_rate: float = 0.10
    horizon_months: int = 36
    tail_months: int = 240
    suspended_margin_factor: float = 0.5
    ranked_customers: Literal["all", "open"] = "all"
    rank_by: Literal["total", "36_months", "past"] = "total"
    cutoff_months: int = 12
    interval_coverage: float = 0.80
    spread_months: int = 12
    shared_margin_error: float = 0.01
    drift_watch: float = 0.1
    drift_act: float = 0.25
    when_not_learnable: Literal["block", "without_future", "assume"] = "without_future"
    assumed_monthly_churn: float | None = None
    keys_per_block: int = 4_096

    def __post_init__(self) -> None:
        """Raise ValueError for parameters out of range."""
        if self.annual_discount_rate < 0:
            raise ValueError(f"annual_discount_rate must not be negative, found {self.annual_discount_rate}")
        if not 1 <= self.horizon_months <= self.tail_months:
            raise ValueError(
                f"horizon_months must lie between 1 and tail_months, found {self.horizon_months} and {self.tail_months}"
            )
        if self.tail_months < max(CHURN_HORIZONS):
            raise ValueError(f"tail_months must be at least {max(CHURN_HORIZONS)}, found {self.tail_months}")
        if not 0 <= self.suspended_margin_factor <= 1:
            raise ValueError(f"suspended_margin_factor must lie in 0..1, found {self.suspended_margin_factor}")
        if self.ranked_customers not in ("all", "open"):
            raise ValueError(f"ranked_customers must be 'all' or 'open', found {self.ranked_customers!r}")
        if self.rank_by not in ("total", "36_months", "past"):
            raise ValueError(f"rank_by must be 'total', '36_months' or 'past', found {self.rank_by!r}")
        if self.cutoff_months < 1:
            raise ValueError(f"cutoff_months must be at least 1, found {self.cutoff_months}")
        if not 0 < self.interval_coverage < 1:
            raise ValueError(f"interval_coverage must lie between 0 and 1, found {self.interval_coverage}")
        if not 1 <= self.spread_months <= 60:
            raise ValueError(f"spread_months must lie in 1..60, found {self.spread_months}")
        if not 0 <= self.shared_margin_error < 1:
            raise ValueError(f"shared_margin_error must lie in 0..1, found {self.shared_margin_error}")
        if not 0 < self.drift_watch <= self.drift_act:
            raise ValueError(f"0 < drift_watch <= drift_act must hold, found {self.drift_watch} and {self.drift_act}")
        if self.when_not_learnable not in ("block", "without_future", "assume"):
            raise ValueError(f"when_not_learnable must be block, without_future or assume: {self.when_not_learnable!r}")
        if self.assumed_monthly_churn is not None and not 0 < self.assumed_monthly_churn < 1:
            raise ValueError(f"assumed_monthly_churn must lie between 0 and 1, found {self.assumed_monthly_churn}")
        if self.when_not_learnable == "assume" and self.assumed_monthly_churn is None:
            raise ValueError("when_not_learnable: assume needs assumed_monthly_churn, a rate such as 0.01")
        if self.keys_per_block < 1:
            raise ValueError(f"keys_per_block must be at least 1, found {self.keys_per_block}")
