"""Retention curves for every cohort of customers, with pooling where a cohort alone knows too little.

A cohort is a market segment, a product and a term, once while the commitment lasts and once free of it: leaving
before its end costs money, so the two hazards have nothing in common. A cohort with too few churn events
borrows the curve of the group above it, at a level of its own (``models.retention_curve``): segments from their market,
a market from all customers. A market's level is told by its committed and its free together before each has its own:
of a few dozen wholesale customers neither loses enough to tell it alone. Commitments that end may be renewed
(``models.commitment_renewal``).
"""

from collections.abc import Hashable
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from models.commitment_renewal import RENEWAL_COLUMNS, SHARE_COLUMNS, CommitmentRenewals
from models.retention_cohorts import (
    ALL,
    CUSTOMER_COLUMNS,
    MARKET_LEVEL,
    POOLING_LEVELS,
    Cohort,
    Exposures,
    cohort_names,
    cohorts_at,
    commitment_months_left,
    label_of,
    parent_of,
    typed_exposures,
)
from models.retention_curve import RetentionCurve, fit_curve, level_of, one_for_all
from models.retention_parameters import RetentionParameters
from models.shifted_beta_geometric import Floats, RetentionFitError, ShiftedBetaGeometric

__all__ = ["RetentionCurves", "RetentionFitError", "ShiftedBetaGeometric"]

PARAMETERS_COLUMNS = (
    "retention_cohort",
    "pooled_from",
    "retention_model",
    "alpha",
    "beta",
    "shape",
    "level",
    "log_likelihood",
    "customer_months",
    "churned",
    "observed_hazard",
    "fitted_hazard",
    *SHARE_COLUMNS,
)
CURVE_COLUMNS = (
    "retention_cohort",
    "tenure_months",
    "customers_at_risk",
    "customers_churned",
    "observed_hazard",
    "observed_survival",
    "fitted_hazard",
    "fitted_survival",
)


