"""The shifted-beta-geometric model of retention: churn of a contractual base by tenure.

Every customer churns with a constant probability of their own each period, and those probabilities are beta
distributed over customers. The loyal remain, so the hazard of a cohort falls with tenure although that of no single
customer does. Source: Fader & Hardie (2007), "How to Project Customer Retention", and (2010), "Customer-Base
Valuation in a Contractual Setting" for the discounted expected residual lifetime.
"""

from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import betaln, hyp2f1, xlog1py, xlogy
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

Floats = NDArray[np.float64]
FitStatus = Literal["fitted", "constant_hazard", "no_churn", "all_churn"]

EXPOSURE_COLUMNS = ("tenure", "at_risk", "churned")
# alpha + beta at the starts: strong to weak heterogeneity between customers.
START_CONCENTRATIONS = (1.0, 10.0, 100.0, 1_000.0)


class RetentionFitError(RuntimeError):
    """No start of the optimizer converged: the exposures do not support a retention curve."""


def annual_to_period_rate(annual_rate: float, periods_per_year: int) -> float:
    """The rate per period that compounds to ``annual_rate`` over a year."""
    return float((1.0 + annual_rate) ** (1.0 / periods_per_year) - 1.0)


def hazard_of(alpha: ArrayLike, beta: ArrayLike, constant: ArrayLike, tenure: ArrayLike) -> Floats:
    """Hazard alpha / (alpha + beta + tenure - 1); the constant where alpha is NaN.

    All four broadcast against each other, so one call serves a matrix of curves by month.
    """
    alpha, beta = np.asarray(alpha, dtype=np.float64), np.asarray(beta, dtype=np.float64)
    falling = alpha / (alpha + beta + np.asarray(tenure, dtype=np.float64) - 1.0)
    return np.where(np.isnan(alpha), np.asarray(constant, dtype=np.float64), falling)


