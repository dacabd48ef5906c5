"""Spend of a prepaid customer per month with a top-up: the gamma-gamma model (Fader, Hardie & Lee 2005).

Spend varies around a customer's own mean, and means vary between customers: a customer's observed mean z over x months
is Gamma(p x, nu x) given nu, and nu is Gamma(q, gamma). The expectation shrinks short histories to the overall mean:

    E[Z | z, x] = (gamma + x z) p / (p x + q - 1).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import gammaln

from models.retention.shifted_beta_geometric import Floats

_STARTS = ((1.5, 1.0, 0.0), (0.0, 0.7, 0.0), (2.5, 1.5, 1.0))


@dataclass(frozen=True)
class GammaGamma:
    """A fitted gamma-gamma model.

    Attributes:
        p, q: shapes within and between customers.
        gamma: scale, in units of money; v in the paper.
        log_likelihood: of the means it was fitted on, with money in units of their mean.
        converged: whether the search ended inside the bounds at a finite likelihood.
    """

    p: float
    q: float
    gamma: float
    log_likelihood: float = float("nan")
    converged: bool = True

    @property
    def population_mean(self) -> float:
        """Mean spend per month with a top-up over all customers; infinite if q is not above 1."""
        return self.gamma * self.p / (self.q - 1) if self.q > 1 else float("inf")

    def expected_spend(self, mean_spend: ArrayLike, months: ArrayLike) -> Floats:
        """Expected spend of each customer from its observed mean over ``months``; without months, the overall mean."""
        x = np.asarray(months, dtype=float)
        z = np.where(x > 0, np.nan_to_num(np.asarray(mean_spend, dtype=float)), 0.0)
        return (self.gamma + x * z) * self.p / (self.p * x + self.q - 1)


def fit_spend(mean_spend: ArrayLike, months: ArrayLike) -> GammaGamma:
    """Fit the model by maximum likelihood from several starts, on customers with a positive mean over some months.

    Money is fitted in units of its mean, so the currency changes only the scale.

    Raises:
        ValueError: fewer than two customers have a positive mean.
    """
    z, x = np.asarray(mean_spend, dtype=float), np.asarray(months, dtype=float)
    known = (x > 0) & (z > 0)
    if known.sum() < 2:
        raise ValueError("fewer than two prepaid customers have spent anything")
    z, x = z[known], x[known]
    unit = z.mean()
    z = z / unit

    def loss(logs: Floats) -> float:
        p, q, gamma = np.exp(logs)
        q += 1.0  # the mean over all customers is finite
        value = (
            gammaln(p * x + q) - gammaln(p * x) - gammaln(q)
            + q * np.log(gamma) + (p * x - 1) * np.log(z) + p * x * np.log(x)
            - (p * x + q) * np.log(gamma + x * z)
        )  # fmt: skip
        return float(-value.mean())

    bounds = [(-6.0, 6.0)] * 3
    found = [
        minimize(loss, start, jac="3-point", bounds=bounds, options={"ftol": 1e-15, "gtol": 1e-9}) for start in _STARTS
    ]
    best = min(found, key=lambda each: each.fun)
    p, q, gamma = (float(each) for each in np.exp(best.x))
    inside = bool((np.abs(best.x) < 6.0 - 1e-6).all())
    return GammaGamma(p, q + 1.0, gamma * unit, -float(best.fun * len(z)), bool(np.isfinite(best.fun)) and inside)
