"""How unevenly value is distributed over customers: value curve, Gini, top shares, whale curve.

Customers are ordered from most to least valuable. Values may be negative; then the curve of cumulative value rises
above the total, peaks where value turns negative and falls to the total: the whale curve. Shares are of the total,
so the peak share shows how much the customers past the peak cost. With a total of zero or less, shares are NaN.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from models.deciles import best_customers
from models.retention.shifted_beta_geometric import Floats
from models.value.parameters import VALUE_MEASURES

# Shares within this distance of 80% count as 80%.
RULE_TOLERANCE = 0.025


@dataclass(frozen=True)
class Concentration:
    """Concentration of one value measure; its fields are columns of ``segments.value_concentration``.

    Attributes:
        customers: number of customers with a known value.
        value: their total.
        gini: mean difference between two customers over twice the mean absolute value. Without negative
            values it is the usual Gini; with them it still lies in 0..1, where the usual one is unbounded
            (Raffinetti, Siletti & Vernizzi 2015).
        top_1_share, top_5_share, top_10_share, top_20_share: share of the total contributed by the best p % of
            customers, counted in whole customers like percentiles; above 1 if others lose money.
        customer_share_for_50, customer_share_for_80: smallest share of customers that contributes half, or four
            fifths, of the total.
        whale_peak_share: largest share of the total contributed by any number of best customers; 1 if none loses.
        customers_past_peak: customers with a negative value.
        bottom_20_share: share of the total contributed by the worst fifth of customers, all but the best 80%; below 0
            if they lose money.
        pareto_verdict: whether the data support "20% make 80%", in words.
        whale_verdict: whether they support "the worst 20% cost 80%", in words.
    """

    customers: int
    value: float
    gini: float
    top_1_share: float
    top_5_share: float
    top_10_share: float
    top_20_share: float
    customer_share_for_50: float
    customer_share_for_80: float
    whale_peak_share: float
    customers_past_peak: int
    bottom_20_share: float
    pareto_verdict: str
    whale_verdict: str


def concentration(values: ArrayLike) -> Concentration:
    """Concentration of one value per customer; NaN is ignored. Without customers or value the figures are NaN."""
    ordered = _from_most_valuable(values)
    share, count = _cumulative_share(ordered), len(ordered)
    top_20_share = float(share[best_customers(count, 20)])
    bottom_20_share = float(share[-1] - share[best_customers(count, 80)])
    customer_share_for_80 = _customer_share_for(share, 0.8)
    return Concentration(
        customers=count,
        value=float(ordered.sum()),
        gini=_gini(ordered),
        top_1_share=float(share[best_customers(count, 1)]),
        top_5_share=float(share[best_customers(count, 5)]),
        top_10_share=float(share[best_customers(count, 10)]),
        top_20_share=top_20_share,
        customer_share_for_50=_customer_share_for(share, 0.5),
        customer_share_for_80=customer_share_for_80,
        whale_peak_share=float(share.max()),
        customers_past_peak=int((ordered < 0).sum()),
        bottom_20_share=bottom_20_share,
        pareto_verdict=pareto_verdict(top_20_share, customer_share_for_80),
        whale_verdict=whale_verdict(bottom_20_share),
    )


def pareto_verdict(top_20_share: float, customer_share_for_80: float) -> str:
    """Return whether the data support "20% make 80%", in words."""
    if np.isnan(top_20_share):
        return "“20% make 80%” cannot be tested: the value does not add up to a positive amount."
    held = f"the best 20% of customers hold {_percent(top_20_share)} of the value"
    if abs(top_20_share - 0.8) < RULE_TOLERANCE:
        return f"“20% make 80%” holds: {held}."
    needed = f"it takes the best {_percent(customer_share_for_80)} to reach 80%"
    direction = "less" if top_20_share < 0.8 else "more"
    return f"“20% make 80%” does not hold: {held}, and {needed}; value is {direction} concentrated than that."


def whale_verdict(bottom_20_share: float) -> str:
    """Return whether the worst 20% lose four fifths of what all customers together contribute, in words."""
    if np.isnan(bottom_20_share):
        return "“The worst 20% cost 80%” cannot be tested: the value does not add up to a positive amount."
    if bottom_20_share >= 0:
        found = f"the worst 20% of customers cost nothing, they bring {_percent(bottom_20_share)} of the value"
        return f"“The worst 20% cost 80%” does not hold: {found}."
    found = f"the worst 20% of customers lose {_percent(-bottom_20_share)} of the value"
    if abs(bottom_20_share + 0.8) < RULE_TOLERANCE:
        return f"“The worst 20% cost 80%” holds: {found}."
    direction = "less" if bottom_20_share > -0.8 else "more"
    return f"“The worst 20% cost 80%” does not hold: {found}, {direction} than that."


def _percent(share: float) -> str:
    return f"{share * 100:.1f}%"


def value_curve(values: ArrayLike) -> pd.DataFrame:
    """Cumulative value at every percentile of customers, best first.

    Returns:
        ``customer_percentile`` 0..100, ``customers`` (the number of best customers, exactly those whose value
        percentile is at most that), ``value`` (their sum) and ``cumulative_value_share``.
    """
    ordered = _from_most_valuable(values)
    percentile = np.arange(101)
    best = best_customers(len(ordered), percentile)
    return pd.DataFrame(
        {
            "customer_percentile": percentile,
            "customers": best,
            "value": np.concatenate([[0.0], np.cumsum(ordered)])[best],
            "cumulative_value_share": _cumulative_share(ordered)[best],
        }
    )


def lorenz_curve(values: ArrayLike) -> pd.DataFrame:
    """The same in textbook form, from the least valuable customer: ``customer_share``, ``value_share``."""
    ordered = _from_most_valuable(values)
    share = 1.0 - _cumulative_share(ordered)[::-1]
    return pd.DataFrame({"customer_share": np.linspace(0.0, 1.0, len(share)), "value_share": share})


def concentration_frame(
    values: pd.DataFrame, measures: Sequence[str] = tuple(VALUE_MEASURES), rank_by: str = "total"
) -> pd.DataFrame:
    """Rows of ``segments.value_concentration``: one per value measure, over the ranked customers.

    Args:
        values: the result of ``customer_value`` for every customer; without ``is_ranked`` all are ranked.
        measures: keys of ``VALUE_MEASURES``.
        rank_by: the measure that customers are ranked by, marked by ``is_ranked_by``.
    """
    ranked = _ranked(values)
    return pd.DataFrame(
        [
            {
                "value_measure": measure,
                **asdict(concentration(ranked[VALUE_MEASURES[measure]])),
                "is_ranked_by": measure == rank_by,
            }
            for measure in measures
        ]
    )


def value_curve_frame(values: pd.DataFrame, measures: Sequence[str] = tuple(VALUE_MEASURES)) -> pd.DataFrame:
    """Rows of ``segments.value_curve``: 101 percentiles per value measure, over the ranked customers."""
    ranked = _ranked(values)
    curves = [value_curve(ranked[VALUE_MEASURES[measure]]).assign(value_measure=measure) for measure in measures]
    return pd.concat(curves, ignore_index=True)[
        ["value_measure", "customer_percentile", "customers", "value", "cumulative_value_share"]
    ]


def _ranked(values: pd.DataFrame) -> pd.DataFrame:
    return values[values["is_ranked"].fillna(False).astype(bool)] if "is_ranked" in values else values


def _from_most_valuable(values: ArrayLike) -> Floats:
    """Return known values in descending order, so that sums do not depend on the order of rows."""
    array = pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan)
    return np.sort(array[~np.isnan(array)])[::-1]


def _cumulative_share(ordered: Floats) -> Floats:
    """Share of the total contributed by the best 0, 1, 2 .. customers; NaN unless the total is above 0."""
    cumulative = np.concatenate([[0.0], np.cumsum(ordered)])
    return cumulative / cumulative[-1] if cumulative[-1] > 0 else np.full(len(cumulative), np.nan)


def _gini(ordered: Floats) -> float:
    absolute = np.abs(ordered).sum()
    if absolute == 0:
        return float("nan")
    count = len(ordered)
    # Each value counts once for every customer below it, minus once for every customer above.
    weight = count - 1 - 2 * np.arange(count, dtype=np.float64)
    return float((weight * ordered).sum() / (count * absolute))


def _customer_share_for(share: Floats, target: float) -> float:
    if np.isnan(share[-1]):
        return float("nan")
    # Floating-point sums may fall just short of a target that they reach exactly.
    return float(np.argmax(share >= target - 1e-12) / (len(share) - 1))
