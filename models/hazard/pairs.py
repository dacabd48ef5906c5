"""Customer-months paired with months ahead: the training data of the hazard model.

A pair is a customer-month and a number of months ahead: given that the customer was open at the end of the month
before, did it leave in that month? Learning the later months from what was known at the start, instead of assuming
that usage that has fallen stays low for a year, is landmarking (van Houwelingen 2007): an early sign says much about
the next month and little about the tenth.
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
        """Return the pairs selected by a mask."""
        return Pairs(*(values[keep] for values in vars(self).values()))


def sorted_months(sample: pd.DataFrame) -> pd.DataFrame:
    """Return the customer-months in an order independent of the input order."""
    return sample.sort_values(["customer_id", "month_number"], kind="stable").reset_index(drop=True)


def make_pairs(months: pd.DataFrame, near_months: int) -> Pairs:
    """Pair every customer-month with the next month, with one later month chosen per row, and with its churn event.

    Weights compensate for the pairs left out: over all pairs of a month ahead they add up to the customers at risk
    then.

    Args:
        months: ``sorted_months`` with ``months_followed``, ``churned_after_months`` and ``sample_weight``.
        near_months: largest number of months ahead.
    """
    number = months["month_number"].to_numpy(dtype=np.int64)
    followed = months["months_followed"].to_numpy(dtype=np.int64)
    churned_after = months["churned_after_months"].to_numpy(dtype=np.float64, na_value=np.inf)
    fold = fold_of(months["customer_id"])
    ahead = np.arange(1, near_months + 1)
    later_months = max(near_months - 1, 1)
    # Rotates month by month from a start derived from the customer's hash, so it does not depend on row order.
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
    """Return a number in [0, 1] for each customer, always the same."""
    hashed = pd.util.hash_array(customer_id.astype(str).to_numpy(dtype=object), hash_key=FOLD_KEY)
    return hashed.astype(np.float64) / 2.0**64
