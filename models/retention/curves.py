"""Retention curves for every cohort of customers, with pooling if a cohort alone has too few data.

A cohort is a market segment, a product and a term, once while the commitment lasts and once free of it: leaving
before its end costs money, so the two hazards have nothing in common. A cohort with too few churn events borrows the
curve of the group above it, at a level of its own (``models.retention.curve``): segments from their market, a market
from all customers. A market's level is estimated from its committed and free customers together before each gets its
own: among a few dozen wholesale customers neither group has enough churn to estimate it alone. Commitments that end
may be renewed (``commitment_renewal``). If the data show them, there are peaks of churn in the last month of a
commitment (``last_month``) and in the months after it (``term_end``).
"""

from collections.abc import Hashable
from dataclasses import replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from models.retention.cohorts import (
    ALL,
    CUSTOMER_COLUMNS,
    MARKET_LEVEL,
    POOLING_LEVELS,
    Cohort,
    Exposures,
    cohort_names,
    cohorts_at,
    committed_month_ends,
    parent_of,
    typed_exposures,
)
from models.retention.commitment_renewal import RENEWAL_COLUMNS, CommitmentRenewals
from models.retention.curve import RetentionCurve, fit_curve, level_of, one_for_all, own_curve
from models.retention.evidence import curves_frame, parameters_frame
from models.retention.last_month import LastCommittedMonth
from models.retention.parameters import RetentionParameters
from models.retention.shifted_beta_geometric import Floats, RetentionFitError, ShiftedBetaGeometric
from models.retention.term_end import TermEnd

__all__ = ["RetentionCurves", "RetentionFitError", "ShiftedBetaGeometric"]

_NO_WEIGHT = 2.0**-30


