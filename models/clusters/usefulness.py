"""Whether clusters differ in later outcomes: churn and margin."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kruskal
from scipy.stats.contingency import association

OUTCOMES = ("later_churned", "later_margin")


def usefulness(labels: NDArray[np.int64], outcomes: pd.DataFrame) -> dict[str, float]:
    """Return how strongly later churn and margin are associated with the labels, 0 (not at all) to 1.

    `outcomes` has one row per label with `later_churned` (0 or 1) and `later_margin`, nan where unknown; negative
    labels are left out. Churn is measured by Cramér's V, margin by ε² of the Kruskal-Wallis test, which is robust to
    heavy tails. nan if there are fewer than two clusters or outcomes to compare.
    """
    churned, margin = (outcomes[name].to_numpy(dtype=float) for name in OUTCOMES)
    return {
        "later_churn_association": _cramer(labels, churned),
        "later_margin_association": _epsilon_squared(labels, margin),
        "outcome_customers": int(((labels >= 0) & ~np.isnan(churned)).sum()),
    }


def outcomes_by_label(labels: NDArray[np.int64], outcomes: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return `later_churn_rate` and mean `later_margin` of labels 0 … n - 1; nan where unknown."""
    known = outcomes[list(OUTCOMES)].astype(float).groupby(labels).mean().reindex(range(n))
    return known.rename(columns={"later_churned": "later_churn_rate"})


def _cramer(labels: NDArray[np.int64], churned: NDArray[np.float64]) -> float:
    known = (labels >= 0) & ~np.isnan(churned)
    table = pd.crosstab(labels[known], churned[known]).to_numpy()
    return float(association(table, method="cramer")) if min(table.shape, default=0) > 1 else float("nan")


def _epsilon_squared(labels: NDArray[np.int64], margin: NDArray[np.float64]) -> float:
    known = (labels >= 0) & ~np.isnan(margin)
    groups = [margin[known & (labels == label)] for label in np.unique(labels[known])]
    if len(groups) < 2 or np.unique(margin[known]).size < 2:
        return float("nan")
    return float(kruskal(*groups).statistic / (known.sum() - 1))
