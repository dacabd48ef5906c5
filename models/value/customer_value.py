"""Customer value: what a customer has contributed so far plus what is expected to come.

The future is a residual value: it starts from the customer's own tenure and commitment, so that a customer of ten
years is not treated like a new one. With margin m_t in future month t, annual discount rate d, and
hazards h from a retention model,

    future_value = sum over t = 1.. of m_t * S(tenure + t) / S(tenure) * (1 + d)^(-t / 12),
    S(tenure + t) / S(tenure) = (1 - h_1) ... (1 - h_t).

Rules for the cases that the formula does not cover:

- not open (churned, pending): the future value is 0, probabilities are null;
- suspended: the suspended share of a customer's contracts yields ``suspended_margin_factor`` of its margin;
- wholesale: valued by the same formula on its own cohorts, never ranked among retail customers;
- prepaid, in every open contract: by expected top-ups, with models of a non-contractual setting
  (``models.prepaid.valuation``), which are never applied to a customer with a contract that ends;
- under notice (``models.value.notice``): served until the last month end before the end, and no longer;
- a negative margin stays negative: a customer kept at a loss has a negative future value.

``future_value_low`` and ``future_value_high`` bound what the customer will actually contribute
(``models.value.interval``); both are 0 for customers who are not open, and null if the future value is.

``future_value_36m`` is the sum over the first 36 months alone, whatever the horizon: later months depend on the tail
of a curve that no data have reached yet. ``ranked_value`` is the measure that customers are ranked by
(``ValueParameters.rank_by``).
"""

from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.retention.residual_life import discounted_months, survival_ahead
from models.retention.shifted_beta_geometric import Floats
from models.value.interval import contain, margin_interval, uncertain_survival
from models.value.margin_spread import NODE_WEIGHTS, SPREAD_COLUMNS, MarginSpread
from models.value.notice import hazards_with_notices
from models.value.parameters import CHURN_HORIZONS, FIXED_HORIZON_MONTHS, VALUE_MEASURES, ValueParameters

__all__ = ["HazardModel", "customer_value", "money"]

FEATURE_COLUMNS = (
    "customer_id",
    "market_segment",
    "population",
    "is_open",
    "open_contracts",
    "suspended_contracts",
    "monthly_discount",
    "discount_months_left",
    "notice_months_left",
    "past_value",
    "expected_monthly_margin",
)
BOUNDS = ["future_value_low", "future_value_high"]
_NOBODY = pd.DataFrame(columns=list(SPREAD_COLUMNS))
VALUE_COLUMNS = (
    "customer_id",
    "market_segment",
    "past_value",
    "expected_monthly_margin",
    "future_value_36m",
    "future_value_horizon",
    "future_value_tail",
    "future_value",
    "future_value_low",
    "future_value_high",
    "total_value",
    "ranked_value",
    *(f"churn_probability_{months}m" for months in CHURN_HORIZONS),
    "expected_remaining_months",
    "retention_cohort",
    "is_ranked",
)


class HazardModel(Protocol):
    """The interface of a retention model; ``RetentionCurves`` implements it."""

    @property
    def key_columns(self) -> tuple[str, ...]:
        """Columns of the features that the hazards depend on."""

    def hazard(self, customers: pd.DataFrame, months: int) -> Floats:
        """Hazards of the coming months, array (rows of ``customers``, months)."""

    def level_variance(self, customers: pd.DataFrame) -> Floats:
        """Relative variance of the level of each customer's hazard; finite for cohorts that were learned from."""

    def cohort_labels(self, customers: pd.DataFrame) -> pd.Series:
        """Name of each customer's cohort."""


def customer_value(
    features: pd.DataFrame,
    curves: HazardModel,
    parameters: ValueParameters | None = None,
    spread: MarginSpread | None = None,
    told: Floats | None = None,
) -> pd.DataFrame:
    """Value each customer; rows are independent, so batches of any size give the same rows.

    Args:
        features: ``features.customer_features`` of one as-of date, or a batch of it: ``FEATURE_COLUMNS`` and
            the key columns of ``curves``. Money may be float, decimal objects or Arrow decimals.
        curves: a fitted retention model.
        parameters: None for the defaults.
        spread: distribution of actual around expected margins; if None, intervals reflect only the chance of leaving.
        told: share of the endings of each coming month that is already announced (``told_ahead``); none if None.

    Returns:
        One row per customer in the order given, money in whole cents. A value is null if it is unknown;
        ``total_value`` is then the known part. Customers without a ``ranked_value`` are not ranked.
        ``expected_remaining_months`` is undiscounted and ends at ``tail_months``. Deciles are added later by
        ``models.deciles``, because they need all customers at once.

    Raises:
        ValueError: a column is missing, or an open customer has no ``spell_months``.
    """
    parameters = parameters or ValueParameters()
    _check_columns(features, curves)
    customers = features.reset_index(drop=True)
    is_open = _flag(customers, "is_open")
    past_value = money(customers["past_value"])
    value = pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "market_segment": customers["market_segment"],
            "past_value": np.round(past_value, 2),
            "expected_monthly_margin": np.round(money(customers["expected_monthly_margin"]), 2),
            "future_value_36m": 0.0,
            "future_value_horizon": 0.0,
            "future_value_tail": 0.0,
            "future_value_low": 0.0,
            "future_value_high": 0.0,
        }
    )
    for column in [f"churn_probability_{months}m" for months in CHURN_HORIZONS]:
        value[column] = np.nan
    value["expected_remaining_months"] = np.nan
    value["retention_cohort"] = curves.cohort_labels(customers).where(is_open, None)
    told = np.zeros(0) if told is None else told
    spread = spread or MarginSpread().fit(_NOBODY)
    _value_open_customers(value, customers.loc[is_open], curves, parameters, spread, told)

    future = value["future_value_horizon"] + value["future_value_tail"]
    value["future_value"] = future.round(2)
    value[BOUNDS] = contain(value[BOUNDS].to_numpy(), value["future_value"].to_numpy())
    value["total_value"] = value[["past_value", "future_value"]].sum(axis=1, min_count=1).round(2)
    value["ranked_value"] = value[VALUE_MEASURES[parameters.rank_by]]
    is_wholesale = (customers["population"] == "wholesale").fillna(False).to_numpy(dtype=bool)
    may_be_ranked = is_open if parameters.ranked_customers == "open" else np.ones(len(value), dtype=bool)
    value["is_ranked"] = may_be_ranked & ~is_wholesale & value["ranked_value"].notna().to_numpy()
    return value[list(VALUE_COLUMNS)]