class RetentionCurves(BaseEstimator):
    """One monthly hazard curve per cohort, fitted top down along ``POOLING_LEVELS``.

    Each cohort has the model that its own exposures support (``models.retention.curve``). Without any exposures every
    hazard is NaN, so that values derived from it are null instead of invented.

    Attributes:
        curves_: the curve that each cohort uses, its own or one from above.
        exposures_: the exposures observed for each cohort.
        renewals_: how often commitments are renewed.
        last_month_: the peak of churn in the last month of commitments.
        term_end_: the peak of churn after commitments.
    """

    # What a hazard depends on: customers equal in these have the same future, which is computed once.
    key_columns = (
        *CUSTOMER_COLUMNS,
        "spell_months",
        "committed_month_ends",
    )

    curves_: dict[Cohort, RetentionCurve]
    exposures_: dict[Cohort, Exposures]

    def __init__(self, parameters: RetentionParameters | None = None) -> None:
        """Args: parameters: None for the defaults."""
        self.parameters = parameters

    def fit(self, exposures: pd.DataFrame, y: None = None, commitment_ends: pd.DataFrame | None = None) -> Self:
        """Fit on ``features.retention_exposures`` of one as-of date.

        Args:
            exposures: one row per cohort and ``spell_months``, the value that the customers at risk had at the previous
                month end; ``customers_at_risk``, ``customers_churned``.
            y: ignored, for scikit-learn.
            commitment_ends: as for ``CommitmentRenewals.fit``; without any, nobody renews.
        """
        parameters = self.parameters or RetentionParameters()
        frame = typed_exposures(exposures, parameters.first_spell_months)
        self.first_spell_months_ = parameters.first_spell_months
        ends = pd.DataFrame(columns=list(RENEWAL_COLUMNS)) if commitment_ends is None else commitment_ends
        self.renewals_ = CommitmentRenewals(parameters.prior_renewals).fit(ends)
        # One thread: an optimizer with three parameters spends five sixths of its time waiting for a second one.
        fit_own = _OwnCurves()
        with threadpool_limits(limits=1):
            self._fit_curves(frame, parameters, fit_own)
            seen = self.exposures_
            frame = self._fit_last_month(frame, parameters, fit_own)
            self._fit_term_end(frame, parameters, fit_own)
        self.exposures_ = seen
        return self

    def _fit_curves(self, frame: pd.DataFrame, parameters: RetentionParameters, fit_own: "_OwnCurves") -> None:
        self.curves_, self.exposures_ = {}, {}
        for level in POOLING_LEVELS:
            seen = cohorts_at(frame, level)
            is_market, prior = level == MARKET_LEVEL, parameters.prior_churned_of_market
            levels = self._levels_of_markets(seen, prior) if is_market else {}
            for cohort, observed in seen:
                self.exposures_[cohort] = observed
                above = parent_of(cohort) if level else None
                if above and np.isclose(observed.at_risk.sum(), self.exposures_[above].at_risk.sum(), rtol=1e-8):
                    self.curves_[cohort] = self.curves_[above]  # it is the whole group: nothing to add
                    continue
                borrowed = self.curves_[above].at_level(levels.get(cohort[0], 1.0), observed) if above else None
                # Once a market has a level, its committed and free customers differ from it as cohorts do.
                weight = prior if is_market and cohort[0] not in levels else parameters.prior_churned
                self.curves_[cohort] = fit_curve(cohort, observed, borrowed, parameters.min_churned, weight, fit_own)

    def _fit_last_month(
        self, frame: pd.DataFrame, parameters: RetentionParameters, fit_own: "_OwnCurves"
    ) -> pd.DataFrame:
        """Look for a peak of churn in the last month of commitments; if there is one, fit the curves without it.

        Those months keep a negligible weight, so that a cohort observed in no other months is not lost.

        Returns:
            The exposures that the curves were fitted on.
        """
        self.last_month_ = LastCommittedMonth(self.renewals_.terms_, parameters.prior_renewals)
        last = frame[frame["is_committed"]]
        last = last[self.last_month_.is_last(last["retention_term"], last["tenure"].to_numpy())]
        if not self.last_month_.fit(last, self._hazards_of(last, True)).hazards_:
            return frame
        without = _without(frame, last)
        self._fit_curves(without, parameters, fit_own)
        return without

    def _fit_term_end(self, frame: pd.DataFrame, parameters: RetentionParameters, fit_own: "_OwnCurves") -> None:
        """Look for a peak of churn after commitments; if there is one, fit the curves again without its months.

        As evidence, their customers at risk are multiplied by the ratio, since a hazard ``ratio`` times as high loses
        as many customers as ``ratio`` times as many at risk.
        """
        self.term_end_ = TermEnd(self.renewals_.terms_, parameters.term_end_months)
        after = frame[~frame["is_committed"]]
        after = after[self.term_end_.is_after_term(after["retention_term"], after["tenure"].to_numpy())]
        if self._bump(after, parameters).ratio != 1.0:
            self._fit_curves(_without(frame, after), parameters, fit_own)
            self.term_end_ = self._bump(after, parameters)
            frame = frame.copy()
            frame.loc[after.index, "at_risk"] *= self.term_end_.ratio
        self._weighed = {name: each for level in POOLING_LEVELS for name, each in cohorts_at(frame, level)}

    def _bump(self, after: pd.DataFrame, parameters: RetentionParameters) -> TermEnd:
        """Fit the peak to customers at risk in the months after their commitment, relative to the curves."""
        if after.empty:
            return self.term_end_
        expected = after["at_risk"].to_numpy() @ self._hazards_of(after, False)
        return self.term_end_.fit(float(expected), float(after["churned"].sum()), parameters.prior_churned)

    def _levels_of_markets(self, seen: list[tuple[Cohort, Exposures]], prior_churned: float) -> dict[Hashable, float]:
        """Each market's churn, committed and free together, relative to the prediction of the curves of all customers.

        A market that is entirely committed or entirely free is left out, as there is nothing to combine.
        """
        counts = pd.DataFrame(
            [
                (cohort[0], observed.churned.sum(), self.curves_[parent_of(cohort)].expected_churned(observed))
                for cohort, observed in seen
            ],
            columns=["market", "churned", "expected"],
        ).groupby("market")
        sums = counts.sum()[counts.size() > 1]
        levels = level_of(sums["churned"].to_numpy(), sums["expected"].to_numpy(), prior_churned)
        return dict(zip(sums.index, levels.tolist(), strict=True))

    def use_one_for_all(self, model: str) -> None:
        """Give every cohort the same curve, constant or shifted-beta-geometric, fitted on all customers together."""
        check_is_fitted(self)
        curve = one_for_all(ALL, self.exposures_[ALL], model)
        self.curves_ = dict.fromkeys(self.curves_, curve)
        self._forget_peaks()

    def assume(self, monthly_rate: float) -> None:
        """Give every cohort the same given hazard, whatever was observed."""
        check_is_fitted(self)
        curve = RetentionCurve(ALL, "constant", constant=monthly_rate, level_variance=0.0)
        self.curves_ = dict.fromkeys(self.curves_, curve)
        self._forget_peaks()

    def _forget_peaks(self) -> None:
        self.term_end_, self._weighed = replace(self.term_end_, ratio=1.0), self.exposures_
        self.last_month_.forget()

    def hazard(self, customers: pd.DataFrame, months: int) -> Floats:
        """Probability to churn in each of the coming ``months``, given open at the start of the month.

        While t <= committed_month_ends the committed curve of the cohort applies, then a mixture of it for customers
        who renew and of the free curve for the others, both at the tenure of that month. A peak of churn raises the
        committed hazard of the last month of a commitment (``last_month``), or the free curve after it (``term_end``).

        Args:
            customers: open customers with the columns ``key_columns``; one row per customer or distinct key.
            months: number of months ahead.

        Returns:
            Array (rows of ``customers``, months); column 0 is the first future month.
        """
        check_is_fitted(self)
        spell_months = customers["spell_months"].to_numpy(dtype=np.float64, na_value=np.nan)
        if np.isnan(spell_months).any():
            raise ValueError(f"{int(np.isnan(spell_months).sum())} open customers have no spell_months")
        if (spell_months < self.first_spell_months_).any():
            raise ValueError(f"spell_months below first_spell_months = {self.first_spell_months_}")
        if customers.empty:
            return np.empty((0, months))
        tenure = spell_months[:, None].astype(np.int64) - self.first_spell_months_ + np.arange(1, months + 1)
        committed, free = (self._hazards_at(customers, is_committed, tenure) for is_committed in (True, False))
        left = committed_month_ends(customers)
        committed = self.last_month_.raise_committed(committed, customers, left)
        free = self.term_end_.raise_free(free, cohort_names(customers)["retention_term"], tenure, left)
        return self.renewals_.hazard(customers, left, committed, free)

    def level_variance(self, customers: pd.DataFrame) -> Floats:
        """Relative variance of the level of each customer's hazard, one entry per row of ``customers``.

        That of the free curve, because most of the future is spent free. A cohort never seen may differ from the group
        above it as much as cohorts usually do.
        """
        check_is_fitted(self)
        grouped = cohort_names(customers).groupby(list(CUSTOMER_COLUMNS), sort=False)
        unseen = 1.0 / (self.parameters or RetentionParameters()).prior_churned
        variance = []
        for name, _ in grouped:
            cohort = (*name, False)
            variance.append(self._nearest(cohort).level_variance + (0.0 if cohort in self.curves_ else unseen))
        return np.array(variance, dtype=np.float64)[grouped.ngroup().to_numpy()]

    def cohort_labels(self, customers: pd.DataFrame) -> pd.Series:
        """The current cohort of each customer, named as in ``parameters_frame``."""
        names = cohort_names(customers)
        is_committed = pd.Series(committed_month_ends(customers) > 0, index=customers.index)
        state = is_committed.map({True: "committed", False: "free"})
        market, segment, product, term = (names[column] for column in CUSTOMER_COLUMNS)
        return market + "/" + segment + "/" + product + "/" + term + "/" + state

    def parameters_frame(self) -> pd.DataFrame:
        """Evidence, one row per cohort and one per group that lends its curve (``models.retention.evidence``)."""
        check_is_fitted(self)
        parts = self.curves_, self.exposures_, self._weighed, self.last_month_.evidence_
        return parameters_frame(*parts, self.renewals_)

    def curves_frame(self) -> pd.DataFrame:
        """The curves with the data behind them, one row per cohort of ``parameters_frame`` and month of tenure."""
        check_is_fitted(self)
        months = (self.parameters or RetentionParameters()).published_months
        return curves_frame(self.curves_, self.exposures_, self.last_month_, self.term_end_, months)

    def _hazards_of(self, exposures: pd.DataFrame, is_committed: bool) -> Floats:
        """Hazard by the curves of each row of exposures."""
        if exposures.empty:
            return np.empty(0)
        return self._hazards_at(exposures, is_committed, exposures["tenure"].to_numpy(dtype=np.int64)[:, None])[:, 0]

    def _hazards_at(self, customers: pd.DataFrame, is_committed: bool, tenure: NDArray[np.int64]) -> Floats:
        """Hazards at a matrix of tenures under the curve that each row follows, committed or free."""
        grouped = cohort_names(customers).groupby(list(CUSTOMER_COLUMNS), sort=False)
        curves = [self._nearest((*name, is_committed)) for name, _ in grouped]
        # Few curves, many customers: every curve is computed once, up to the longest tenure.
        by_tenure = np.stack([curve.hazard(np.arange(1.0, tenure.max() + 1.0)) for curve in curves])
        return by_tenure[grouped.ngroup().to_numpy()[:, None], tenure - 1]

    def _nearest(self, cohort: Cohort) -> RetentionCurve:
        """The curve of a cohort, or of the closest group above it that was observed."""
        while cohort not in self.curves_:
            cohort = parent_of(cohort)
        return self.curves_[cohort]


def _without(frame: pd.DataFrame, months: pd.DataFrame) -> pd.DataFrame:
    """Exposures in which some rows have a negligible weight."""
    unheard = frame.copy()
    unheard.loc[months.index, ["at_risk", "churned"]] *= _NO_WEIGHT
    return unheard


class _OwnCurves:
    """``own_curve`` cached over several fits: a cohort with unchanged exposures keeps its curve."""

    def __init__(self) -> None:
        self._fits: dict[Cohort, tuple[Exposures, tuple[RetentionCurve, int]]] = {}

    def __call__(self, cohort: Cohort, observed: Exposures, min_churned: int) -> tuple[RetentionCurve, int]:
        before = self._fits.get(cohort)
        if before is None or not before[0].equals(observed):
            before = self._fits[cohort] = (observed, own_curve(cohort, observed, min_churned))
        return before[1]
