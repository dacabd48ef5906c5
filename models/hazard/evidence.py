"""Quality of predicted churn on months held out from fitting, and whether it beats the cohort curves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from models.deciles import TENTHS
from models.hazard.covariates import log_odds
from models.hazard.pairs import Pairs
from models.retention.shifted_beta_geometric import Floats

QUALITY_COLUMNS = (
    "hazard_model",
    "measure",
    "part",
    "value",
    "customer_months",
    "first_month_number",
    "last_month_number",
    "is_used",
    "decision",
)


@dataclass(frozen=True)
class Calibration:
    """Predictions scaled and shifted in log-odds until they agree with the events (Platt 1999).

    Several predictions of the same event are combined by weights (stacking, Wolpert 1992). The fit is not penalized, so
    that over the rows it was fitted on the expected events equal those observed.
    """

    slopes: tuple[float, ...]
    intercept: float = 0.0

    @classmethod
    def fit(cls, predictions: Sequence[Floats], churned: NDArray[np.bool_], weight: Floats) -> Self:
        """Fit on held-out predictions; with one outcome only, the first prediction is used unchanged."""
        if len(np.unique(churned)) < 2:
            return cls((1.0,) + (0.0,) * (len(predictions) - 1))
        platt = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=500)
        platt.fit(_columns(predictions), churned, sample_weight=weight / weight.mean())
        return cls(tuple(float(slope) for slope in platt.coef_[0]), float(platt.intercept_[0]))

    def log_odds(self, predictions: Sequence[Floats]) -> Floats:
        """Calibrated log-odds."""
        return np.asarray(_columns(predictions) @ np.asarray(self.slopes) + self.intercept)

    def probability(self, predictions: Sequence[Floats]) -> Floats:
        """Calibrated probability."""
        return np.asarray(expit(self.log_odds(predictions)))


def cross_calibrated(predictions: Sequence[Floats], pairs: Pairs) -> Floats:
    """Predictions calibrated on the other half of the customers, so that they can be evaluated without bias."""
    result = np.empty(len(pairs.churned))
    is_first = pairs.fold < 0.5
    for half in (is_first, ~is_first):
        other = Calibration.fit([each[~half] for each in predictions], pairs.churned[~half], pairs.weight[~half])
        result[half] = other.probability([each[half] for each in predictions])
    return result


def z_score_of_log_loss(probability: Floats, baseline: Floats, pairs: Pairs) -> float:
    """By how many standard errors the log loss is lower than that of ``baseline``.

    Compared pair by pair; pairs of one customer are correlated, so the standard error is that of the sums by customer.
    """
    gain = _log_losses(baseline, pairs) - _log_losses(probability, pairs)
    mean = np.average(gain, weights=pairs.weight)
    customer = np.unique(pairs.fold, return_inverse=True)[1]
    error = np.sqrt(np.sum(np.bincount(customer, pairs.weight * (gain - mean)) ** 2)) / pairs.weight.sum()
    return float(mean / error) if error > 0 else 0.0


def measures(probability: Floats, pairs: Pairs) -> pd.DataFrame:
    """Measures of predictions against outcomes, one row per ``measure`` and ``part``.

    ``auc``, ``brier``, ``log_loss`` and ``top_decile_lift`` have no part. ``expected_churn`` and ``observed_churn``
    are shares: overall without a part, and by tenth of predicted risk with the parts 1 (riskiest) to 10.
    """
    churned, weight = pairs.churned, pairs.weight
    order = np.argsort(-probability, kind="stable")
    passed = np.empty(len(order))
    passed[order] = np.cumsum(weight[order]) - weight[order] / 2
    tenth = np.minimum((passed / weight.sum() * TENTHS).astype(np.int64), TENTHS - 1) + 1
    rate = np.average(churned, weights=weight)
    by_tenth = (
        pd.DataFrame({"tenth": tenth, "weight": weight, "expected": probability * weight, "observed": churned * weight})
        .groupby("tenth")
        .sum()
    )
    rows: list[tuple[str, str | None, float]] = [
        ("auc", None, roc_auc_score(churned, probability, sample_weight=weight)),
        ("brier", None, brier_score_loss(churned, probability, sample_weight=weight)),
        ("log_loss", None, log_loss(churned, probability, sample_weight=weight)),
        ("top_decile_lift", None, by_tenth["observed"].get(1, 0.0) / by_tenth["weight"].get(1, np.nan) / rate),
        ("expected_churn", None, np.average(probability, weights=weight)),
        ("observed_churn", None, rate),
    ]
    for name in ("expected", "observed"):
        shares = by_tenth[name] / by_tenth["weight"]
        rows += [(f"{name}_churn", str(part), share) for part, share in shares.items()]
    return pd.DataFrame(rows, columns=["measure", "part", "value"]).astype({"part": "object"})


def _log_losses(probability: Floats, pairs: Pairs) -> Floats:
    return -np.where(pairs.churned, np.log(probability), np.log1p(-probability))


def _columns(predictions: Sequence[Floats]) -> Floats:
    return np.column_stack([log_odds(each) for each in predictions])