class ShiftedBetaGeometric(BaseEstimator):
    """Maximum likelihood fit of the shifted-beta-geometric model on grouped exposures.

    The likelihood is that of the hazards: at each tenure, ``churned`` of ``at_risk`` is a binomial draw.
    A customer first seen at tenure 30 contributes nothing before it (left truncation), and one still open
    contributes nothing after it (right censoring), so a mix of old and new customers is fitted without bias.

    Cases without a maximum are decided, and ``status_`` says which one applied:
    ``no_churn`` (hazard 0), ``all_churn`` (hazard 1), and ``constant_hazard`` if the hazards do not fall with
    tenure or only one tenure was observed: the geometric limit, at the mean hazard. In these cases ``alpha_``
    and ``beta_`` are NaN and ``constant_hazard_`` holds the rate.

    Attributes:
        alpha_, beta_: parameters of the beta distribution of churn probabilities.
        constant_hazard_: the rate if the hazard is constant, else NaN.
        log_likelihood_: of the exposures at the fitted parameters (without binomial coefficients; for a
            cohort followed from its start it equals the published likelihood of lifetimes).
        parameter_count_: 2 for a falling hazard, 1 for a constant one.
        status_: see above.
    """

    alpha_: float
    beta_: float
    constant_hazard_: float
    log_likelihood_: float
    parameter_count_: int
    status_: FitStatus

    def __init__(self, max_iterations: int = 200) -> None:
        """Args: max_iterations: of the optimizer, for each of its starts."""
        self.max_iterations = max_iterations

    def fit(self, exposures: pd.DataFrame, y: None = None) -> Self:
        """Fit on one row per tenure (repeated tenures add up).

        Args:
            exposures: ``tenure`` (the period at risk, the first is 1), ``at_risk`` (customers open at its
                start) and ``churned`` (those of them lost during it).
            y: ignored, for scikit-learn.

        Raises:
            ValueError: the exposures are empty or inconsistent.
            RetentionFitError: no start of the optimizer converged.
        """
        tenure, at_risk, churned = checked_exposures(exposures)
        total, lost = at_risk.sum(), churned.sum()
        constant = float(lost / total)
        self.alpha_ = self.beta_ = np.nan
        self.constant_hazard_ = constant
        self.log_likelihood_ = float(xlogy(lost, constant) + xlog1py(total - lost, -constant))
        self.parameter_count_ = 1
        self.status_ = "no_churn" if lost == 0 else "all_churn" if lost == total else "constant_hazard"
        if self.status_ == "constant_hazard" and len(tenure) > 1:
            alpha, beta, log_likelihood = self._maximise(tenure, at_risk, churned, constant)
            # The constant hazard is the limit of a large alpha + beta, so only a better fit counts as a falling hazard.
            if log_likelihood > self.log_likelihood_ + 1e-9 * abs(self.log_likelihood_):
                self.alpha_, self.beta_, self.constant_hazard_ = alpha, beta, np.nan
                self.log_likelihood_, self.parameter_count_ = log_likelihood, 2
                self.status_ = "fitted"
        return self

    def _maximise(
        self, tenure: Floats, at_risk: Floats, churned: Floats, mean_hazard: float
    ) -> tuple[float, float, float]:
        retained, lost, elapsed = at_risk - churned, churned.sum(), tenure - 1.0

        # Per churn event, so that tolerances mean the same for a base of any size.
        def negative_log_likelihood(logs: Floats) -> float:
            alpha, beta = np.exp(logs)
            whole = alpha + beta + elapsed
            return float(-(xlogy(churned, alpha / whole) + xlog1py(retained, -alpha / whole)).sum() / lost)

        def slopes(logs: Floats) -> Floats:
            alpha, beta = np.exp(logs)
            shared = (at_risk / (alpha + beta + elapsed)).sum()
            return -np.array([lost - alpha * shared, beta * ((retained / (beta + elapsed)).sum() - shared)]) / lost

        def curvature(logs: Floats) -> Floats:
            alpha, beta = np.exp(logs)
            shared = (at_risk / (alpha + beta + elapsed) ** 2).sum()
            own = (retained / (beta + elapsed) ** 2).sum()
            # Second derivatives in alpha and beta, transformed to their logs, which adds the gradient to the diagonal.
            second = np.array([[alpha**2 * shared - lost, alpha * beta * shared], [0.0, beta**2 * (shared - own)]])
            second[1, 0] = second[0, 1]
            return np.diag(slopes(logs)) - second / lost

        best: Any = None
        for concentration in START_CONCENTRATIONS:
            result = minimize(
                negative_log_likelihood,
                np.log([concentration * mean_hazard, concentration * (1.0 - mean_hazard)]),
                jac=slopes,
                hess=curvature,
                method="trust-exact",
                options={"maxiter": self.max_iterations, "gtol": 1e-9, "max_trust_radius": 2.0},
            )
            # Close to the optimum a step may be lost in rounding, which counts as converged too.
            usable = np.isfinite(result.fun) and (result.success or np.abs(result.jac).max() < 1e-5)
            if usable and (best is None or result.fun < best.fun):
                best = result
        if best is None:
            raise RetentionFitError(
                f"no start of the shifted-beta-geometric fit converged in {self.max_iterations} iterations "
                f"({int(lost)} churn events over {len(tenure)} tenures)"
            )
        alpha, beta = np.exp(best.x)
        return float(alpha), float(beta), float(-best.fun * lost)

    def hazard(self, tenure: ArrayLike) -> Floats:
        """Probability to churn in period ``tenure`` (1 is the first) of customers open at its start."""
        check_is_fitted(self)
        return hazard_of(self.alpha_, self.beta_, self.constant_hazard_, tenure)

    def survival(self, tenure: ArrayLike) -> Floats:
        """Share of a cohort still open after ``tenure`` periods: B(alpha, beta + t) / B(alpha, beta)."""
        check_is_fitted(self)
        periods = np.asarray(tenure, dtype=np.float64)
        if np.isnan(self.alpha_):
            return np.asarray(np.power(1.0 - self.constant_hazard_, periods))
        log_survival = betaln(self.alpha_, self.beta_ + periods) - betaln(self.alpha_, self.beta_)
        return np.asarray(np.exp(log_survival))

    def conditional_survival(self, tenure: ArrayLike, horizon: ArrayLike) -> Floats:
        """Probability that a customer who survived ``tenure`` periods survives ``horizon`` more."""
        check_is_fitted(self)
        done, ahead = np.asarray(tenure, dtype=np.float64), np.asarray(horizon, dtype=np.float64)
        if np.isnan(self.alpha_):
            return self.survival(ahead + 0.0 * done)
        log_ratio = betaln(self.alpha_, self.beta_ + done + ahead) - betaln(self.alpha_, self.beta_ + done)
        return np.asarray(np.exp(log_ratio))

    def derl(self, renewal: ArrayLike, annual_discount_rate: float, periods_per_year: int = 1) -> Floats:
        """Discounted expected residual lifetime just before the ``renewal``-th renewal, in periods.

        The sum over k >= 0 of S(n + k) / S(n - 1) / (1 + d)^k: a customer open through period n - 1 may
        renew now, undiscounted. Closed form by Fader & Hardie (2010):
        (beta+n-1)/(alpha+beta+n-1) * 2F1(1, beta+n; alpha+beta+n; 1/(1+d)).

        Args:
            renewal: n, 1 for the first renewal; scalar or array.
            annual_discount_rate: above 0, compounded over ``periods_per_year``.
            periods_per_year: 12 for a model of months.
        """
        check_is_fitted(self)
        if annual_discount_rate <= 0:
            raise ValueError(f"annual_discount_rate must be above 0 for a lifetime without end: {annual_discount_rate}")
        rate = annual_to_period_rate(annual_discount_rate, periods_per_year)
        n = np.asarray(renewal, dtype=np.float64)
        if np.isnan(self.alpha_):
            kept = 1.0 - self.constant_hazard_
            return np.full(n.shape, kept * (1.0 + rate) / (rate + self.constant_hazard_))
        left, whole = self.beta_ + n - 1.0, self.alpha_ + self.beta_ + n - 1.0
        closed = np.asarray(left / whole * hyp2f1(1.0, left + 1.0, whole + 1.0, 1.0 / (1.0 + rate)))
        # SciPy's function is not finite for a whole-number alpha and a large beta; there the sum is computed directly.
        for index in np.argwhere(~np.isfinite(closed)):
            closed[tuple(index)] = self._summed_derl(float(n[tuple(index)]), rate)
        return closed

    def _summed_derl(self, renewal: float, rate: float) -> float:
        months = np.arange(int(np.ceil(40.0 / np.log1p(rate))), dtype=np.float64)
        return float((self.conditional_survival(renewal - 1.0, months + 1.0) * (1.0 + rate) ** -months).sum())


