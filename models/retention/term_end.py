"""The peak of churn in the first months after a commitment ends, and whether there is one.

A smooth curve of tenure cannot rise for two months and fall again, yet that is when customers on a term are first free
to leave and their price may step up. So the free hazards of those months are the curve's times one ratio, on the
scale of cumulative hazards,

    1 - (1 - h)^ratio,    ratio = (observed churn events + prior) / (churn events predicted by the curves + prior),

if it is above 1 and Akaike's criterion (1974) says that the parameter is worth it, with counts Poisson distributed
around the prediction.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import xlogy

from models.retention.shifted_beta_geometric import Floats


@dataclass(frozen=True)
class TermEnd:
    """How much higher the hazard is in the first ``months`` after a commitment.

    Attributes:
        terms: months of each term; terms not listed have no known end.
        months: number of months after an end for which the ratio applies.
        ratio: 1 if there is no peak.
    """

    terms: dict[str, float]
    months: int
    ratio: float = 1.0

    def is_after_term(self, names: pd.Series, tenure: Floats | NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a tenure (1 is the first month) lies in the first months after the first commitment.

        Args:
            names: the term of each row.
            tenure: array (rows,) or (rows, months).
        """
        ends = names.map(self.terms).astype(np.float64).round().to_numpy()
        passed = tenure - ends.reshape(-1, *[1] * (tenure.ndim - 1))
        return np.asarray((passed >= 1) & (passed <= self.months))

    def fit(self, expected: float, churned: float, prior_churned: float) -> Self:
        """Estimate the ratio from churn events in those months and the number that curves without a peak predict."""
        ratio = (churned + prior_churned) / (expected + prior_churned)
        gain = xlogy(churned, ratio) - expected * (ratio - 1.0)
        is_bump = ratio > 1.0 and 2.0 * gain > 2.0
        return replace(self, ratio=float(ratio) if is_bump else 1.0)

    def raise_free(self, free: Floats, names: pd.Series, tenure: NDArray[np.int64], left: Floats) -> Floats:
        """Free hazards ahead, raised in the months after the current commitment or one that has just ended.

        Args:
            free, tenure: arrays (rows, months).
            names: the term of each row.
            left: remaining months of commitment, 0 for free customers.
        """
        if self.ratio == 1.0:
            return free
        month = np.arange(1, free.shape[1] + 1)
        is_ahead = (month > left[:, None]) & (month <= left[:, None] + self.months)
        is_raised = np.where(left[:, None] > 0, is_ahead, self.is_after_term(names, tenure))
        with np.errstate(divide="ignore"):  # a hazard of 1 stays 1
            return np.where(is_raised, -np.expm1(self.ratio * np.log1p(-free)), free)
