"""How often a commitment that ends is followed by another one, and the effect on future hazards.

Customers who renew continue at the low hazard of the committed; the others are free. Treating everybody as free after
the current commitment would write off the most loyal: those who have renewed once tend to renew again, so first and
later commitments of a relationship have separate renewal shares. Beyond a commitment's end a customer is a mixture of
both states, and as free customers leave sooner, the committed make up a growing share of those who remain:

    h_t = w_t c_t + (1 - w_t) f_t,    w_(t+1) = w_t (1 - c_t) / (1 - h_t),

and at the end of each term w is multiplied by the renewal share.

A customer who is free today is assumed to stay free.
"""

from collections.abc import Hashable
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from models.retention.cohorts import COHORT_COLUMNS, Cohort, cohort_names
from models.retention.shifted_beta_geometric import Floats

# Renewal is estimated per market: too few commitments end in its segments.
_COHORT = ("retention_market", "retention_product", "retention_term")
SHARE_COLUMNS = ("first_renewal_share", "later_renewal_share")
RENEWAL_COLUMNS = (*_COHORT, "is_later", "commitments_ended", "commitments_renewed", "term_months")
# Whether it is the first commitment is dropped last, because it matters most.
_LEVELS: tuple[tuple[str, ...], ...] = (
    (),
    ("is_later",),
    ("retention_market", "is_later"),
    ("retention_market", "retention_product", "is_later"),
    (*_COHORT, "is_later"),
)
_KEY = (*_COHORT, "is_later")
_MONTHS_OF_TERM = 12.0  # if no commitment of a term has been seen to end

Key = tuple[Hashable, ...]


