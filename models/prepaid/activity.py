"""Prepaid customers: in how many months they will top up, where nobody records when they leave.

A prepaid customer has no contract to end, so leaving is not seen: this is the non-contractual setting, and the only one
in which these models may be used. Time is discrete, a month with a top-up or without one, so the model is the
beta-geometric/beta-binomial (Fader, Hardie & Shang 2010), which knows a history by three numbers: months with a top-up
after the first (``repeats``), the last of them counted from the first (``last_month``), and months since the first
(``months``). A living customer tops up in a month with probability p and dies at the start of a month with probability
theta; p is spread over customers as Beta(alpha, beta), theta as Beta(gamma, delta):

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
# Logarithms of (alpha, beta, gamma, delta): even, regular customers who stay, rare ones who go.
_STARTS = ((0.0, 0.0, 0.0, 0.0), (0.7, -0.7, -0.7, 1.5), (-0.7, 0.7, 0.0, 2.5))
_BOUND = 7.0


@dataclass(frozen=True)
class BetaGeometricBetaBinomial:
    """A fitted beta-geometric/beta-binomial model.

    Attributes:
        alpha, beta: of the chance to top up in a month while alive.
        gamma, delta: of the chance to die at the start of a month.
        log_likelihood: of the histories it was fitted on.
        converged: whether the search ended at a maximum; within the bounds, and at a finite likelihood.
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
        """Chance to be alive in each of the coming months, array (histories, months)."""
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
        """Chance to top up in each of the coming months, array (histories, months).

        Among those still alive, p is spread as Beta(alpha + x, beta + n - x).
        """
        x, _, n = _columns(histories)
        return self.alive(histories, months) * ((self.alpha + x) / (self.alpha + self.beta + n))[:, None]


def fit_activity(histories: pd.DataFrame) -> BetaGeometricBetaBinomial:
    """Fit the model by maximum likelihood from several starts.

    Args:
        histories: ``HISTORY_COLUMNS`` and, where rows stand for several customers, ``customers``.

    Raises:
        ValueError: a history cannot be: not 0 <= repeats <= last_month <= months, or without last_month despite
            repeats; or none reaches beyond its first month, so there is nothing to learn from.
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
    # Column 0: alive to the end. Column 1 + i: died right after the last top-up and i months more.
    silent = np.arange(int((n - t).max(initial=0)))[None, :]
    died = betaln(alpha + x[:, None], beta + (t - x)[:, None] + silent) + betaln(gamma + 1, delta + t[:, None] + silent)
    died = np.where(silent < (n - t)[:, None], died, -np.inf)
    lived = betaln(alpha + x, beta + n - x) + betaln(gamma, delta + n)
    terms = np.concatenate([lived[:, None], died], axis=1)
    return np.asarray(logsumexp(terms, axis=1)) - betaln(alpha, beta) - betaln(gamma, delta)
