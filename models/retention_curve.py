"""One cohort's hazard by tenure: the model that its own exposures speak for, or a curve borrowed from above."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import xlog1py, xlogy

from models.beta_discrete_weibull import BetaDiscreteWeibull, log_survival
from models.retention_cohorts import Cohort, Exposures
from models.shifted_beta_geometric import Floats, RetentionFitError, ShiftedBetaGeometric, hazard_of

RetentionModel = Literal["constant", "shifted_beta_geometric", "beta_discrete_weibull", "none"]


@dataclass(frozen=True)
class RetentionCurve:
    """A hazard by tenure and the cohort it was fitted on.

    Attributes:
        source: the cohort whose exposures it was fitted on.
        model: which family; ``none`` where nobody was ever at risk, and every hazard is NaN.
        alpha, beta: of the beta distribution of churn probabilities (gamma and delta of a beta-discrete-Weibull);
            NaN where the hazard is constant.
        shape: c of the beta-discrete-Weibull, 1 for a shifted-beta-geometric, else NaN.
        constant: the hazard where it is constant, else NaN.
    """

    source: Cohort
    model: RetentionModel
    alpha: float = np.nan
    beta: float = np.nan
    shape: float = np.nan
    constant: float = np.nan

    def hazard(self, tenure: Floats) -> Floats:
        """Probability to churn in month ``tenure`` (1 is the first) of customers open at its start."""
        if self.model == "beta_discrete_weibull":
            ends = (log_survival(self.alpha, self.beta, self.shape, end) for end in (tenure, tenure - 1.0))
            return -np.expm1(next(ends) - next(ends))
        return hazard_of(self.alpha, self.beta, self.constant, tenure)

    def expected_churned(self, observed: Exposures) -> float:
        """Churn events that the curve expects of these exposures."""
        return float((observed.at_risk * self.hazard(observed.tenure)).sum())

    def log_likelihood(self, observed: Exposures) -> float:
        """Of these exposures, binomial coefficients left out."""
        hazard = self.hazard(observed.tenure)
        return float((xlogy(observed.churned, hazard) + xlog1py(observed.at_risk - observed.churned, -hazard)).sum())


def fit_curve(cohort: Cohort, observed: Exposures, above: RetentionCurve | None, min_churned: int) -> RetentionCurve:
    """Fit the curve of a cohort, or return the one ``above`` it where the cohort alone knows too little.

    A shifted-beta-geometric is not held against a constant hazard for its extra parameter: at 30 churn events the
    slope is seldom significant, yet taking a falling hazard for a constant one loses a fifth of the future value.
    The beta-discrete-Weibull takes its place where Akaike's criterion (1974) says that its own extra parameter is
    worth it. The constant counts half an event more than was seen (Jeffreys): a cohort without churn so far is loyal,
    not immortal.
    """
    months, churned = observed.at_risk.sum(), observed.churned.sum()
    if above is not None and max(churned, above.expected_churned(observed)) < min_churned:
        return above
    if months == 0:
        return RetentionCurve(cohort, "none")
    constant = RetentionCurve(cohort, "constant", constant=float((churned + 0.5) / (months + 1.0)))
    if churned < min_churned:
        return constant  # enough months to know the level, too few events to know a slope
    exposures = pd.DataFrame({"tenure": observed.tenure, "at_risk": observed.at_risk, "churned": observed.churned})
    try:
        falling = ShiftedBetaGeometric().fit(exposures)
    except RetentionFitError:
        return above or constant
    best = constant
    if falling.status_ == "fitted":
        best = RetentionCurve(cohort, "shifted_beta_geometric", falling.alpha_, falling.beta_, shape=1.0)
    try:
        flexible = BetaDiscreteWeibull().fit(exposures)
    except RetentionFitError:
        return best
    if aic(flexible.log_likelihood_, flexible.parameter_count_) < aic(
        falling.log_likelihood_, falling.parameter_count_
    ):
        return RetentionCurve(cohort, "beta_discrete_weibull", flexible.gamma_, flexible.delta_, shape=flexible.shape_)
    return best


def one_for_all(cohort: Cohort, observed: Exposures, model: str) -> RetentionCurve:
    """A curve of the named kind on these exposures: ``sbg_alone``, where it can be fitted, else a constant hazard."""
    months, churned = observed.at_risk.sum(), observed.churned.sum()
    if model == "sbg_alone":
        counts = {"tenure": observed.tenure, "at_risk": observed.at_risk, "churned": observed.churned}
        try:
            alone = ShiftedBetaGeometric().fit(pd.DataFrame(counts))
        except RetentionFitError:
            pass
        else:
            if alone.status_ == "fitted":
                return RetentionCurve(cohort, "shifted_beta_geometric", alone.alpha_, alone.beta_, shape=1.0)
    return RetentionCurve(cohort, "constant", constant=float((churned + 0.5) / (months + 1.0)))


def aic(log_likelihood: float, parameter_count: int) -> float:
    """Akaike's information criterion; the smaller, the better."""
    return 2.0 * parameter_count - 2.0 * log_likelihood
