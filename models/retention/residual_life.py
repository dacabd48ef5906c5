"""The remaining life of a relationship, given its future hazards: survival and discounted months."""

import numpy as np

from models.retention.shifted_beta_geometric import Floats, annual_to_period_rate


def survival_ahead(hazard: Floats) -> Floats:
    """Probability to be still open after 0, 1, 2 .. months, given open now.

    Args:
        hazard: array (rows, months), each the probability to churn given open at the start of that month.

    Returns:
        Array (rows, months + 1); column 0 is 1, column t is (1 - h_1) ... (1 - h_t).
    """
    survival = np.ones((hazard.shape[0], hazard.shape[1] + 1))
    np.cumprod(1.0 - hazard, axis=1, out=survival[:, 1:])
    return survival


def discounted_months(survival: Floats, annual_discount_rate: float) -> Floats:
    """Expected discounted months of service up to month t: the value until then of a margin of 1 per month.

    Args:
        survival: array (rows, months + 1), as returned by ``survival_ahead``.
        annual_discount_rate: compounded monthly; month t has the weight (1 + d)^(-t / 12).

    Returns:
        Array (rows, months + 1); column 0 is 0. A margin paid only in months a + 1 .. b is worth the
        difference of columns b and a, so a path of price steps needs no array of its own.
    """
    weight = (1.0 + annual_to_period_rate(annual_discount_rate, 12)) ** -np.arange(survival.shape[1])
    months = survival * weight
    months[:, 0] = 0.0
    return np.cumsum(months, axis=1, out=months)