def checked_exposures(exposures: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """Tenure, customers at risk and customers lost, one entry per tenure with anyone at risk.

    Raises:
        ValueError: a column is missing, or the counts are empty, null or inconsistent.
    """
    missing = [column for column in EXPOSURE_COLUMNS if column not in exposures]
    if missing:
        raise ValueError(f"exposures lack the columns {missing}; found {list(exposures.columns)}")
    counts = exposures.loc[:, list(EXPOSURE_COLUMNS)].astype(np.float64)
    if counts.isna().to_numpy().any():
        raise ValueError("exposures hold nulls")
    counts = counts.groupby("tenure", as_index=False).sum()
    counts = counts[(counts["at_risk"] != 0) | (counts["churned"] != 0)]
    if counts.empty:
        raise ValueError("exposures hold no customer at risk")
    if (counts["tenure"] < 1).any():
        raise ValueError(f"tenure counts from 1, the first period at risk; found {counts['tenure'].min()}")
    if ((counts["churned"] < 0) | (counts["churned"] > counts["at_risk"])).any():
        worst = counts.loc[(counts["churned"] < 0) | (counts["churned"] > counts["at_risk"]), "tenure"].iloc[0]
        raise ValueError(f"churned must lie between 0 and at_risk; it does not at tenure {worst}")
    tenure, at_risk, churned = (counts[column].to_numpy() for column in EXPOSURE_COLUMNS)
    return tenure, at_risk, churned
