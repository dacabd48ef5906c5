"""The covariates of a customer-month as columns of a matrix, for the next month or later ones.

For later months, tenure and the distance to the end of commitment and discount advance with the calendar; everything
else keeps its last known value, and ``months_ahead`` says how old that is.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit

from models.retention.cohorts import UNKNOWN, cohort_names
from models.retention.shifted_beta_geometric import Floats

# Segments of a market are distinguished by the cohort's curve only: most are too small to learn more.
CATEGORIES = ("retention_market", "retention_product", "retention_term")
DATED = ("spell_months", "commitment_months_left", "months_since_commitment", "discount_months_left")
HELD = (
    "open_contracts",
    "product_families",
    "suspended_share",
    "monthly_fee",
    "discount_share",
    "price_change_3m",
    "gb_month_3m",
    "upload_share_3m",
    "usage_trend",
    "days_since_last_usage",
    "days_late_3m",
    "failed_payments_3m",
    "has_autopay",
    "contacts_3m",
    "complaints_3m",
    "outage_minutes_3m",
)
# The last one is read by the curves of the cohorts.
COVARIATES = (*CATEGORIES, *DATED, *HELD, "committed_month_ends")
MATRIX_COLUMNS = (
    "cohort_log_odds",
    "months_ahead",
    "tenure_months",
    "commitment_ends_in",
    "discount_ends_in",
    *HELD,
    *CATEGORIES,
)
IS_CATEGORY = np.isin(MATRIX_COLUMNS, CATEGORIES)
MAX_CODES = 250  # the boosting has 255 bins; the rarest names share the last code
_SMALLEST, _LARGEST = 1e-6, 1 - 1e-6

Integers = NDArray[np.int64]
Codes = Mapping[str, Mapping[str, int]]


def log_odds(probability: Floats) -> Floats:
    """Log odds of probabilities that may be 0 or 1, which are clipped at one in a million."""
    return np.asarray(logit(np.clip(probability, _SMALLEST, _LARGEST)))


def category_codes(frame: pd.DataFrame, weight: Floats) -> dict[str, dict[str, int]]:
    """Number the names of each category by frequency, so that spelling does not matter."""
    names = cohort_names(frame, CATEGORIES)
    codes = {}
    for column in CATEGORIES:
        size = pd.Series(weight, index=names.index).groupby(names[column]).sum()
        ordered = size.sort_index().sort_values(ascending=False, kind="stable").index
        codes[column] = {name: min(code, MAX_CODES - 1) for code, name in enumerate(ordered)}
    return codes


def matrix(frame: pd.DataFrame, months_ahead: Integers, cohort_hazard: Floats, codes: Codes) -> Floats:
    """Covariates as float64, NaN if unknown, columns ``MATRIX_COLUMNS``.

    Args:
        frame: customer-months with the columns ``COVARIATES``.
        months_ahead: the coming month to predict, 1 for the next; one per row.
        cohort_hazard: the hazard of that month by the cohort's curve, one per row.
        codes: as returned by ``category_codes``; a name absent from it becomes NaN.
    """
    passed = months_ahead - 1.0
    left = numbers(frame, "commitment_months_left")
    commitment_ends_in = np.where(left > 0, left, -numbers(frame, "months_since_commitment"))
    names = cohort_names(frame, CATEGORIES)
    columns = [
        log_odds(cohort_hazard),
        months_ahead.astype(np.float64),
        numbers(frame, "spell_months") + passed,
        commitment_ends_in - passed,
        numbers(frame, "discount_months_left") - passed,
        *(numbers(frame, column) for column in HELD),
        *(names[column].map(codes[column]).to_numpy(dtype=np.float64, na_value=np.nan) for column in CATEGORIES),
    ]
    return np.column_stack(columns)


def numbers(frame: pd.DataFrame, column: str) -> Floats:
    """One column as float64; null becomes NaN, true 1."""
    return frame[column].to_numpy(dtype=np.float64, na_value=np.nan)


def typical_customers(frame: pd.DataFrame) -> pd.DataFrame:
    """The median of each numeric covariate by market, product and term; the last row is that of everyone."""
    names = cohort_names(frame, CATEGORIES)
    values = pd.DataFrame({column: numbers(frame, column) for column in (*DATED, *HELD)})
    by_cohort = values.groupby([names[column].to_numpy() for column in CATEGORIES]).median()
    by_cohort.index.names = list(CATEGORIES)
    everyone = values.median().to_frame().T
    everyone.index = pd.MultiIndex.from_tuples([(UNKNOWN,) * len(CATEGORIES)], names=CATEGORIES)
    return pd.concat([by_cohort.drop(everyone.index, errors="ignore"), everyone])
