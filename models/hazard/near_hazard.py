"""Churn hazards of the next months from a customer's covariates: gradient boosting on pairs of months.

It is fitted on the months before the held-out ones. On the held-out months its predictions are calibrated, combined
with those of the cohort's curve, which is also a covariate: the next month separately from the later ones.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from models.hazard.covariates import IS_CATEGORY, Codes, category_codes, matrix
from models.hazard.evidence import Calibration
from models.hazard.pairs import Pairs
from models.hazard.parameters import HazardParameters
from models.retention.cohorts import COHORT_COLUMNS
from models.retention.curves import RetentionCurves
from models.retention.parameters import RetentionParameters
from models.retention.shifted_beta_geometric import Floats

EARLY_STOPPING_SHARE = 0.15


@dataclass(frozen=True)
class Predictions:
    """Predictions for pairs, before calibration.

    Attributes:
        design: the classifier's matrix, one row per pair.
        model, cohort: hazard by the classifier, and by the curves that it was fitted with.
    """

    design: Floats
    model: Floats
    cohort: Floats

    def where(self, mask: NDArray[np.bool_]) -> "Predictions":
        """Return the predictions for some of the pairs."""
        return Predictions(self.design[mask], self.model[mask], self.cohort[mask])


class NearHazard(BaseEstimator):
    """Hazards 1 to ``near_months`` months ahead.

    Attributes:
        curves_: cohort curves fitted on the same months.
        codes_: codes of the categories.
        classifier_, known_columns_: the boosting, and the matrix columns that it uses.
        next_month_, later_months_: calibration of the next month and of later ones.
    """

    curves_: RetentionCurves
    codes_: Codes
    classifier_: HistGradientBoostingClassifier
    known_columns_: NDArray[np.bool_]
    next_month_: Calibration
    later_months_: Calibration

    def __init__(self, retention: RetentionParameters | None, parameters: HazardParameters) -> None:
        """Args: retention: how the curves are fitted; parameters: how the classifier is fitted."""
        self.retention = retention
        self.parameters = parameters

    def fit(self, months: pd.DataFrame, pairs: Pairs) -> Self:
        """Fit the curves and the boosting; a share of the customers is used for early stopping.

        Args:
            months: customer-months, as returned by ``models.hazard.pairs.sorted_months``.
            pairs: pairs of these months, without those held out.
        """
        self.curves_ = RetentionCurves(self.retention).fit(_exposures(months, pairs))
        self.codes_ = category_codes(months, months["sample_weight"].to_numpy(dtype=np.float64))
        design, _ = self._design(months, pairs)
        # The next month has the same weight as all later ones together, because actions are based on it.
        is_next = pairs.months_ahead == 1
        weight = pairs.weight / np.where(is_next, pairs.weight[is_next].sum(), pairs.weight[~is_next].sum())
        weight *= len(weight) / weight.sum()
        stops = pairs.fold < EARLY_STOPPING_SHARE
        # A source that is missing leaves columns without any values, which the boosting cannot bin.
        self.known_columns_ = np.asarray(~np.isnan(design[~stops]).all(axis=0))
        self.classifier_ = boosting(self.parameters, IS_CATEGORY[self.known_columns_])
        # One thread: on a busy machine two threads that wait for each other at every leaf take three times as long.
        with threadpool_limits(limits=1):
            self.classifier_.fit(
                design[~stops][:, self.known_columns_],
                pairs.churned[~stops],
                sample_weight=weight[~stops],
                X_val=design[stops][:, self.known_columns_],
                y_val=pairs.churned[stops],
                sample_weight_val=weight[stops],
            )
        return self

    def predictions(self, months: pd.DataFrame, pairs: Pairs) -> Predictions:
        """Predictions of classifier and curves for pairs."""
        design, cohort = self._design(months, pairs)
        return Predictions(design, self.raw(design), cohort)

    def calibrate(self, held_out: Predictions, pairs: Pairs) -> None:
        """Scale and shift predictions until they agree with the outcomes of the pairs."""
        is_next = pairs.months_ahead == 1
        self.next_month_, self.later_months_ = (
            Calibration.fit((held_out.model[part], held_out.cohort[part]), pairs.churned[part], pairs.weight[part])
            for part in (is_next, ~is_next)
        )

    def hazard(self, customers: pd.DataFrame, months: int) -> Floats:
        """Calibrated hazards of the coming months, array (rows of ``customers``, months)."""
        row = np.repeat(np.arange(len(customers)), months)
        ahead = np.tile(np.arange(1, months + 1), len(customers))
        cohort = self.curves_.hazard(customers, months).ravel()
        both = (self.raw(matrix(customers.iloc[row], ahead, cohort, self.codes_)), cohort)
        hazard = np.where(ahead == 1, self.next_month_.probability(both), self.later_months_.probability(both))
        return np.asarray(hazard.reshape(len(customers), months))

    def next_month_log_odds(self, customers: pd.DataFrame) -> Floats:
        """Calibrated log-odds to churn in the next month."""
        cohort = self.curves_.hazard(customers, 1)[:, 0]
        next_month = np.ones(len(customers), dtype=np.int64)
        return self.next_month_.log_odds((self.raw(matrix(customers, next_month, cohort, self.codes_)), cohort))

    def raw(self, design: Floats) -> Floats:
        """Hazard by the classifier alone."""
        with threadpool_limits(limits=1):
            return np.asarray(self.classifier_.predict_proba(design[:, self.known_columns_])[:, 1])

    def _design(self, months: pd.DataFrame, pairs: Pairs) -> tuple[Floats, Floats]:
        ahead = self.curves_.hazard(months, int(pairs.months_ahead.max()))
        cohort = np.asarray(ahead[pairs.row, pairs.months_ahead - 1])
        return matrix(months.iloc[pairs.row], pairs.months_ahead, cohort, self.codes_), cohort


def boosting(parameters: HazardParameters, is_category: NDArray[np.bool_]) -> HistGradientBoostingClassifier:
    """The classifier of who leaves; it accepts missing values."""
    return HistGradientBoostingClassifier(
        max_iter=parameters.max_iterations,
        learning_rate=parameters.learning_rate,
        max_leaf_nodes=parameters.leaves,
        min_samples_leaf=parameters.min_samples_leaf,
        l2_regularization=1.0,
        categorical_features=is_category,
        early_stopping=True,
        n_iter_no_change=10,
        random_state=parameters.random_state,
    )


def _exposures(months: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """Customer-months at risk and churn, next months only, in the layout of ``features.retention_exposures``."""
    is_next = pairs.months_ahead == 1
    rows = months.iloc[pairs.row[is_next]]
    keys = [*COHORT_COLUMNS, "spell_months"]
    counts = rows[keys].assign(
        customers_at_risk=pairs.weight[is_next], customers_churned=pairs.weight[is_next] * pairs.churned[is_next]
    )
    return counts.groupby(keys, dropna=False, as_index=False)[["customers_at_risk", "customers_churned"]].sum()