def money(column: pd.Series) -> Floats:
    """A money column as float64, from float, decimal objects or Arrow decimals; null becomes NaN."""
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _value_open_customers(
    value: pd.DataFrame,
    customers: pd.DataFrame,
    curves: HazardModel,
    parameters: ValueParameters,
    spread: MarginSpread,
    told: Floats,
) -> None:
    """Fill in the future of the open customers; ``customers`` keeps the row labels of ``value``."""
    if customers.empty:
        return
    keys = customers.loc[:, [*curves.key_columns, "notice_months_left"]]
    if "customer_id" in curves.key_columns:  # every customer has a key of its own
        key_of_row, distinct = np.arange(len(keys)), keys
    else:
        grouped = keys.groupby(list(keys.columns), sort=False, dropna=False)
        key_of_row = np.asarray(grouped.ngroup(), dtype=np.int64)
        distinct = keys[~keys.duplicated()]
    margin, price_step, step_after = margin_path(customers, parameters)
    tail = parameters.tail_months
    ends = (min(FIXED_HORIZON_MONTHS, tail), parameters.horizon_months, tail)

    # Rows in the order of their keys, so that the rows of a block of keys are contiguous.
    order = np.argsort(key_of_row, kind="stable")
    starts = np.arange(0, len(distinct), parameters.keys_per_block)
    bounds = np.searchsorted(key_of_row[order], [*starts, len(distinct)])
    future = np.empty((len(customers), len(ends)))
    bounds_of_value = np.empty((len(customers), 2))
    outlook = np.empty((len(customers), len(CHURN_HORIZONS) + 1))
    for start, first, last in zip(starts, bounds[:-1], bounds[1:], strict=True):
        rows = order[first:last]
        key = key_of_row[rows] - start
        block = distinct.iloc[start : start + parameters.keys_per_block]
        notice = block["notice_months_left"].to_numpy(dtype=np.float64, na_value=np.nan)
        survival = survival_ahead(hazards_with_notices(curves.hazard(block, tail), notice, told))
        months = discounted_months(survival, parameters.annual_discount_rate)
        for column, end in enumerate(ends):
            stepped = months[key, end] - months[key, np.minimum(step_after[rows], end)]
            future[rows, column] = margin[rows] * months[key, end] + price_step[rows] * stepped
        for column, horizon_months in enumerate(CHURN_HORIZONS):
            outlook[rows, column] = 1.0 - survival[key, horizon_months]
        outlook[rows, -1] = survival[:, 1:].sum(axis=1)[key]
        bounds_of_value[rows] = margin_interval(
            uncertain_survival(survival, curves.level_variance(block)),
            key,
            margin[rows],
            price_step[rows],
            step_after[rows],
            spread.ratios(customers["population"].iloc[rows]),
            NODE_WEIGHTS,
            parameters.annual_discount_rate,
            parameters.interval_coverage,
        )

    near, within_horizon, whole = future.T
    parts = {
        "future_value_36m": near,
        "future_value_horizon": within_horizon,
        "future_value_tail": whole - within_horizon,
    }
    value.loc[customers.index, list(parts)] = np.round(np.column_stack(list(parts.values())), 2)
    value.loc[customers.index, BOUNDS] = np.round(bounds_of_value, 2)
    columns = [*(f"churn_probability_{months}m" for months in CHURN_HORIZONS), "expected_remaining_months"]
    value.loc[customers.index, columns] = outlook


def margin_path(customers: pd.DataFrame, parameters: ValueParameters) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Margin of the first future month, the known step of the price, and the months before that step.

    The step is the current discount, which ends after ``discount_months_left``; a discount without a known end never
    does.
    """
    contracts = customers["open_contracts"].to_numpy(dtype=np.float64, na_value=np.nan)
    suspended = customers["suspended_contracts"].to_numpy(dtype=np.float64, na_value=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        suspended_share = np.nan_to_num(np.clip(suspended / contracts, 0.0, 1.0))
    factor = 1.0 - suspended_share * (1.0 - parameters.suspended_margin_factor)
    never = float(parameters.tail_months)
    step_after = customers["discount_months_left"].to_numpy(dtype=np.float64, na_value=never)
    return (
        money(customers["expected_monthly_margin"]) * factor,
        np.nan_to_num(money(customers["monthly_discount"])) * factor,
        np.clip(step_after, 0.0, never).astype(np.int64),
    )


def _flag(frame: pd.DataFrame, column: str) -> NDArray[np.bool_]:
    return frame[column].fillna(False).to_numpy(dtype=bool)


def _check_columns(features: pd.DataFrame, curves: HazardModel) -> None:
    missing = [column for column in (*FEATURE_COLUMNS, *curves.key_columns) if column not in features]
    if missing:
        raise ValueError(f"customer features lack the columns {missing}")
