"""What remains of a relationship, given the hazards ahead of it: survival and discounted months."""

import numpy as np

from models.retention.shifted_beta_geometric import Floats, annual_to_period_rate


def survival_ahead(hazard: Floats) -> Floats:
    """Probability to be open still after 0, 1, 2 .. months, given open now.

    Args:
        hazard: array (rows, months), each the probability to churn given open at the month's start.

    Returns:
        Array (rows, months + 1); column 0 is 1, column t is (1 - h_1) ... (1 - h_t).
    """
    survival = np.ones((hazard.shape[0], hazard.shape[1] + 1))
    np.cumprod(1.0 - hazard, axis=1, out=survival[:, 1:])
    return survival


def discounted_months(survival: Floats, annual_discount_rate: float) -> Floats:
    """Expected discounted months of service up to month t: the value of a margin of 1 until then.

    Args:
        survival: array (rows, months + 1) as ``survival_ahead`` gives it.
        annual_discount_rate: compounded monthly; month t weighs (1 + d)^(-t / 12).

    Returns:
        Array (rows, months + 1); column 0 is 0. A margin paid only in months a + 1 .. b is worth the
        difference of columns b and a, so any path of steps in price needs no array of its own.
    """
    weight = (1.0 + annual_to_period_rate(annual_discount_rate, 12)) ** -np.arange(survival.shape[1])
    months = survival * weight
    months[:, 0] = 0.0
    return np.cumsum(months, axis=1, out=months)
