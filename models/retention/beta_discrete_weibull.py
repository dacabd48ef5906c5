"""The beta-discrete-Weibull model of retention: the shifted-beta-geometric with one more parameter.

In the sBG a cohort's hazard falls only because the loyal customers remain. Here each customer's own hazard may also
rise or fall with tenure: a customer with churn probability p survives period t with probability
(1 - p)^(t^c - (t - 1)^c), and p is beta distributed. With shape c = 1 it is the sBG. Source: Fader, Hardie, Liu, Davin
& Steenburgh (2018), "How to Project Customer Retention" Revisited: The Role of Duration Dependence.
"""

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import betaln, digamma, xlogy
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from models.retention.shifted_beta_geometric import Floats, RetentionFitError, ShiftedBetaGeometric, checked_exposures

PARAMETER_COUNT = 3
# The homogeneous limit is at an infinite gamma + delta; beyond e^9 no exposures can tell the difference.
LOG_BOUNDS = ((-9.0, 9.0), (-9.0, 9.0), (np.log(0.1), np.log(5.0)))
START_SHAPES = (0.6, 1.0, 1.6)
START_CONCENTRATIONS = (1.0, 30.0)


def log_survival(gamma: float, delta: float, shape: float, tenure: ArrayLike) -> Floats:
    """Log of B(gamma, delta + t^c) / B(gamma, delta), the share of a cohort still open after ``tenure`` periods."""
    elapsed: Floats = np.power(np.asarray(tenure, dtype=np.float64), shape)
    return np.asarray(betaln(gamma, delta + elapsed) - betaln(gamma, delta), dtype=np.float64)


class BetaDiscreteWeibull(BaseEstimator):
    """Maximum likelihood fit on grouped exposures, left-truncated and right-censored as for the sBG.

    Attributes:
        gamma_, delta_: parameters of the beta distribution of churn probabilities.
        shape_: c; above 1 a customer's own hazard rises with tenure, below 1 it falls.
        log_likelihood_: of the exposures at the fitted parameters, without binomial coefficients as in the sBG.
        parameter_count_: 3.
    """

    gamma_: float
    delta_: float
    shape_: float
    log_likelihood_: float
    parameter_count_: int

    def __init__(self, max_iterations: int = 500) -> None:
        """Args: max_iterations: of the optimizer, for each of its starts."""
        self.max_iterations = max_iterations

    def fit(self, exposures: pd.DataFrame, y: None = None, simpler: ShiftedBetaGeometric | None = None) -> Self:
        """Fit on one row per tenure (repeated tenures add up).

        Args:
            exposures: ``tenure`` (the period at risk, the first is 1), ``at_risk`` (customers open at its
                start) and ``churned`` (those of them lost during it).
            y: ignored, for scikit-learn.
            simpler: the sBG of the same exposures to start from, if already fitted.

        Raises:
            ValueError: the exposures are empty or inconsistent.
            RetentionFitError: too few data to estimate three parameters, or no start converged.
        """
        tenure, at_risk, churned = checked_exposures(exposures)
        if len(tenure) < PARAMETER_COUNT or not 0 < churned.sum() < at_risk.sum():
            raise RetentionFitError(
                f"a beta-discrete-Weibull needs some churn, some retention and {PARAMETER_COUNT} tenures; found "
                f"{int(churned.sum())} churn events among {int(at_risk.sum())} over {len(tenure)} tenures"
            )
        likelihood = _Likelihood(tenure, at_risk, churned)
        found = [
            minimize(
                likelihood,
                start,
                jac=True,
                method="L-BFGS-B",
                bounds=LOG_BOUNDS,
                options={"maxiter": self.max_iterations, "ftol": 1e-14, "gtol": 1e-9},
            )
            for start in _starts(simpler or ShiftedBetaGeometric().fit(exposures), float(churned.sum() / at_risk.sum()))
        ]
        # Close to the optimum a step may be lost in rounding, which counts as converged too.
        usable = [
            result
            for result in found
            if np.isfinite(result.fun) and (result.success or _slope(result.x, result.jac) < 1e-5)
        ]
        if not usable:
            raise RetentionFitError(
                f"no start of the beta-discrete-Weibull fit converged in {self.max_iterations} iterations "
                f"({int(churned.sum())} churn events over {len(tenure)} tenures)"
            )
        best = min(usable, key=lambda result: result.fun)
        self.gamma_, self.delta_, self.shape_ = map(float, np.exp(best.x))
        self.log_likelihood_ = float(-best.fun * churned.sum())
        self.parameter_count_ = PARAMETER_COUNT
        return self

    def survival(self, tenure: ArrayLike) -> Floats:
        """Share of a cohort still open after ``tenure`` periods."""
        check_is_fitted(self)
        return np.exp(log_survival(self.gamma_, self.delta_, self.shape_, tenure))

    def hazard(self, tenure: ArrayLike) -> Floats:
        """Probability to churn in period ``tenure`` (1 is the first) of customers open at its start."""
        check_is_fitted(self)
        last = np.asarray(tenure, dtype=np.float64)
        parameters = (self.gamma_, self.delta_, self.shape_)
        return -np.expm1(log_survival(*parameters, last) - log_survival(*parameters, last - 1.0))