class RetentionCurves(BaseEstimator):
    """One monthly hazard curve a cohort, fitted top down along ``POOLING_LEVELS``.

    Each cohort has the model that its own exposures speak for (``models.retention_curve``). With no exposures at
    all every hazard is NaN, so that later values are null, not made up.

    Attributes:
        curves_: cohort to the curve that it uses, its own or one from above.
        exposures_: cohort to what was observed of it.
    """

    # What a hazard depends on: customers alike in these have the same future, computed once.
    key_columns = (
        *CUSTOMER_COLUMNS,
        "spell_months",
        "commitment_months_left",
    )

    curves_: dict[Cohort, RetentionCurve]
    exposures_: dict[Cohort, Exposures]

    def __init__(self, parameters: RetentionParameters | None = None) -> None:
        """Args: parameters: the defaults where None."""
        self.parameters = parameters

    def fit(self, exposures: pd.DataFrame, y: None = None, commitment_ends: pd.DataFrame | None = None) -> Self:
        """Fit on ``features.retention_exposures`` of one as-of date.

        Args:
            exposures: one row a cohort and ``spell_months``, the value that the customers at risk had at
                the month end before; ``customers_at_risk``, ``customers_churned``.
            y: ignored, for scikit-learn.
            commitment_ends: as ``CommitmentRenewals.fit`` takes them; without any, nobody commits again.
        """
        parameters = self.parameters or RetentionParameters()
        frame = typed_exposures(exposures, parameters.first_spell_months)
        self.first_spell_months_ = parameters.first_spell_months
        self.curves_, self.exposures_ = {}, {}
        # One thread: an optimiser of three parameters spends five sixths of its time waiting for a second one.
        with threadpool_limits(limits=1):
            for level in POOLING_LEVELS:
                seen = cohorts_at(frame, level)
                is_market, prior = level == MARKET_LEVEL, parameters.prior_churned_of_market
                levels = self._levels_of_markets(seen, prior) if is_market else {}
                for cohort, observed in seen:
                    self.exposures_[cohort] = observed
                    above = parent_of(cohort) if level else None
                    if above and observed.at_risk.sum() == self.exposures_[above].at_risk.sum():
                        self.curves_[cohort] = self.curves_[above]  # it is all of the group: nothing more to learn
                        continue
                    borrowed = self.curves_[above].at_level(levels.get(cohort[0], 1.0), observed) if above else None
                    # Of a market with a level already, committed and free differ from it as cohorts do.
                    weight = prior if is_market and cohort[0] not in levels else parameters.prior_churned
                    self.curves_[cohort] = fit_curve(cohort, observed, borrowed, parameters.min_churned, weight)
        ends = pd.DataFrame(columns=list(RENEWAL_COLUMNS)) if commitment_ends is None else commitment_ends
        self.renewals_ = CommitmentRenewals(parameters.prior_renewals).fit(ends)
        return self

    def _levels_of_markets(self, seen: list[tuple[Cohort, Exposures]], prior_churned: float) -> dict[Hashable, float]:
        """What each market loses, committed and free together, over what the curves of all customers expect of it.

        Of a market that is all committed or all free there is nothing to put together.
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
        """Give every cohort one and the same curve: a rate, or a shifted-beta-geometric, of all customers together."""
        check_is_fitted(self)
        curve = one_for_all(ALL, self.exposures_[ALL], model)
        self.curves_ = dict.fromkeys(self.curves_, curve)

    def hazard(self, customers: pd.DataFrame, months: int) -> Floats:
        """Probability to churn in each of the coming ``months``, given open at the start of the month.

        While t <= commitment_months_left the committed curve of the cohort holds, then a mixture of it for those who
        commit again and of the free curve for the others, both at the tenure of that month.

        Args:
            customers: open customers with the columns ``key_columns``; one row a customer or a distinct key.
            months: how many months ahead.

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
        return self.renewals_.hazard(customers, commitment_months_left(customers), committed, free)

    def level_variance(self, customers: pd.DataFrame) -> Floats:
        """Relative variance of the level of each customer's hazard, one entry a row of ``customers``.

        Of the free curve: it is what most of a future is spent under. A cohort never seen may lie as far from the group
        above it as cohorts do.
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
        """The cohort each customer is in now, as in ``parameters_frame``."""
        names = cohort_names(customers)
        is_committed = pd.Series(commitment_months_left(customers) > 0, index=customers.index)
        state = is_committed.map({True: "committed", False: "free"})
        market, segment, product, term = (names[column] for column in CUSTOMER_COLUMNS)
        return market + "/" + segment + "/" + product + "/" + term + "/" + state

    def parameters_frame(self) -> pd.DataFrame:
        """Evidence, one row a cohort and a row for each group that lends its curve.

        ``pooled_from`` names the lender, null for a curve of the cohort's own; ``level`` is how many times as many
        churn events the curve expects of the cohort's exposures as the lender's own. ``alpha``, ``beta`` and ``shape``
        are null where the hazard is constant. Log-likelihood, observed and fitted hazard are of the cohort's own
        exposures under the curve that it uses, so the last two show how well that curve suits it. The renewal shares
        are of commitments that end, null where there are none.
        """
        check_is_fitted(self)
        rows = []
        for cohort in self._shown_cohorts():
            curve = self.curves_[cohort]
            observed = self.exposures_[cohort]
            months, churned = observed.at_risk.sum(), observed.churned.sum()
            expected, of_lender = (each.expected_churned(observed) for each in (curve, self.curves_[curve.source]))
            rows.append(
                {
                    "retention_cohort": label_of(cohort),
                    "pooled_from": None if curve.source == cohort else label_of(curve.source),
                    "retention_model": curve.model,
                    "alpha": curve.alpha,
                    "beta": curve.beta,
                    "shape": curve.shape,
                    "level": expected / of_lender if of_lender else 1.0,
                    "log_likelihood": curve.log_likelihood(observed) if months else np.nan,
                    "customer_months": int(months),
                    "churned": int(churned),
                    "observed_hazard": churned / months if months else np.nan,
                    "fitted_hazard": expected / months if months else np.nan,
                    **self.renewals_.shares_of(cohort),
                }
            )
        return pd.DataFrame(rows, columns=list(PARAMETERS_COLUMNS))

    def curves_frame(self) -> pd.DataFrame:
        """The curves beside their data, one row a cohort of ``parameters_frame`` and month of tenure.

        ``observed_survival`` is the estimate of Kaplan & Meier (1958), null from the first tenure on at which nobody
        was at risk; ``fitted_survival`` is that of a customer who is in the cohort all along.
        """
        check_is_fitted(self)
        months = (self.parameters or RetentionParameters()).published_months
        tenure = np.arange(1, months + 1)
        frames = []
        for cohort in self._shown_cohorts():
            observed = self.exposures_[cohort]
            counts = pd.DataFrame({"at_risk": observed.at_risk, "churned": observed.churned}, index=observed.tenure)
            counts = counts.reindex(tenure, fill_value=0.0)
            observed_hazard = (counts["churned"] / counts["at_risk"].where(counts["at_risk"] > 0)).to_numpy()
            fitted_hazard = self.curves_[cohort].hazard(tenure.astype(np.float64))
            columns = (
                label_of(cohort),
                tenure,
                counts["at_risk"].to_numpy(dtype=np.int64),
                counts["churned"].to_numpy(dtype=np.int64),
                observed_hazard,
                np.cumprod(1.0 - observed_hazard),
                fitted_hazard,
                np.cumprod(1.0 - fitted_hazard),
            )
            frames.append(pd.DataFrame(dict(zip(CURVE_COLUMNS, columns, strict=True))))
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(CURVE_COLUMNS))

    def _shown_cohorts(self) -> list[Cohort]:
        """Cohorts that customers are in, and the groups that lend them a curve, in the order of their names."""
        shown = {cohort for cohort in self.curves_ if None not in cohort}
        shown |= {self.curves_[cohort].source for cohort in tuple(shown)} | {ALL}
        return sorted(shown & self.curves_.keys(), key=label_of)

    def _hazards_at(self, customers: pd.DataFrame, is_committed: bool, tenure: NDArray[np.int64]) -> Floats:
        """Hazards at a matrix of tenures under the curve that each row follows, committed or free."""
        grouped = cohort_names(customers).groupby(list(CUSTOMER_COLUMNS), sort=False)
        curves = [self._nearest((*name, is_committed)) for name, _ in grouped]
        # There are few curves and many customers: every curve is computed once, up to the longest tenure.
        by_tenure = np.stack([curve.hazard(np.arange(1.0, tenure.max() + 1.0)) for curve in curves])
        return by_tenure[grouped.ngroup().to_numpy()[:, None], tenure - 1]

    def _nearest(self, cohort: Cohort) -> RetentionCurve:
        """The curve of a cohort, or of the closest group above it that was seen."""
        while cohort not in self.curves_:
            cohort = parent_of(cohort)
        return self.curves_[cohort]
