"""Churn hazards from covariates for the coming months, joined with the cohorts' curves for the years after.

A discrete-time hazard model: gradient boosting on customer-months, looked at 1 to ``near_months`` months ahead
(``models.hazard_pairs``). The cohort's own curve is one of its covariates, so it learns who differs from the cohort,
and commitment ends and tenure move on with the months. It is calibrated and judged on the latest months, which it
was not fitted on; where it does not beat the curves there, the curves alone are used, and the decision says why. If
it beats them by more than noise for the next month only, they are used from the second month on: years rest on what it
says of the later months.

After ``near_months`` the cohort's curve takes over, times the customer's own ratio to it at the join:

    h_t = c_t * (h_J / c_J) ** (0.5 ** ((t - J) / half_life_months)),    t > J,

so hazards are continuous at the join and differences between customers fade.
"""

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from models.hazard_covariates import (
    COVARIATES,
    IS_CATEGORY,
    MATRIX_COLUMNS,
    Codes,
    category_codes,
    matrix,
    typical_customers,
)
from models.hazard_evidence import QUALITY_COLUMNS, Calibration, cross_calibrated, measures, z_score_of_log_loss
from models.hazard_pairs import Pairs, make_pairs, sorted_months
from models.hazard_parameters import HazardParameters
from models.retention import RetentionCurves
from models.retention_cohorts import COHORT_COLUMNS
from models.shifted_beta_geometric import Floats

HAZARD_MODEL, COHORT_CURVES = "hazard_model", "cohort_curves"
EARLY_STOPPING_SHARE = 0.15
_PRESENT = "month_number"  # null where a customer has no covariates


