"""Exposures of consumers without a term and on twelve months, with planted hazards."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.retention.cohorts import CUSTOMER_COLUMNS

MONTHS = 36
Planted = Callable[[NDArray[np.int64]], NDArray[np.float64]]


def planted_exposures(
    without_term: Planted, on_term: Planted, committed_months: int, seed: int, at_risk: int
) -> pd.DataFrame:
    """Return the churn events drawn for each month of spell, as many customers being at risk in each.

    Args:
        without_term: hazard by tenure (1 is the first month) of the free cohort.
        on_term: the same of the cohort on twelve months.
        committed_months: tenure up to which the latter is committed.
        seed: of the draws.
        at_risk: customers at risk in each month.
    """
    random, spell = np.random.default_rng(seed), np.arange(MONTHS)
    frames = []
    for term, hazard in (("none", without_term), ("12", on_term)):
        rows = pd.DataFrame(
            {
                **dict(zip(CUSTOMER_COLUMNS, ("consumer", "consumer", "internet", term), strict=True)),
                "is_committed": (term == "12") & (spell < committed_months),
                "spell_months": spell,
                "customers_at_risk": at_risk,
                "customers_churned": random.binomial(at_risk, hazard(spell + 1)),
            }
        )
        frames.append(rows)
    return pd.concat(frames, ignore_index=True)


def commitments(ended: int, renewed: int, is_later: tuple[bool, ...] = (False,)) -> pd.DataFrame:
    """Return so many commitments of twelve months that ended and were renewed, for the first and for later ones."""
    return pd.DataFrame(
        {
            "retention_market": "consumer",
            "retention_product": "internet",
            "retention_term": "12",
            "is_later": list(is_later),
            "commitments_ended": float(ended),
            "commitments_renewed": float(renewed),
            "term_months": 12.0,
        }
    )


def open_customer(spell_months: int, left: int, term: str = "12") -> pd.DataFrame:
    """Return an open customer with ``left`` month ends of commitment."""
    named = dict(zip(CUSTOMER_COLUMNS, ("consumer", "consumer", "internet", term), strict=True))
    return pd.DataFrame([{**named, "spell_months": spell_months, "committed_month_ends": left}])