class CommitmentRenewals(BaseEstimator):
    """Shares of commitments that are renewed, by cohort, separately for first and later ones.

    A share is shrunk to that of the group above with a weight of ``prior_ends`` commitments (the mean of a beta
    posterior), so that a cohort with three ends has little influence. If no end was seen, nobody renews.

    Attributes:
        shares_: renewal share by key of a cohort or group; None in a key where pooled over.
        terms_: months of each term, by name.
    """

    shares_: dict[Key, float]
    terms_: dict[str, float]

    def __init__(self, prior_ends: float = 10.0) -> None:
        """Args: prior_ends: weight of the share of the group above, in commitments that ended."""
        self.prior_ends = prior_ends

    def fit(self, ends: pd.DataFrame, y: None = None) -> Self:
        """Fit on counts.

        Args:
            ends: ``RENEWAL_COLUMNS``, one row per cohort and ``is_later`` (whether it was not the first commitment):
                commitments that ended or were renewed while the customer stayed, those renewed, mean months of a term.
            y: ignored, for scikit-learn.
        """
        missing = [column for column in RENEWAL_COLUMNS if column not in ends]
        if missing:
            raise ValueError(f"commitment ends lack the columns {missing}; found {list(ends.columns)}")
        frame = cohort_names(ends, _COHORT)
        frame["is_later"] = ends["is_later"].astype(bool)
        for column in RENEWAL_COLUMNS[4:]:
            frame[column] = ends[column].astype(np.float64)
        self.shares_ = {}
        for level in _LEVELS:
            counts = ["commitments_ended", "commitments_renewed"]
            sums = frame.groupby(list(level))[counts].sum() if level else frame[counts].sum().to_frame().T
            for index, (ended, renewed) in zip(sums.index, sums.to_numpy(), strict=True):
                values = index if isinstance(index, tuple) else (index,)
                key = _key(dict(zip(level, values, strict=False)))
                prior = self.shares_[_above(key)] if level else 0.0
                weight = self.prior_ends if level else 0.0
                self.shares_[key] = (renewed + weight * prior) / (ended + weight) if ended + weight else 0.0
        seen = frame[(frame["commitments_ended"] > 0) & frame["term_months"].notna()]
        weighed = seen["term_months"] * seen["commitments_ended"]
        of_term = seen["retention_term"].to_numpy()
        months = weighed.groupby(of_term).sum() / seen["commitments_ended"].groupby(of_term).sum()
        self.terms_ = {str(name): float(each) for name, each in months.items()}
        return self

    def share(self, customers: pd.DataFrame, is_later: bool) -> Floats:
        """Share of ending commitments that are renewed in each row's cohort."""
        check_is_fitted(self)
        grouped = cohort_names(customers, _COHORT).groupby(list(_COHORT), sort=False)
        found = [self._nearest((*name, is_later)) for name, _ in grouped]
        return np.asarray(found, dtype=np.float64)[grouped.ngroup().to_numpy()]

    def term(self, customers: pd.DataFrame) -> NDArray[np.int64]:
        """Length in months of a commitment with each row's term."""
        check_is_fitted(self)
        months = customers["retention_term"].astype("str").map(self.terms_).astype(np.float64).fillna(_MONTHS_OF_TERM)
        return np.asarray(months.round().clip(lower=1), dtype=np.int64)

    def hazard(self, customers: pd.DataFrame, left: Floats, committed: Floats, free: Floats) -> Floats:
        """Future hazards of customers whose commitment may be renewed.

        Args:
            customers: market, product and term of the cohort, ``spell_months``.
            left: remaining months of commitment, 0 for free customers, one entry per row.
            committed, free: hazards in each state, arrays (rows, months).

        Returns:
            Array (rows, months).
        """
        month = np.arange(1, committed.shape[1] + 1)
        hazard = np.where(month <= left[:, None], committed, free)
        first, later = self.share(customers, is_later=False), self.share(customers, is_later=True)
        rows = np.flatnonzero((left > 0) & (left < committed.shape[1]) & (np.maximum(first, later) > 0))
        if not len(rows):
            return hazard
        first, later, left, term = first[rows], later[rows], left[rows], self.term(customers)[rows]
        spell_months = customers["spell_months"].to_numpy(dtype=np.float64)[rows]
        # If a commitment ends later than a first one of this length would, it is not the first.
        next_share = np.where(spell_months + left > term + 1, later, first)
        held, loose = np.ascontiguousarray(committed[rows].T), np.ascontiguousarray(free[rows].T)
        mixed, weight = np.empty_like(held), np.ones(len(rows))
        for passed in range(len(held)):
            is_end = (passed >= left) & ((passed - left) % term == 0)
            weight = np.where(is_end, weight * next_share, weight)
            next_share = np.where(is_end, later, next_share)
            mixed[passed] = weight * held[passed] + (1.0 - weight) * loose[passed]
            with np.errstate(divide="ignore", invalid="ignore"):
                weight = np.where(mixed[passed] < 1.0, weight * (1.0 - held[passed]) / (1.0 - mixed[passed]), 0.0)
        hazard[rows] = mixed.T
        return hazard

    def shares_of(self, cohort: Cohort) -> dict[str, float]:
        """Renewal shares of first and later commitments for a committed cohort; NaN for any other."""
        is_committed = None not in cohort and bool(cohort[-1])
        key = tuple(value for column, value in zip(COHORT_COLUMNS, cohort, strict=True) if column in _COHORT)
        shares = (self._nearest((*key, is_later)) if is_committed else np.nan for is_later in (False, True))
        return dict(zip(SHARE_COLUMNS, shares, strict=True))

    def _nearest(self, key: Key) -> float:
        while key not in self.shares_:
            key = _above(key)
        return self.shares_[key]


def _key(named: dict[str, Hashable]) -> Key:
    return tuple(named.get(column) for column in _KEY)


def _above(key: Key) -> Key:
    """The same key one level up."""
    named = {column: value for column, value in zip(_KEY, key, strict=True) if value is not None}
    level = next(level for level in _LEVELS if set(level) == named.keys())
    return _key({column: named[column] for column in _LEVELS[_LEVELS.index(level) - 1]})
