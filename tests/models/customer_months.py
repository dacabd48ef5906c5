"""Customer-months of a made-up ISP with a known hazard."""

import numpy as np
import pandas as pd

from models.hazard.covariates import COVARIATES
from models.retention.cohorts import COHORT_COLUMNS

FIRST_MONTH = 24_301


def simulate_months(
    customers: int = 1_500, months: int = 18, *, base: float = 0.02, warned: float = 0.25, seed: int = 0
) -> pd.DataFrame:
    """Months at risk as ``features.customer_months_at_risk`` has them, of a constant hazard but for a warning.

    One customer-month in twenty-five shows a fallen usage, and its hazard is ``warned`` instead of ``base``; nothing
    else says anything. Whoever leaves is replaced, so the number of open customers stays.
    """
    random = np.random.default_rng(seed)
    has_warning = random.random((customers, months)) < 0.04
    leaves = random.random((customers, months)) < np.where(has_warning, warned, base)
    line, number = np.indices((customers, months)).reshape(2, -1)
    # The first leaving at or after each month, and how many there were before it: the customer's place in its line.
    ahead = np.full((customers, months + 1), np.inf)
    for month in range(months - 1, -1, -1):
        ahead[:, month] = np.where(leaves[:, month], month, ahead[:, month + 1])
    spell = np.cumsum(leaves, axis=1) - leaves
    start = np.maximum.accumulate(np.where(np.diff(spell, axis=1, prepend=-1) != 0, np.arange(months), 0), axis=1)
    last_known = months - 1  # the last month end is the as-of date, what follows it is not known
    left_after = ahead[line, number] - number + 1
    left_after = np.where(number + left_after <= last_known, left_after, np.nan)
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{a:05d}-{b}" for a, b in zip(line, spell[line, number], strict=True)],
            "month_number": FIRST_MONTH + number,
            "months_followed": np.where(np.isnan(left_after), last_known - number, left_after).astype(int),
            "churned_after_months": pd.array(left_after, dtype="Float64"),
            "is_committed": False,
            "sample_weight": 1.0,
        }
    )
    known = {
        "retention_market": random.choice(["consumer", "business"], customers)[line],
        "retention_product": random.choice(["internet", "mobile", "tv"], customers)[line],
        "retention_term": "none",
        "spell_months": number - start[line, number],
        "commitment_months_left": 0,
        "committed_month_ends": 0,
        "open_contracts": 1,
        "product_families": 1,
        "suspended_share": 0.0,
        "monthly_fee": random.choice([20.0, 30.0, 40.0], customers)[line],
        "usage_trend": np.where(has_warning[line, number], 0.3, random.normal(1.0, 0.1, len(line))).round(3),
        "days_late_3m": random.integers(0, 4, len(line)),
        "failed_payments_3m": 0,
        "contacts_3m": random.integers(0, 2, len(line)),
    }
    for column in COVARIATES:
        frame[column] = known.get(column, np.nan)
    return frame.assign(market_segment=frame["retention_market"])


def exposures_of(months: pd.DataFrame) -> pd.DataFrame:
    """What ``features.retention_exposures`` would count of the same months."""
    seen = months[months["months_followed"] > 0]
    keys = [*COHORT_COLUMNS, "spell_months"]
    churned = (seen["churned_after_months"] == 1).fillna(False).astype(int)
    counts = seen.assign(customers_at_risk=1, customers_churned=churned).groupby(keys, as_index=False)
    return counts[["customers_at_risk", "customers_churned"]].sum()


def open_customers(months: pd.DataFrame) -> pd.DataFrame:
    """The rows to score."""
    return months[months["months_followed"] == 0].reset_index(drop=True)
