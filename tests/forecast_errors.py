"""How far foretold futures lie from the planted ones."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import spearmanr


def forecast_errors(foretold: ArrayLike, planted: ArrayLike) -> dict[str, float]:
    """Errors of a forecast, one entry per customer; all but the first are above 0, and 0 is perfect.

    ``total_error`` of the sum; ``worst_decile``, the largest of the sums of the five best tenths by what was foretold;
    ``absolute_error`` over all customers as a share of the planted sum; ``rank_error``, 1 less Spearman's correlation.
    """
    foretold, planted = np.asarray(foretold, dtype=np.float64), np.asarray(planted, dtype=np.float64)
    tenth = np.empty(len(foretold), dtype=np.int64)
    tenth[np.argsort(-foretold, kind="stable")] = np.arange(len(foretold)) * 10 // len(foretold)
    ratio = np.bincount(tenth, foretold) / np.bincount(tenth, planted)
    return {
        "total_error": float(foretold.sum() / planted.sum() - 1),
        "worst_decile": float(np.abs(ratio[:5] - 1).max()),
        "absolute_error": float(np.abs(foretold - planted).sum() / planted.sum()),
        "rank_error": float(1 - spearmanr(foretold, planted).statistic),
    }
