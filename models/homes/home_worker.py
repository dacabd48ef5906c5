"""Workers at home without a business, learned from lines that an employer provides.

Positive and unlabeled again, and once more the positives say more than the rule would. An employer provides a line for
work: most who have one work at home, some do not, and most workers at home have none. Let e be that an employer
provides the line, w that its holder works at home, and suppose that e depends on traffic only through w. Then

    P(e | traffic) = r0 + (r1 - r0) P(w | traffic),

with r1 and r0 the rates of provided lines among workers and others: the model of labels wrong in both directions
(Scott, Blanchard and Handy 2013; Menon and others 2015). The left side is learned: a logistic regression on squares and
products ranks, cross-fitted, and an isotonic regression makes its ranks rates. r1 and r0 are read where only one class
is left, as Menon and others do: at the upper end of likeness, and at the lower.

*Businesses* have traffic much like it. They are taken out by weight: a customer counts as much as it is probable that
it has none. *Dayparts* must be known. By daily totals alone a student, whose weekdays are fuller than the weekend too,
lies among the workers, no end of likeness holds workers only, and r1 comes out too low: on planted truth the
probabilities were a quarter to a half too high. So there are none then. With dayparts r1 is as sure as the number of
provided lines: from 150 of them the sum of all probabilities was 0.77 to 1.04 of the truth.
"""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from models.homes.parameters import HomeBusinessParameters

TOO_FEW_PROVIDED = "Fewer than {} lines that an employer provides: nobody says what work at home looks like."
NO_DAYPARTS = "Business hours are known for too few customers, and daily totals alone would overstate work at home."
NOT_TOLD_APART = "Businesses at home cannot be told, and home workers use their lines much as they do."
NOT_ALIKE = "Lines that an employer provides are used like others."


class HomeWorkerModel(BaseEstimator):
    """The probability that a person without a business works at home.

    After ``fit``: ``refusal_`` (why nothing was learned, or None), ``rate_with_`` and ``rate_without_`` (r1 and r0).
    """

    def __init__(self, parameters: HomeBusinessParameters | None = None) -> None:
        self.parameters = parameters

    def fit(self, traffic: np.ndarray, is_provided: np.ndarray, no_business: np.ndarray) -> Self:
        """Learn from persons.

        ``traffic`` has the shape (rows, features), ``is_provided`` says whose employer provides the line, and
        ``no_business`` is the probability that there is no business; both of shape (rows,). Rows with missing traffic
        or probability are left out; without any probability home workers are not told from businesses: a refusal. An
        employer's line counts in full: it is there for the employer's business, not for one's own.
        """
        chosen = self.parameters or HomeBusinessParameters()
        known = ~np.isnan(traffic).any(axis=1) & ~np.isnan(no_business)
        traffic, provided = traffic[known], is_provided[known].astype(bool)
        weights = np.where(provided, 1.0, no_business[known])
        self.rate_with_ = self.rate_without_ = float("nan")
        self.refusal_: str | None = None
        if np.isnan(no_business).all():
            self.refusal_ = NOT_TOLD_APART
        elif known.mean() < chosen.daypart_coverage:
            self.refusal_ = NO_DAYPARTS
        elif provided.sum() < chosen.minimum_provided_lines:
            self.refusal_ = TOO_FEW_PROVIDED.format(chosen.minimum_provided_lines)
        if self.refusal_:
            return self
        likeness = np.empty(len(traffic))
        folds = StratifiedKFold(chosen.folds, shuffle=True, random_state=chosen.random_state)
        for learned, held in folds.split(traffic, provided):
            likeness[held] = _fitted(traffic[learned], provided[learned], weights[learned]).decision_function(
                traffic[held]
            )
        self.classifier_ = _fitted(traffic, provided, weights)
        self.rates_ = IsotonicRegression(out_of_bounds="clip").fit(likeness, provided, weights)
        self._fit_ends(likeness, provided, weights, chosen.pure_share)
        if self.rate_with_ <= 2 * self.rate_without_:
            self.refusal_ = NOT_ALIKE
        return self

    def _fit_ends(self, likeness: np.ndarray, provided: np.ndarray, weights: np.ndarray, pure_share: float) -> None:
        upper = likeness >= np.quantile(likeness[provided], 1 - pure_share)
        lower = likeness <= np.median(likeness)
        self.rate_with_ = float(provided[upper].sum() / weights[upper].sum())
        self.rate_without_ = float(provided[lower].sum() / weights[lower].sum())

    def predict_proba(self, traffic: np.ndarray, is_provided: np.ndarray) -> np.ndarray:
        """Return the probability of work at home, given that there is no business; shape (rows,), NaN if not known."""
        probability = np.full(len(traffic), np.nan)
        known = ~np.isnan(traffic).any(axis=1)
        if self.refusal_ or not known.any():
            return probability
        rate = self.rates_.predict(self.classifier_.decision_function(traffic[known]))
        with_, without = self.rate_with_, self.rate_without_
        by_traffic = np.clip((rate - without) / (with_ - without), 0, 1)
        # Who provides the line is known too, and is evidence of its own.
        provided = is_provided[known].astype(bool)
        inside = by_traffic * np.where(provided, with_, 1 - with_)
        outside = (1 - by_traffic) * np.where(provided, without, 1 - without)
        total = inside + outside
        probability[known] = np.divide(inside, total, out=by_traffic.copy(), where=total > 0)
        return probability


def _fitted(traffic: np.ndarray, provided: np.ndarray, weights: np.ndarray) -> Pipeline:
    pipeline = make_pipeline(
        StandardScaler(),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        LogisticRegression(max_iter=1_000),
    )
    return pipeline.fit(traffic, provided, logisticregression__sample_weight=weights)
