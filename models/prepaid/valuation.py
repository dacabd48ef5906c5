"""The future value of prepaid customers only: expected top-ups, by models of a non-contractual setting.

    future_value = sum over t = 1.. of A(t) * z * s * (1 + d)^(-t / 12)

with A(t) the probability to top up in month t (``models.prepaid.activity``), z the customer's mean spend in such a
month (``models.prepaid.spend``) and s the share of prepaid revenue that is left as margin, over all prepaid customers
and the last twelve months. A blocked customer is simply one who does not top up, so suspension changes nothing here.
The interval of a future value covers the months until the customer leaves, the probability to top up and the mean
spend; the randomness of single months averages out and is ignored.
"""

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import betaincinv, gammaincinv

from models.prepaid.activity import fit_activity
from models.prepaid.spend import fit_spend
from models.retention.shifted_beta_geometric import Floats
from models.value.customer_value import BOUNDS, money
from models.value.interval import contain, margin_interval
from models.value.parameters import CHURN_HORIZONS, FIXED_HORIZON_MONTHS, VALUE_MEASURES, ValueParameters

PREPAID_COLUMNS = (
    "is_prepaid",
    "is_open",
    "prepaid_repeats",
    "prepaid_last_month",
    "prepaid_months",
    "prepaid_mean_spend",
    "margin_12m",
    "net_revenue_12m",
)
PREPAID_COHORT = "prepaid"
_NODES = 16
_VAN_DER_CORPUT = np.array([int(f"{number:04b}"[::-1], 2) + 0.5 for number in range(_NODES)]) / _NODES


