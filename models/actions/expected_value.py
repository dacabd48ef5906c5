"""The expected value of an action before the customer has responded."""

import numpy as np
import pandas as pd

VALUE_COLUMNS = (
    *("uptake", "monthly_margin", "horizon_months", "hazard_reduction"),
    *("churn_probability_12m", "future_value_36m", "contact_cost", "acceptance_cost"),
)
"""Columns that ``expected_value`` reads: shares from 0 to 1, months, and money in the reporting currency."""


def months_counted(horizon_months: np.ndarray, churn_probability_12m: np.ndarray, discount_rate: float) -> np.ndarray:
    """Return the present value of ``horizon_months`` months of one unit of margin, in months.

    The sum over t = 1..H of (s / (1 + d))^t, with s the monthly survival implied by the churn within twelve months.

    Args:
        horizon_months: H, shape (n,).
        churn_probability_12m: probability of churn within twelve months, shape (n,).
        discount_rate: d, per month.
    """
    survival = np.power(1 - np.clip(churn_probability_12m, 0, 1), 1 / 12)
    kept = survival / (1 + discount_rate)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = kept * (1 - np.power(kept, horizon_months)) / (1 - kept)
    return np.where(kept >= 1, horizon_months, total)


def expected_value(candidates: pd.DataFrame, monthly_discount_rate: float) -> pd.DataFrame:
    """Return the expected value of each candidate, in the reporting currency.

    expected value = uptake x (margin gain + avoided loss - cost of an acceptance) - cost of the contact, where the
    margin gain is the monthly margin over the horizon while the customer stays, and the avoided loss is the share of
    the churn within twelve months that an acceptance prevents, times the future value that would be lost.

    An unknown churn probability counts as zero and so does an unknown future value, so no loss is avoided; an unknown
    monthly margin leaves the expected value unknown.

    Args:
        candidates: one row per candidate, with ``VALUE_COLUMNS``.
        monthly_discount_rate: monthly rate at which later margin is discounted.

    Returns:
        A frame with the index of ``candidates`` and the columns margin_gain, avoided_loss, expected_value.
    """
    churn = candidates["churn_probability_12m"].astype(float).fillna(0).to_numpy()
    future = candidates["future_value_36m"].astype(float).fillna(0).clip(lower=0).to_numpy()
    months = months_counted(candidates["horizon_months"].to_numpy(dtype=float), churn, monthly_discount_rate)
    gain = candidates["monthly_margin"].astype(float).to_numpy() * months
    avoided = candidates["hazard_reduction"].astype(float).to_numpy() * churn * future
    accepted = gain + avoided - candidates["acceptance_cost"].astype(float).to_numpy()
    contact_cost = candidates["contact_cost"].astype(float).to_numpy()
    value = candidates["uptake"].astype(float).to_numpy() * accepted - contact_cost
    # To the cent, as published: actions whose published values are equal are a tie.
    return pd.DataFrame(
        {"margin_gain": gain.round(2), "avoided_loss": avoided.round(2), "expected_value": value.round(2)},
        index=candidates.index,
    )
