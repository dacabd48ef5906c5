"""A hidden class of two, seen through views that are independent given the class (Dawid & Skene 1979)."""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator


class HiddenClass(BaseEstimator):
    """Expectation-maximization for one ordered discrete view and any number of yes-or-no marks.

    The class is the one with more of the upper bins and of the marks. ``error_rate`` is the least rate at which a mark
    is found outside the class. After ``fit``: ``share_``, ``bin_evidence_`` (log likelihood ratio a bin),
    ``rates_with_`` and ``rates_without_`` (a value a mark).
    """

    def __init__(self, bins: int, error_rate: float = 0.0, max_iterations: int = 500, tolerance: float = 1e-4) -> None:
        self.bins = bins
        self.error_rate = error_rate
        self.max_iterations = max_iterations
        self.tolerance = tolerance

    def fit(self, bins: np.ndarray, marks: np.ndarray) -> Self:
        """Fit on ``bins`` of shape (rows,), 0 the lowest, and ``marks`` of shape (rows, marks): 1, 0 or NaN."""
        known = ~np.isnan(marks)
        found = np.where(known, marks, 0.0)
        # It starts from the upper tenth, so that the class is the one of the upper bins.
        posterior = np.where(bins >= np.quantile(bins, 0.9), 0.8, 0.05)
        for _ in range(self.max_iterations):
            self._maximize(bins, found, known, posterior)
            evidence = self.bin_evidence_[bins] + self.mark_evidence(marks).sum(axis=1)
            updated = 1 / (1 + np.exp(-(np.log(self.share_ / (1 - self.share_)) + evidence)))
            moved = float(np.abs(updated - posterior).max())
            posterior = updated
            if moved < self.tolerance:
                break
        return self

    def _maximize(self, bins: np.ndarray, found: np.ndarray, known: np.ndarray, posterior: np.ndarray) -> None:
        outside = 1 - posterior
        self.share_ = float(np.clip(posterior.mean(), 1e-6, 1 - 1e-6))
        # One row of each kind a bin, so that an empty bin says nothing rather than everything.
        inside_bins = (np.bincount(bins, posterior, self.bins) + 1) / (posterior.sum() + self.bins)
        outside_bins = (np.bincount(bins, outside, self.bins) + 1) / (outside.sum() + self.bins)
        self.bin_evidence_ = np.log(inside_bins / outside_bins)
        self.rates_with_ = (posterior @ found + 0.5) / (posterior @ known + 1)
        without = (outside @ found + 0.5) / (outside @ known + 1)
        self.rates_without_ = np.maximum(without, self.error_rate)

    def mark_evidence(self, marks: np.ndarray) -> np.ndarray:
        """Return the log likelihood ratio of every mark, 0 where it is not known; shape (rows, marks)."""
        present = np.log(self.rates_with_ / self.rates_without_)
        absent = np.log((1 - self.rates_with_) / (1 - self.rates_without_))
        return np.where(np.isnan(marks), 0.0, np.where(marks > 0.5, present, absent))