class PrepaidValuation:
    """Values the prepaid customers of a base.

    Attributes:
        decision_: what was fitted, or why nothing could be, in one sentence.
        margin_share_: share of prepaid revenue left as margin.
    """

    def __init__(self, parameters: ValueParameters | None = None) -> None:
        self.parameters = parameters or ValueParameters()

    def fit(self, customers: pd.DataFrame) -> Self:
        """Fit both models on the prepaid customers among ``customers`` (``PREPAID_COLUMNS``); other rows are ignored.

        Customers who have left count as well: without them every history would be that of a survivor. If no history
        extends beyond its first month, or there is no spend, the future value is zero for everybody.
        """
        prepaid = customers[customers["is_prepaid"].fillna(False).astype(bool)]
        is_open = is_prepaid(prepaid)
        self.activity_ = self.spend_ = None
        revenue, margin = (float(np.nansum(money(prepaid[name]))) for name in ("net_revenue_12m", "margin_12m"))
        self.margin_share_ = margin / revenue if revenue > 0 else 0.0
        if not is_open.any():
            self.decision_ = "No customer is prepaid."
            return self
        histories = _histories(prepaid)
        try:
            self.activity_ = fit_activity(histories[prepaid["prepaid_months"].notna().to_numpy()])
            self.spend_ = fit_spend(money(prepaid["prepaid_mean_spend"]), histories["repeats"])
        except ValueError as reason:
            self.activity_ = None
            self.decision_ = f"{is_open.sum():,} prepaid customers, of whom nothing is expected: {reason}."
            return self
        doubt = (
            "" if self.activity_.converged and self.spend_.converged else "; a search ended at the edge of its bounds"
        )
        self.decision_ = (
            f"{is_open.sum():,} prepaid customers: top-ups by a beta-geometric/beta-binomial and a gamma-gamma model,"
            f" with {(~is_open).sum():,} who have left; {self.margin_share_:.1%} of their revenue is margin{doubt}."
        )
        return self

    def revalue(self, valued: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
        """Replace the future value of the prepaid customers in the result of ``customer_value`` for the same rows.

        Rows of customers with a contract that ends are returned unchanged, and so are those under notice, whose end is
        known.
        """
        rows = (is_prepaid(customers) & customers["notice_months_left"].isna()).to_numpy()
        if not rows.any():
            return valued
        future, bounds, outlook = self._futures(customers[rows])
        result = valued.copy()
        near_and_tail = np.round(future[:, 2:], 2)
        result.loc[rows, "expected_monthly_margin"] = np.round(future[:, 0], 2)
        result.loc[rows, "future_value_36m"] = np.round(future[:, 1], 2)
        result.loc[rows, ["future_value_horizon", "future_value_tail"]] = near_and_tail
        result.loc[rows, "future_value"] = np.round(near_and_tail.sum(axis=1), 2)
        result.loc[rows, BOUNDS] = contain(np.round(bounds, 2), np.round(near_and_tail.sum(axis=1), 2))
        columns = [*(f"churn_probability_{months}m" for months in CHURN_HORIZONS), "expected_remaining_months"]
        result.loc[rows, columns] = outlook
        result.loc[rows, "retention_cohort"] = PREPAID_COHORT
        parts = result.loc[rows, ["past_value", "future_value"]]
        result.loc[rows, "total_value"] = parts.sum(axis=1, min_count=1).round(2)
        result.loc[rows, "ranked_value"] = result.loc[rows, VALUE_MEASURES[self.parameters.rank_by]]
        return result

    def _futures(self, prepaid: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
        """Margin of next month, 36 months, horizon and tail; its bounds; churn probabilities and expected months."""
        horizon, tail = self.parameters.horizon_months, self.parameters.tail_months
        if self.activity_ is None or self.spend_ is None:
            nothing = np.zeros((len(prepaid), 6))
            return nothing[:, :4], nothing[:, 4:], np.full((len(prepaid), len(CHURN_HORIZONS) + 1), np.nan)
        histories = _histories(prepaid)
        distinct = histories.drop_duplicates().reset_index(drop=True)
        key = histories.merge(distinct.reset_index(names="key"), how="left")["key"].to_numpy()
        activity = self.activity_.expected_activity(distinct, tail)
        alive = self.activity_.alive(distinct, tail)
        discount = (1 + self.parameters.annual_discount_rate) ** (-np.arange(1, tail + 1) / 12)
        discounted = activity * discount
        margin = (
            self.spend_.expected_spend(money(prepaid["prepaid_mean_spend"]), histories["repeats"]) * self.margin_share_
        )
        parts = (discounted[:, :FIXED_HORIZON_MONTHS], discounted[:, :horizon], discounted[:, horizon:])
        months = np.stack([activity[:, 0], *(part.sum(axis=1) for part in parts)])
        outlook = np.column_stack([*(1 - alive[:, each - 1] for each in CHURN_HORIZONS), alive.sum(axis=1)])
        topups = activity[:, 0] / np.maximum(alive[:, 0], 1e-12)  # probability to top up in a month while alive
        bounds = margin_interval(
            np.column_stack([np.ones(len(alive)), alive]),
            key,
            margin * topups[key],
            np.zeros(len(prepaid)),
            np.zeros(len(prepaid), dtype=np.int64),
            self._ratios(distinct, key, prepaid),
            np.full(_NODES, 1.0 / _NODES),
            self.parameters.annual_discount_rate,
            self.parameters.interval_coverage,
        )
        return months.T[key] * margin[:, None], bounds, outlook[key]

    def _ratios(self, distinct: pd.DataFrame, key: NDArray[np.int64], prepaid: pd.DataFrame) -> Floats:
        """Equally likely ratios of a living month's margin to its mean, shape (customers, ``_NODES``).

        Given the history, the probability to top up is distributed as a beta, the mean spend as an inverse gamma; the
        two are independent, so their nodes are paired in an order that spreads both evenly (van der Corput 1935).
        """
        assert self.activity_ is not None
        assert self.spend_ is not None
        even = (np.arange(_NODES) + 0.5) / _NODES
        repeats, months = (distinct[name].to_numpy(dtype=np.float64)[:, None] for name in ("repeats", "months"))
        alpha, beta = self.activity_.alpha + repeats, self.activity_.beta + months - repeats
        topups = betaincinv(alpha, beta, even) * (alpha + beta) / alpha
        seen = repeats[key]
        spent = np.where(seen > 0, np.nan_to_num(money(prepaid["prepaid_mean_spend"]))[:, None], 0.0)
        shape = self.spend_.q + self.spend_.p * seen
        mean_spend = self.spend_.p * (self.spend_.gamma + seen * spent) / gammaincinv(shape, _VAN_DER_CORPUT)
        expected = self.spend_.expected_spend(spent[:, 0], seen[:, 0])[:, None]
        return np.asarray(topups[key] * mean_spend / np.maximum(expected, 1e-12))


def is_prepaid(customers: pd.DataFrame) -> pd.Series:
    """Whether a customer is valued by top-ups: open, and prepaid in every open contract."""
    flags = [customers[name].fillna(False).astype(bool) for name in ("is_prepaid", "is_open")]
    return flags[0] & flags[1]


def _histories(prepaid: pd.DataFrame) -> pd.DataFrame:
    """Histories with 0 for null: a customer without top-ups is treated like one whose first was this month."""
    columns = {f"prepaid_{name}": name for name in ("repeats", "last_month", "months")}
    return prepaid[list(columns)].rename(columns=columns).fillna(0).astype(np.int64).reset_index(drop=True)
