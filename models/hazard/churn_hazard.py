"""Churn hazards from covariates for the coming months, joined to the cohort curves for the years after.

A discrete-time hazard model: gradient boosting on customer-months, each paired with 1 to ``near_months`` months ahead
(``models.hazard.pairs``). The cohort's own curve is one of its covariates, so it learns who differs from the cohort,
and commitment ends and tenure advance with the months. It is calibrated and judged on the latest months, which it was
not fitted on; if it does not beat the curves there, the curves alone are used, and the decision says why. If it beats
them by more than noise for the next month only, they are used from the second month on, because the years after are
extrapolated from its later months.

After ``near_months`` the cohort's curve takes over, times the customer's own ratio to it at the join J:

    h_t = c_t * (h_J / c_J) ** (0.5 ** ((t - J) / half_life_months)),    t > J,

so hazards are continuous at the join and differences between customers fade.
"""

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from models.hazard.covariates import COVARIATES, typical_customers
from models.hazard.evidence import QUALITY_COLUMNS
from models.hazard.near_hazard import NearHazard
from models.hazard.pairs import Pairs, make_pairs, sorted_months
from models.hazard.parameters import HazardParameters
from models.hazard.trust import COHORT_CURVES, HAZARD_MODEL, judge
from models.retention.curves import RetentionCurves
from models.retention.shifted_beta_geometric import Floats

__all__ = ["COHORT_CURVES", "HAZARD_MODEL", "ChurnHazard"]

_PRESENT = "month_number"  # null if a customer has no covariates