class _Likelihood:
    """Negative log-likelihood per churn event, and its gradient in the logs of gamma, delta and shape."""

    def __init__(self, tenure: Floats, at_risk: Floats, churned: Floats) -> None:
        # The end of one month is the start of the next, so the expensive terms are computed once per distinct end.
        self._ends, places = np.unique(np.concatenate([tenure - 1.0, tenure]), return_inverse=True)
        self._start, self._end = places[: len(tenure)], places[len(tenure) :]
        with np.errstate(divide="ignore"):
            self._log_ends = np.where(self._ends > 0, np.log(self._ends), 0.0)
        self._churned, self._retained, self._lost = churned, at_risk - churned, churned.sum()

    # At the bounds a slope may overflow; the optimizer does not take such a step.
    @np.errstate(over="ignore", divide="ignore", invalid="ignore")
    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        gamma, delta, shape = np.exp(logs)
        elapsed = np.power(self._ends, shape)
        # A hazard that rounds to zero becomes the smallest positive one, so that its logarithm exists.
        log_kept = np.minimum(self._change(betaln(gamma, delta + elapsed)), -np.finfo(np.float64).tiny)
        hazard = -np.expm1(log_kept)
        value = -float((self._retained * log_kept + xlogy(self._churned, hazard)).sum()) / self._lost

        weight = self._retained - self._churned * (1.0 - hazard) / hazard
        whole = digamma(gamma + delta + elapsed)
        in_elapsed = digamma(delta + elapsed) - whole
        in_gamma = self._change(digamma(gamma) - whole)
        in_delta = self._change(in_elapsed)
        in_shape = self._change(in_elapsed * elapsed * self._log_ends)
        slopes = np.array([gamma * weight @ in_gamma, delta * weight @ in_delta, shape * weight @ in_shape])
        return value, -slopes / self._lost

    def _change(self, at_ends: Floats) -> Floats:
        """Change from the start to the end of each tenure."""
        return at_ends[self._end] - at_ends[self._start]


def _slope(logs: Floats, slopes: Floats) -> float:
    """Largest gradient component that is not blocked by a bound."""
    low, high = np.array(LOG_BOUNDS).T
    is_blocked = ((logs <= low) & (slopes > 0)) | ((logs >= high) & (slopes < 0))
    return float(np.abs(np.where(is_blocked, 0.0, slopes)).max())


def _starts(simpler: ShiftedBetaGeometric, mean_hazard: float) -> list[Floats]:
    """Starts with strong and weak heterogeneity and falling, level and rising hazards; the sBG's optimum first."""
    starts = [
        np.log([concentration * mean_hazard, concentration * (1.0 - mean_hazard), shape])
        for concentration in START_CONCENTRATIONS
        for shape in START_SHAPES
    ]
    if simpler.status_ == "fitted":
        starts.insert(0, np.log([simpler.alpha_, simpler.beta_, 1.0]))
    bounds = np.array(LOG_BOUNDS)
    return [np.clip(start, bounds[:, 0], bounds[:, 1]) for start in starts]
