"""The peak of churn in the last month of a commitment, and whether there is one.

Customers who cancel to the end of their term leave in its last month, and almost nobody before it. A smooth curve of
tenure cannot be near zero for eleven months and lose a third of the customers in the twelfth: it spreads them over the
year. So these months have hazards of their own, one per cohort of ``SHARED`` columns, each shrunk to that of the group
above it (the mean of a beta posterior, like the shares of renewals),

    h = (churn events + prior * h_above) / (customers at risk + prior),

if the hazard of all of them is above what the curves predict and Akaike's criterion (1974) says that the parameter is
worth it. A ratio to the curve, as after a commitment (``term_end``), would not do: the curve without these months may
be zero.

Which months are the last is known from the term: the tenures that are multiples of it. Terms without a known length
have none, and terms of one month end every month, which is no peak.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import xlog1py, xlogy
from sklearn.base import BaseEstimator

from models.retention.cohorts import COHORT_COLUMNS, POOLING_LEVELS, Cohort, cohort_names
from models.retention.shifted_beta_geometric import Floats

SHARED = ("retention_market", "retention_product", "retention_term")
_SHORTEST_TERM = 2
_LARGEST = 1.0 - 1e-9

Key = tuple[Hashable, ...]


@dataclass(frozen=True)
class PeakEvidence:
    """Churn events expected in the last months of a cohort's commitments, and the log-likelihood of those observed."""

    expected: float
    log_likelihood: float


class LastCommittedMonth(BaseEstimator):
    """Hazards of the last month of commitments.

    Attributes:
        hazards_: hazard by group, keyed by as many of ``SHARED`` as the group has in common; empty without a peak.
        evidence_: what they were estimated from, by cohort and group of cohorts; empty without a peak.
    """

    hazards_: dict[Key, float]
    evidence_: dict[Cohort, PeakEvidence]

    def __init__(self, terms: Mapping[str, float], prior_ends: float) -> None:
        """Set the parameters.

        Args:
            terms: months of each term; terms not listed have no known end.
            prior_ends: weight of the hazard of the group above, in customers at risk.
        """
        self.terms = terms
        self.prior_ends = prior_ends

    def is_last(self, names: pd.Series, tenure: Floats | NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a tenure (1 is the first month) is the last of a commitment.

        Args:
            names: the term of each row.
            tenure: array (rows,) or (rows, months).
        """
        term = self._months_of(names).reshape(-1, *[1] * (tenure.ndim - 1))
        return np.asarray(np.isfinite(term) & (tenure >= 1) & (np.mod(tenure, term) == 0))

    def fit(self, last_months: pd.DataFrame, predicted: Floats) -> Self:
        """Estimate the hazards.

        Args:
            last_months: exposures of last months: ``COHORT_COLUMNS``, ``at_risk`` and ``churned``.
            predicted: hazard by the curves, one entry per row.
        """
        self.forget()
        at_risk, churned = last_months["at_risk"].to_numpy(), last_months["churned"].to_numpy()
        if not at_risk.sum():
            return self
        overall = float(churned.sum() / at_risk.sum())
        kept = at_risk - churned
        by_curves = (xlogy(churned, predicted) + xlog1py(kept, -np.minimum(predicted, _LARGEST))).sum()
        own = xlogy(churned.sum(), overall) + xlog1py(kept.sum(), -min(overall, _LARGEST))
        if overall <= (at_risk * predicted).sum() / at_risk.sum() or 2.0 * (own - by_curves) <= 2.0:
            return self
        self.hazards_[()] = overall
        for depth in range(1, len(SHARED) + 1):
            sums = last_months.groupby(list(SHARED[:depth]))[["at_risk", "churned"]].sum()
            for index, (seen, lost) in zip(sums.index, sums.to_numpy(), strict=True):
                key = index if isinstance(index, tuple) else (index,)
                above = self.hazards_[key[:-1]]
                self.hazards_[key] = float((lost + self.prior_ends * above) / (seen + self.prior_ends))
        self._note(last_months)
        return self

    def forget(self) -> None:
        """Have no peak."""
        self.hazards_, self.evidence_ = {}, {}

    def _note(self, last_months: pd.DataFrame) -> None:
        hazard = self.hazard(last_months)
        at_risk, churned = last_months["at_risk"].to_numpy(), last_months["churned"].to_numpy()
        parts = last_months[list(COHORT_COLUMNS)].assign(
            expected=at_risk * hazard, likelihood=xlogy(churned, hazard) + xlog1py(at_risk - churned, -hazard)
        )
        for level in POOLING_LEVELS:
            columns = ["expected", "likelihood"]
            sums = parts.groupby(list(level))[columns].sum() if level else parts[columns].sum().to_frame().T
            for index, values in zip(sums.index, sums.to_numpy(), strict=True):
                named = dict(zip(level, index if isinstance(index, tuple) else (index,), strict=False))
                self.evidence_[tuple(named.get(column) for column in COHORT_COLUMNS)] = PeakEvidence(*values.tolist())

    def hazard(self, customers: pd.DataFrame) -> Floats:
        """Hazard of the last month of each row's commitment; NaN where there is no peak or no known term."""
        names = cohort_names(customers, SHARED)
        if not self.hazards_:
            return np.full(len(names), np.nan)
        grouped = names.groupby(list(SHARED), sort=False)
        found = np.asarray([self._nearest(name) for name, _ in grouped], dtype=np.float64)
        hazard = found[grouped.ngroup().to_numpy()] if len(names) else np.empty(0)
        return np.where(np.isfinite(self._months_of(names["retention_term"])), hazard, np.nan)

    def raise_committed(self, committed: Floats, customers: pd.DataFrame, left: Floats) -> Floats:
        """Committed hazards ahead, with those of the last month of the current commitment and of those that follow.

        Args:
            committed: array (rows, months).
            customers: one row each, with ``SHARED``.
            left: remaining months of commitment, 0 for free customers.
        """
        if not self.hazards_:
            return committed
        own = self.hazard(customers)[:, None]
        term = self._months_of(cohort_names(customers, SHARED)["retention_term"])[:, None]
        passed = np.arange(1, committed.shape[1] + 1) - left[:, None]
        is_last = (left[:, None] > 0) & (passed >= 0) & (np.mod(passed, term) == 0) & np.isfinite(own)
        return np.where(is_last, own, committed)

    def _months_of(self, names: pd.Series) -> Floats:
        months = names.map(dict(self.terms)).astype(np.float64).round().to_numpy()
        return np.where(months >= _SHORTEST_TERM, months, np.nan)

    def _nearest(self, key: Key) -> float:
        while key not in self.hazards_:
            key = key[:-1]
        return self.hazards_[key]