class ChurnHazard(BaseEstimator):
    """Hazards of the coming months; a ``models.value.customer_value.HazardModel``.

    Attributes:
        is_trusted_: whether the covariates are used; if not, every hazard is that of ``curves``.
        is_trusted_later_: whether they are also used beyond the next month.
        decision_: why, in one sentence.
        near_: the hazards from covariates, set if they could be fitted.
        typical_: typical values per cohort (``models.hazard.churn_reasons``), set likewise.
    """

    is_trusted_: bool
    is_trusted_later_: bool
    decision_: str
    near_: NearHazard
    typical_: pd.DataFrame
    _evidence: tuple[pd.DataFrame, ...]

    def __init__(self, curves: RetentionCurves, parameters: HazardParameters | None = None) -> None:
        """Args: curves: fitted on all months; parameters: None for the defaults."""
        self.curves = curves
        self.parameters = parameters

    @property
    def key_columns(self) -> tuple[str, ...]:
        """What the hazards depend on: each customer's covariates, or the cohort alone."""
        if not self.is_trusted_:
            return self.curves.key_columns
        return tuple(dict.fromkeys(("customer_id", _PRESENT, *self.curves.key_columns, *COVARIATES)))

    def fit(self, sample: pd.DataFrame, y: None = None) -> Self:
        """Fit, calibrate and judge.

        Args:
            sample: rows of ``features.customer_months_at_risk`` of one as-of date, all or a sample, with
                ``sample_weight``, the number of customer-months that each row represents.
            y: ignored, for scikit-learn.
        """
        parameters = self.parameters or HazardParameters()
        months = sorted_months(sample)
        pairs = make_pairs(months, parameters.near_months)
        self.is_trusted_, self.is_trusted_later_, self._evidence = False, False, ()
        missing = _missing(pairs, parameters)
        if missing:
            self.decision_ = f"Cohort curves: {missing}"
            return self
        is_held_out = _is_held_out(pairs, parameters)
        self.near_ = NearHazard(self.curves.parameters, parameters).fit(months, pairs.where(~is_held_out))
        self.typical_ = typical_customers(months)
        held_out = pairs.where(is_held_out)
        predictions = self.near_.predictions(months, held_out)
        self.near_.calibrate(predictions, held_out)
        trust = judge(self.near_, predictions, held_out, parameters)
        self.is_trusted_, self.is_trusted_later_ = trust.is_trusted, trust.is_trusted_later
        self.decision_, self._evidence = trust.decision, trust.evidence
        return self

    def step_back(self, reason: str) -> None:
        """Use the cohort curves regardless of the held-out months, and record why."""
        check_is_fitted(self, "is_trusted_")
        self.is_trusted_ = self.is_trusted_later_ = False
        self.decision_ = f"Cohort curves: {reason}"

    def hazard(self, customers: pd.DataFrame, months: int) -> Floats:
        """Probability to churn in each of the coming ``months``, given open at the start of the month.

        Args:
            customers: open customers with the columns ``key_columns``.
            months: number of months ahead.

        Returns:
            Array (rows of ``customers``, months); column 0 is the first future month.
        """
        check_is_fitted(self, "is_trusted_")
        expected = self.curves.hazard(customers, months)
        known = self.has_covariates(customers)
        if not known.any() or not months:
            return expected
        parameters = self.parameters or HazardParameters()
        near = min(parameters.near_months, months)
        hazard = expected[known]
        by_model = near if self.is_trusted_later_ else 1
        hazard[:, :by_model] = self.near_.hazard(customers[known], by_model)
        if months > near:
            distance = np.log(hazard[:, near - 1]) - np.log(expected[known, near - 1])
            fading = 0.5 ** (np.arange(1, months - near + 1) / parameters.half_life_months)
            hazard[:, near:] = np.minimum(hazard[:, near:] * np.exp(distance[:, None] * fading), 1.0)
        expected[known] = hazard
        return expected

    def has_covariates(self, customers: pd.DataFrame) -> NDArray[np.bool_]:
        """For which customers the covariates are used."""
        if not self.is_trusted_:
            return np.zeros(len(customers), dtype=bool)
        return customers[_PRESENT].notna().to_numpy(dtype=bool)

    def level_variance(self, customers: pd.DataFrame) -> Floats:
        """Relative variance of the level of each customer's hazard: that of its cohort's curve."""
        return self.curves.level_variance(customers)

    def cohort_labels(self, customers: pd.DataFrame) -> pd.Series:
        """Name of each customer's cohort."""
        return self.curves.cohort_labels(customers)

    def quality_frame(self) -> pd.DataFrame:
        """Evidence on the held-out months, columns ``QUALITY_COLUMNS``.

        A row with measure ``is_used`` for the model and for the curves, always; if the model could be fitted,
        ``measures`` of both and the ``importance`` of each covariate (rise of the log loss when it is shuffled).
        """
        check_is_fitted(self, "is_trusted_")
        used = pd.DataFrame(
            {
                "hazard_model": [HAZARD_MODEL, COHORT_CURVES],
                "measure": "is_used",
                "part": None,
                "value": [float(self.is_trusted_), float(not self.is_trusted_)],
            }
        )
        frame = pd.concat([used, *self._evidence], ignore_index=True)
        frame["is_used"] = (frame["hazard_model"] == HAZARD_MODEL) == self.is_trusted_
        frame["decision"] = self.decision_
        return frame.reindex(columns=list(QUALITY_COLUMNS))


def _is_held_out(pairs: Pairs, parameters: HazardParameters) -> NDArray[np.bool_]:
    return np.asarray(pairs.outcome_month > pairs.outcome_month.max() - parameters.held_out_months)


def _missing(pairs: Pairs, parameters: HazardParameters) -> str:
    """What is insufficient for fitting and judging, in one sentence; empty if nothing is."""
    outcomes = len(np.unique(pairs.outcome_month))
    if outcomes < parameters.min_history_months:
        return f"{outcomes} months with a known outcome, where {parameters.min_history_months} are needed."
    is_held_out = _is_held_out(pairs, parameters)
    churned = pairs.churned & (pairs.months_ahead == 1)
    events = [int(churned[~is_held_out].sum()), int(churned[is_held_out].sum())]
    needed = [parameters.min_churned, -(-parameters.min_churned // 2)]
    if events[0] < needed[0] or events[1] < needed[1]:
        return (
            f"{events[0]} churn events to learn from and {events[1]} to judge by, where"
            f" {needed[0]} and {needed[1]} are needed."
        )
    return ""
