"""How far predicted futures lie from the planted ones."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import spearmanr


def forecast_errors(predicted: ArrayLike, planted: ArrayLike) -> dict[str, float]:
    """Errors of a forecast, one entry per customer; all but the first are above 0, and 0 is perfect.

    ``total_error`` of the sum; ``worst_decile``, the largest of the sums of the five best tenths by what was predicted;
    ``absolute_error`` over all customers as a share of the planted sum; ``rank_error``, 1 less Spearman's correlation.
    """
    predicted, planted = np.asarray(predicted, dtype=np.float64), np.asarray(planted, dtype=np.float64)
    tenth = np.empty(len(predicted), dtype=np.int64)
    tenth[np.argsort(-predicted, kind="stable")] = np.arange(len(predicted)) * 10 // len(predicted)
    ratio = np.bincount(tenth, predicted) / np.bincount(tenth, planted)
    return {
        "total_error": float(predicted.sum() / planted.sum() - 1),
        "worst_decile": float(np.abs(ratio[:5] - 1).max()),
        "absolute_error": float(np.abs(predicted - planted).sum() / planted.sum()),
        "rank_error": float(1 - spearmanr(predicted, planted).statistic),
    }
