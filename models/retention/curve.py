"""One cohort's hazard by tenure: the model supported by its own exposures, or a curve borrowed from above."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import xlog1py, xlogy

from models.retention.beta_discrete_weibull import BetaDiscreteWeibull, log_survival
from models.retention.cohorts import Cohort, Exposures
from models.retention.shifted_beta_geometric import Floats, RetentionFitError, ShiftedBetaGeometric, hazard_of

# Changing beta by a factor e^6 changes the hazard by a factor of about 400: no cohort differs more than that.
_MOST_LOG_FACTOR = 6.0

RetentionModel = Literal["constant", "shifted_beta_geometric", "beta_discrete_weibull", "none"]


@dataclass(frozen=True)
class RetentionCurve:
    """A hazard by tenure and the cohort it was fitted on.

    Attributes:
        source: the cohort whose exposures it was fitted on.
        model: the family; ``none`` if nobody was ever at risk, so that every hazard is NaN.
        alpha, beta: of the beta distribution of churn probabilities (gamma and delta of a beta-discrete-Weibull);
            NaN if the hazard is constant.
        shape: c of the beta-discrete-Weibull, 1 for a shifted-beta-geometric, else NaN.
        constant: the hazard if it is constant, else NaN.
        level: factor on the hazards if no change of beta can set their level (on the scale of cumulative hazards, so
            that they stay probabilities); else 1.
        level_variance: relative variance of the level: 1 / n for n churn events, by the delta method.
    """

    source: Cohort
    model: RetentionModel
    alpha: float = np.nan
    beta: float = np.nan
    shape: float = np.nan
    constant: float = np.nan
    level: float = 1.0
    level_variance: float = np.inf

    def hazard(self, tenure: Floats) -> Floats:
        """Probability to churn in month ``tenure`` (1 is the first) of customers open at its start."""
        if self.model == "beta_discrete_weibull":
            ends = (log_survival(self.alpha, self.beta, self.shape, end) for end in (tenure, tenure - 1.0))
            return -np.expm1(self.level * (next(ends) - next(ends)))
        hazard = hazard_of(self.alpha, self.beta, self.constant, tenure)
        if self.level == 1.0:
            return hazard
        with np.errstate(divide="ignore"):  # a hazard of 1 stays 1
            return -np.expm1(self.level * np.log1p(-hazard))

    def expected_churned(self, observed: Exposures) -> float:
        """Churn events that the curve predicts for these exposures."""
        return float((observed.at_risk * self.hazard(observed.tenure)).sum())

    def at_level(self, level: float, observed: Exposures) -> "RetentionCurve":
        """Return a curve of a cohort with ``level`` times the churn events that this one predicts in these exposures.

        Alpha is kept and beta changed: cohorts that differ in loyalty differ more in the mean of their churn
        probabilities than in the shape of the distribution (alpha 0.704 and 0.668, beta 1.182 and 3.806 in the two
        cohorts of Fader & Hardie 2007). So the hazard of a loyal cohort falls more slowly. Multiplied hazards would
        fall as steeply as those of the group, which overstates a distant future; hazards are multiplied only if there
        is no beta, or none reaches the level.
        """
        if level == 1.0:
            return self
        if not np.isnan(self.alpha) and self.level == 1.0:
            wanted = level * self.expected_churned(observed)

            def surplus(log_factor: float) -> float:
                return replace(self, beta=self.beta * np.exp(log_factor)).expected_churned(observed) - wanted

            if surplus(-_MOST_LOG_FACTOR) > 0 > surplus(_MOST_LOG_FACTOR):
                log_factor = brentq(surplus, -_MOST_LOG_FACTOR, _MOST_LOG_FACTOR, xtol=1e-9)
                return replace(self, beta=float(self.beta * np.exp(log_factor)))
        return replace(self, level=self.level * level)

    def log_likelihood(self, observed: Exposures) -> float:
        """Log-likelihood of these exposures, without binomial coefficients."""
        hazard = self.hazard(observed.tenure)
        return float((xlogy(observed.churned, hazard) + xlog1py(observed.at_risk - observed.churned, -hazard)).sum())


def fit_curve(
    cohort: Cohort,
    observed: Exposures,
    above: RetentionCurve | None,
    min_churned: int,
    prior_churned: float,
    fit_own: Callable[[Cohort, Exposures, int], tuple[RetentionCurve, int]],
) -> RetentionCurve:
    """Fit the curve of a cohort: its own, or the curve ``above`` at the cohort's own level.

    A cohort with few churn events uses the curve above it, at the level given by ``level_of``, so that a small loyal
    cohort does not inherit the churn of its neighbors, nor two lucky years count as immortality. From ``min_churned``
    events on, its own curve is used if Akaike's criterion (1974) says that its parameters are worth it, and always if
    the group above mixes committed and free customers, whose curves have nothing in common. ``fit_own`` is
    ``own_curve``, or returns its earlier results.
    """
    months, churned = observed.at_risk.sum(), observed.churned.sum()
    if above is None:
        return RetentionCurve(cohort, "none") if months == 0 else fit_own(cohort, observed, min_churned)[0]
    level = float(level_of(churned, np.asarray(above.expected_churned(observed)), prior_churned))
    variance = above.level_variance + 1.0 / (churned + prior_churned)
    borrowed = replace(above.at_level(level, observed), level_variance=variance)
    if churned < min_churned or not np.isfinite(level):
        return borrowed
    own, parameters = fit_own(cohort, observed, min_churned)
    if above.source[-1] != cohort[-1]:
        return own
    is_worth_it = aic(own.log_likelihood(observed), parameters) < aic(borrowed.log_likelihood(observed), 1)
    return own if is_worth_it else borrowed


def level_of(churned: Floats, expected: Floats, prior_churned: float) -> Floats:
    """The level of each group's hazard relative to that of the group above it.

        (observed churn events + prior_churned) / (churn events predicted by the curve above + prior_churned),

    the mean of a gamma posterior: Poisson counts whose levels differ between groups by 1 / sqrt(prior_churned)
    (Clayton & Kaldor 1987; credibility in insurance).
    """
    return (churned + prior_churned) / (expected + prior_churned)


def own_curve(cohort: Cohort, observed: Exposures, min_churned: int) -> tuple[RetentionCurve, int]:
    """The model that a cohort's exposures alone support, and how many parameters were fitted.

    A shifted-beta-geometric need not beat a constant hazard to justify its extra parameter: with 30 churn events the
    slope is seldom significant, yet treating a falling hazard as constant loses a fifth of the future value. A constant
    that it converges to is its limit, so it counts as many parameters. The beta-discrete-Weibull replaces it if
    Akaike's criterion says so. The constant counts half an event more than observed (Jeffreys): a base without churn so
    far is loyal, not immortal.
    """
    months, churned = observed.at_risk.sum(), observed.churned.sum()
    known = 1.0 / (churned + 0.5)
    constant = RetentionCurve(
        cohort, "constant", constant=float((churned + 0.5) / (months + 1.0)), level_variance=known
    )
    if churned < min_churned:
        return constant, 1  # enough months to estimate the level, too few events to estimate a slope
    exposures = pd.DataFrame({"tenure": observed.tenure, "at_risk": observed.at_risk, "churned": observed.churned})
    try:
        falling = ShiftedBetaGeometric().fit(exposures)
    except RetentionFitError:
        return constant, 2
    best = constant
    if falling.status_ == "fitted":
        best = RetentionCurve(
            cohort, "shifted_beta_geometric", falling.alpha_, falling.beta_, shape=1.0, level_variance=known
        )
    try:
        flexible = BetaDiscreteWeibull().fit(exposures, simpler=falling)
    except RetentionFitError:
        return best, 2
    if aic(flexible.log_likelihood_, flexible.parameter_count_) < aic(
        falling.log_likelihood_, falling.parameter_count_
    ):
        weibull = (flexible.gamma_, flexible.delta_)
        best = RetentionCurve(cohort, "beta_discrete_weibull", *weibull, shape=flexible.shape_, level_variance=known)
        return best, flexible.parameter_count_
    return best, 2


def one_for_all(cohort: Cohort, observed: Exposures, model: str) -> RetentionCurve:
    """A curve of the named kind on these exposures: ``sbg_alone`` if it can be fitted, else a constant hazard."""
    months, churned = observed.at_risk.sum(), observed.churned.sum()
    known = 1.0 / (churned + 0.5)
    if model == "sbg_alone":
        counts = {"tenure": observed.tenure, "at_risk": observed.at_risk, "churned": observed.churned}
        try:
            alone = ShiftedBetaGeometric().fit(pd.DataFrame(counts))
        except RetentionFitError:
            pass
        else:
            if alone.status_ == "fitted":
                parameters = (alone.alpha_, alone.beta_)
                return RetentionCurve(cohort, "shifted_beta_geometric", *parameters, shape=1.0, level_variance=known)
    return RetentionCurve(cohort, "constant", constant=float((churned + 0.5) / (months + 1.0)), level_variance=known)


def aic(log_likelihood: float, parameter_count: int) -> float:
    """Akaike's information criterion; smaller is better."""
    return 2.0 * parameter_count - 2.0 * log_likelihood