class ChurnHazard(BaseEstimator):
    """Hazards of the coming months; a ``models.value.HazardModel``.

    Attributes:
        is_trusted_: whether the covariates are used; if not, every hazard is that of ``curves``.
        is_trusted_later_: whether they are used beyond the next month too.
        decision_: why, in a sentence.
        codes_, classifier_, known_columns_, learned_curves_: of the model, set where it could be fitted.
        next_month_, later_months_: calibration of the next month and of those after it.
        typical_: what is usual in a cohort (``models.churn_reasons``).
    """

    is_trusted_: bool
    is_trusted_later_: bool
    decision_: str
    codes_: Codes
    classifier_: HistGradientBoostingClassifier
    known_columns_: NDArray[np.bool_]
    learned_curves_: RetentionCurves
    next_month_: Calibration
    later_months_: Calibration
    typical_: pd.DataFrame
    _evidence: list[pd.DataFrame]

    def __init__(self, curves: RetentionCurves, parameters: HazardParameters | None = None) -> None:
        """Args: curves: fitted on all months; parameters: the defaults where None."""
        self.curves = curves
        self.parameters = parameters

    @property
    def key_columns(self) -> tuple[str, ...]:
        """What the hazards depend on: everyone's own covariates, or the cohort alone."""
        if not self.is_trusted_:
            return self.curves.key_columns
        return tuple(dict.fromkeys(("customer_id", _PRESENT, *self.curves.key_columns, *COVARIATES)))

    def fit(self, sample: pd.DataFrame, y: None = None) -> Self:
        """Fit, calibrate and judge.

        Args:
            sample: rows of ``features.customer_months_at_risk`` of one as-of date, all or a sample, with
                ``sample_weight``, how many customer-months each stands for.
            y: ignored, for scikit-learn.
        """
        parameters = self.parameters or HazardParameters()
        months = sorted_months(sample)
        pairs = make_pairs(months, parameters.near_months)
        self.is_trusted_, self.is_trusted_later_, self._evidence = False, False, []
        outcomes = np.unique(pairs.outcome_month)
        if len(outcomes) < parameters.min_history_months:
            self.decision_ = (
                f"Cohort curves: {len(outcomes)} months with a known outcome, where"
                f" {parameters.min_history_months} are needed."
            )
            return self
        is_held_out = pairs.outcome_month > outcomes[-1] - parameters.held_out_months
        learned, held_out = pairs.where(~is_held_out), pairs.where(is_held_out)
        events = [int(each.churned[each.months_ahead == 1].sum()) for each in (learned, held_out)]
        needed = [parameters.min_churned, -(-parameters.min_churned // 2)]
        if events[0] < needed[0] or events[1] < needed[1]:
            self.decision_ = (
                f"Cohort curves: {events[0]} churn events to learn from and {events[1]} to judge by, where"
                f" {needed[0]} and {needed[1]} are needed."
            )
            return self
        self._fit_classifier(months, learned, parameters)
        self._judge(months, held_out, parameters)
        return self

    def step_back(self, reason: str) -> None:
        """Use the cohorts' curves whatever the held-out months say, and tell why."""
        check_is_fitted(self, "is_trusted_")
        self.is_trusted_ = self.is_trusted_later_ = False
        self.decision_ = f"Cohort curves: {reason}"

    def hazard(self, customers: pd.DataFrame, months: int) -> Floats:
        """Probability to churn in each of the coming ``months``, given open at the start of the month.

        Args:
            customers: open customers with the columns ``key_columns``.
            months: how many months ahead.

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
        hazard[:, :by_model] = self.near_hazard(customers[known], by_model)
        if months > near:
            distance = np.log(hazard[:, near - 1]) - np.log(expected[known, near - 1])
            fading = 0.5 ** (np.arange(1, months - near + 1) / parameters.half_life_months)
            hazard[:, near:] = np.minimum(hazard[:, near:] * np.exp(distance[:, None] * fading), 1.0)
        expected[known] = hazard
        return expected

    def near_hazard(self, customers: pd.DataFrame, months: int) -> Floats:
        """Hazards of the coming months by the model alone, array (rows of ``customers``, months)."""
        row = np.repeat(np.arange(len(customers)), months)
        ahead = np.tile(np.arange(1, months + 1), len(customers))
        cohort = self.learned_curves_.hazard(customers, months).ravel()
        both = (self._raw(matrix(customers.iloc[row], ahead, cohort, self.codes_)), cohort)
        hazard = np.where(ahead == 1, self.next_month_.probability(both), self.later_months_.probability(both))
        return np.asarray(hazard.reshape(len(customers), months))

    def next_month_log_odds(self, customers: pd.DataFrame) -> Floats:
        """Log-odds to churn in the next month by the model alone."""
        cohort = self.learned_curves_.hazard(customers, 1)[:, 0]
        next_month = np.ones(len(customers), dtype=np.int64)
        return self.next_month_.log_odds((self._raw(matrix(customers, next_month, cohort, self.codes_)), cohort))

    def has_covariates(self, customers: pd.DataFrame) -> NDArray[np.bool_]:
        """Of which customers the covariates are used."""
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

        A row with measure ``is_used`` for the model and for the curves, at all times; ``measures`` of both and the
        ``importance`` of each covariate (rise of the log loss when it is shuffled) where the model could be fitted.
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

    def _fit_classifier(self, months: pd.DataFrame, pairs: Pairs, parameters: HazardParameters) -> None:
        """Fit the curves and the boosting on the months before those held out; some customers say when to stop."""
        self.learned_curves_ = RetentionCurves(self.curves.parameters).fit(_exposures(months, pairs))
        self.codes_ = category_codes(months, months["sample_weight"].to_numpy(dtype=np.float64))
        self.typical_ = typical_customers(months)
        design = self._matrix_of(months, pairs)
        # The next month weighs as much as all later ones together: it is what actions are taken on.
        is_next = pairs.months_ahead == 1
        weight = pairs.weight / np.where(is_next, pairs.weight[is_next].sum(), pairs.weight[~is_next].sum())
        weight *= len(weight) / weight.sum()
        stops = pairs.fold < EARLY_STOPPING_SHARE
        # A source that is missing leaves columns without any value, which the boosting cannot bin.
        self.known_columns_ = np.asarray(~np.isnan(design[~stops]).all(axis=0))
        self.classifier_ = boosting(parameters, IS_CATEGORY[self.known_columns_])
        # One thread: two that wait for each other at every leaf take three times the time on a busy machine.
        with threadpool_limits(limits=1):
            self.classifier_.fit(
                design[~stops][:, self.known_columns_],
                pairs.churned[~stops],
                sample_weight=weight[~stops],
                X_val=design[stops][:, self.known_columns_],
                y_val=pairs.churned[stops],
                sample_weight_val=weight[stops],
            )

    def _judge(self, months: pd.DataFrame, pairs: Pairs, parameters: HazardParameters) -> None:
        """Calibrate on the held-out months, and compare with the cohorts' curves, calibrated in the same way."""
        design = self._matrix_of(months, pairs)
        model, cohort = self._raw(design), self._cohort_hazard(months, pairs)
        is_next = pairs.months_ahead == 1
        self.next_month_, self.later_months_ = (
            Calibration.fit((model[part], cohort[part]), pairs.churned[part], pairs.weight[part])
            for part in (is_next, ~is_next)
        )
        next_pairs, later_pairs = pairs.where(is_next), pairs.where(~is_next)
        judged, baseline = _judged(model[is_next], cohort[is_next], next_pairs)
        evidence = [measures(each, next_pairs) for each in (judged, baseline)]
        importance = self._importance(design[is_next], next_pairs, parameters.random_state)
        span = {
            "customer_months": round(float(next_pairs.weight.sum())),
            "first_month_number": int(next_pairs.outcome_month.min()),
            "last_month_number": int(next_pairs.outcome_month.max()),
        }
        self._evidence = [
            frame.assign(hazard_model=name, **span)
            for name, frame in zip((HAZARD_MODEL, COHORT_CURVES, HAZARD_MODEL), (*evidence, importance), strict=True)
        ]
        gain = z_score_of_log_loss(judged, baseline, next_pairs)
        later_gain = z_score_of_log_loss(*_judged(model[~is_next], cohort[~is_next], later_pairs), later_pairs)
        losses, squares = ([_measure(frame, name) for frame in evidence] for name in ("log_loss", "brier"))
        self.is_trusted_ = gain >= parameters.min_z_score and squares[0] < squares[1]
        self.is_trusted_later_ = self.is_trusted_ and later_gain >= parameters.min_z_score
        later = (
            ""
            if self.is_trusted_later_
            else " From the second month on the curves are used: there it is not better by more than noise."
        )
        self.decision_ = (
            f"{'Hazard model' if self.is_trusted_ else 'Cohort curves'}: on {parameters.held_out_months} held-out"
            f" months the model's log loss is {losses[0]:.4f} against {losses[1]:.4f} of the curves"
            f" ({gain:.1f} standard errors lower; {later_gain:.1f} for the months after the next),"
            f" its Brier score {squares[0]:.4f} against {squares[1]:.4f}.{later}"
        )

    def _importance(self, design: Floats, pairs: Pairs, random_state: int) -> pd.DataFrame:
        """Rise of the held-out log loss when the values of one covariate are shuffled among the customers."""
        cohort = 1.0 / (1.0 + np.exp(-design[:, MATRIX_COLUMNS.index("cohort_log_odds")]))
        random = np.random.default_rng(random_state)
        order = random.permutation(len(design))

        def loss(changed: Floats) -> float:
            predicted = self.next_month_.probability((self._raw(changed), cohort))
            return float(log_loss(pairs.churned, predicted, sample_weight=pairs.weight))

        intact = loss(design)
        rows = []
        for column, name in enumerate(MATRIX_COLUMNS):
            if name == "months_ahead" or not self.known_columns_[column]:
                continue
            shuffled = design.copy()
            shuffled[:, column] = design[order, column]
            rows.append(("importance", name, loss(shuffled) - intact))
        return pd.DataFrame(rows, columns=["measure", "part", "value"])

    def _matrix_of(self, months: pd.DataFrame, pairs: Pairs) -> Floats:
        return matrix(months.iloc[pairs.row], pairs.months_ahead, self._cohort_hazard(months, pairs), self.codes_)

    def _cohort_hazard(self, months: pd.DataFrame, pairs: Pairs) -> Floats:
        ahead = self.learned_curves_.hazard(months, int(pairs.months_ahead.max()))
        return np.asarray(ahead[pairs.row, pairs.months_ahead - 1])

    def _raw(self, design: Floats) -> Floats:
        with threadpool_limits(limits=1):
            return np.asarray(self.classifier_.predict_proba(design[:, self.known_columns_])[:, 1])


def boosting(parameters: HazardParameters, is_category: NDArray[np.bool_]) -> HistGradientBoostingClassifier:
    """The classifier that learns who leaves; it takes missing values as they are."""
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


def _judged(model: Floats, cohort: Floats, pairs: Pairs) -> tuple[Floats, Floats]:
    """The model's predictions and the curves', each calibrated by customers other than those it is judged on."""
    return cross_calibrated((model, cohort), pairs), cross_calibrated((cohort,), pairs)


def _measure(evidence: pd.DataFrame, name: str) -> float:
    return float(evidence.loc[(evidence["measure"] == name) & evidence["part"].isna(), "value"].iloc[0])


def _exposures(months: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """Customer-months at risk and churn of the next months alone, as ``features.retention_exposures`` has them."""
    is_next = pairs.months_ahead == 1
    rows = months.iloc[pairs.row[is_next]]
    keys = [*COHORT_COLUMNS, "spell_months"]
    counts = rows[keys].assign(
        customers_at_risk=pairs.weight[is_next], customers_churned=pairs.weight[is_next] * pairs.churned[is_next]
    )
    return counts.groupby(keys, dropna=False, as_index=False)[["customers_at_risk", "customers_churned"]].sum()
