"""Customer-months looked at several months ahead: what the hazard model is fitted on.

A pair is a customer-month and a number of months ahead: open at the end of the month before, did the customer leave in
that month? Learning the later months from what was known at the start, instead of pretending that a fallen usage stays
fallen for a year, is landmarking (van Houwelingen 2007): an early sign says much of the next month and little of the
tenth.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.hazard.covariates import Integers
from models.retention.shifted_beta_geometric import Floats

FOLD_KEY = "churn_model_fold"  # 16 characters


@dataclass(frozen=True)
class Pairs:
    """Rows of a frame of customer-months, each with a month ahead, its outcome and its weight."""

    row: Integers
    months_ahead: Integers
    outcome_month: Integers
    churned: NDArray[np.bool_]
    weight: Floats
    fold: Floats

    def where(self, keep: NDArray[np.bool_]) -> "Pairs":
        """The pairs that are kept."""
        return Pairs(*(values[keep] for values in vars(self).values()))


def sorted_months(sample: pd.DataFrame) -> pd.DataFrame:
    """Customer-months in one order, whatever order they came in."""
    return sample.sort_values(["customer_id", "month_number"], kind="stable").reset_index(drop=True)


def make_pairs(months: pd.DataFrame, near_months: int) -> Pairs:
    """Look at every customer-month one month ahead and at one later month of its own, and at its churn event.

    Weights make up for what was left out: over all pairs of a month ahead they add up to the customers at risk then.

    Args:
        months: ``sorted_months`` with ``months_followed``, ``churned_after_months`` and ``sample_weight``.
        near_months: longest look ahead.
    """
    number = months["month_number"].to_numpy(dtype=np.int64)
    followed = months["months_followed"].to_numpy(dtype=np.int64)
    churned_after = months["churned_after_months"].to_numpy(dtype=np.float64, na_value=np.inf)
    fold = fold_of(months["customer_id"])
    ahead = np.arange(1, near_months + 1)
    later_months = max(near_months - 1, 1)
    # Each month another one, from a start of the customer's own: the same whatever the order of rows.
    own = 2 + ((fold * later_months * 997).astype(np.int64) + number) % later_months
    is_own = ahead == own[:, None]
    is_event = ahead == churned_after[:, None]
    row, column = np.nonzero(((ahead == 1) | is_own | is_event) & (ahead <= followed[:, None]))
    looked = ahead[column]
    churned = is_event[row, column]
    inclusion = np.where(churned | (looked == 1), 1.0, 1.0 / later_months)
    return Pairs(
        row=row,
        months_ahead=looked,
        outcome_month=number[row] + looked,
        churned=churned,
        weight=months["sample_weight"].to_numpy(dtype=np.float64)[row] / inclusion,
        fold=fold[row],
    )


def fold_of(customer_id: pd.Series) -> Floats:
    """A number in 0..1 for each customer, always the same one."""
    hashed = pd.util.hash_array(customer_id.astype(str).to_numpy(dtype=object), hash_key=FOLD_KEY)
    return hashed.astype(np.float64) / 2.0**64
