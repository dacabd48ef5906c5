"""How often prepaid customers will top up, although their leaving is not recorded.

A prepaid customer has no contract that ends, so leaving is not observed: this is the non-contractual setting, the only
one in which these models may be used. Time is discrete, a month with a top-up or without one, so the model is the
beta-geometric/beta-binomial (Fader, Hardie & Shang 2010), which summarizes a history by three numbers: months with a
top-up after the first (``repeats``), the last of them counted from the first (``last_month``), and months since the
first (``months``). A living customer tops up in a month with probability p and dies at the start of a month with
probability theta; p varies over customers as Beta(alpha, beta), theta as Beta(gamma, delta):

    L(x, t, n) = B(alpha + x, beta + n - x) / B(alpha, beta) * B(gamma, delta + n) / B(gamma, delta)
        + sum over i = 0 .. n - t - 1 of
          B(alpha + x, beta + t - x + i) / B(alpha, beta) * B(gamma + 1, delta + t + i) / B(gamma, delta).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, logsumexp

from models.retention.shifted_beta_geometric import Floats

HISTORY_COLUMNS = ("repeats", "last_month", "months")
# Logarithms of (alpha, beta, gamma, delta): uniform, regular top-ups with low attrition, rare top-ups with attrition.
_STARTS = ((0.0, 0.0, 0.0, 0.0), (0.7, -0.7, -0.7, 1.5), (-0.7, 0.7, 0.0, 2.5))
_BOUND = 7.0


@dataclass(frozen=True)
class BetaGeometricBetaBinomial:
    """A fitted beta-geometric/beta-binomial model.

    Attributes:
        alpha, beta: parameters of the probability to top up in a month while alive.
        gamma, delta: parameters of the probability to die at the start of a month.
        log_likelihood: of the histories it was fitted on.
        converged: whether the search ended inside the bounds at a finite likelihood.
    """

    alpha: float
    beta: float
    gamma: float
    delta: float
    log_likelihood: float = float("nan")
    converged: bool = True

    def log_likelihood_of(self, histories: pd.DataFrame) -> Floats:
        """Log likelihood of each history."""
        return _log_likelihood(np.log([self.alpha, self.beta, self.gamma, self.delta]), *_columns(histories))

    def alive(self, histories: pd.DataFrame, months: int) -> Floats:
        """Probability to be alive in each of the coming months, shape (histories, months)."""
        x, _, n = _columns(histories)
        ahead = n[:, None] + np.arange(1, months + 1)
        log_alive = (
            (betaln(self.alpha + x, self.beta + n - x) - betaln(self.alpha, self.beta))[:, None]
            + betaln(self.gamma, self.delta + ahead)
            - betaln(self.gamma, self.delta)
            - self.log_likelihood_of(histories)[:, None]
        )
        return np.exp(np.minimum(log_alive, 0.0))

    def expected_activity(self, histories: pd.DataFrame, months: int) -> Floats:
        """Probability to top up in each of the coming months, shape (histories, months).

        Among customers still alive, p is distributed as Beta(alpha + x, beta + n - x).
        """
        x, _, n = _columns(histories)
        return self.alive(histories, months) * ((self.alpha + x) / (self.alpha + self.beta + n))[:, None]


def fit_activity(histories: pd.DataFrame) -> BetaGeometricBetaBinomial:
    """Fit the model by maximum likelihood from several starts.

    Args:
        histories: ``HISTORY_COLUMNS`` and, if rows stand for several customers, ``customers``.

    Raises:
        ValueError: a history is impossible (not 0 <= repeats <= last_month <= months, or only one of repeats and
            last_month is 0), or none extends beyond its first month, so there is nothing to learn from.
    """
    keys = list(HISTORY_COLUMNS)
    weighted = histories.assign(customers=histories.get("customers", 1))
    counts = weighted.groupby(keys)["customers"].sum().reset_index()
    x, t, n = _columns(counts)
    if ((x < 0) | (x > t) | (t > n) | ((x == 0) != (t == 0))).any():
        raise ValueError("a history needs 0 <= repeats <= last_month <= months, and a last_month if it has repeats")
    if not (n > 0).any():
        raise ValueError("no prepaid history reaches beyond its first month")
    customers = counts["customers"].to_numpy(dtype=float)

    def loss(logs: Floats) -> float:
        return float(-(customers * _log_likelihood(logs, x, t, n)).sum() / customers.sum())

    bounds = [(-_BOUND, _BOUND)] * 4
    found = [
        minimize(loss, start, jac="3-point", bounds=bounds, options={"ftol": 1e-15, "gtol": 1e-9}) for start in _STARTS
    ]
    best = min(found, key=lambda each: each.fun)
    alpha, beta, gamma, delta = (float(each) for each in np.exp(best.x))
    inside = bool((np.abs(best.x) < _BOUND - 1e-6).all())
    return BetaGeometricBetaBinomial(
        alpha, beta, gamma, delta, -float(best.fun * customers.sum()), bool(np.isfinite(best.fun)) and inside
    )


def _columns(histories: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    x, t, n = (histories[name].to_numpy(dtype=np.int64) for name in HISTORY_COLUMNS)
    return x, t, n


def _log_likelihood(logs: Floats, x: NDArray[np.int64], t: NDArray[np.int64], n: NDArray[np.int64]) -> Floats:
    alpha, beta, gamma, delta = np.exp(logs)
    # Column 0: alive to the end. Column 1 + i: died i months after the last top-up.
    silent = np.arange(int((n - t).max(initial=0)))[None, :]
    died = betaln(alpha + x[:, None], beta + (t - x)[:, None] + silent) + betaln(gamma + 1, delta + t[:, None] + silent)
    died = np.where(silent < (n - t)[:, None], died, -np.inf)
    lived = betaln(alpha + x, beta + n - x) + betaln(gamma, delta + n)
    terms = np.concatenate([lived[:, None], died], axis=1)
    return np.asarray(logsumexp(terms, axis=1)) - betaln(alpha, beta) - betaln(gamma, delta)
