"""Clusters of one population: who is measured (by usage, calls, billing or needs), and the model fitted on them."""

from typing import Self

import numpy as np
import pandas as pd

from models.behavior.features import BILLING, CALLS, USAGE, with_attributes
from models.behavior.parameters import BehaviorParameters
from models.business.features import NEEDS
from models.clusters.feature_clusters import FeatureClusters
from models.clusters.feature_space import FeatureScheme, numeric

_DECIDING = (
    *("is_open", "has_internet", "has_mobile", "has_fixed_voice"),
    *("usage_history_months", "usage_days_3m", "call_history_months", "tenure_months"),
)


def behavior_status(frame: pd.DataFrame, basis: str, parameters: BehaviorParameters) -> pd.Series:
    """Return whether each customer can be clustered: `measured`, `insufficient_history` or `not_applicable`.

    Not applicable: not open, or (if usage is clustered) neither internet nor any usage on record, or (if calls are)
    neither mobile, nor fixed voice, nor any calls. Missing usage is not zero usage, so customers with too little
    history wait instead of being labeled light users.
    """
    known = numeric(frame, _DECIDING)
    is_open = known["is_open"] == 1
    if basis == "needs":
        # The mid-band's features contain open customers only.
        is_applicable = pd.Series(True, index=frame.index)
        is_enough = known["tenure_months"].fillna(0) >= parameters.minimum_history_months
    elif basis == "usage":
        months = known["usage_history_months"].fillna(0)
        days = known["usage_days_3m"].fillna(0)
        is_applicable = is_open & ((known["has_internet"] != 0) | (months > 0))
        is_enough = (months >= parameters.minimum_history_months) & (days >= parameters.minimum_usage_days)
    elif basis == "calls":
        months = known["call_history_months"].fillna(0)
        has_phone = (known["has_mobile"] == 1) | (known["has_fixed_voice"] == 1)
        is_applicable = is_open & (has_phone | (months > 0))
        is_enough = months >= parameters.minimum_history_months
    else:
        is_applicable = is_open
        is_enough = known["tenure_months"].fillna(0) >= parameters.minimum_history_months
    status = np.select([~is_applicable, ~is_enough], ["not_applicable", "insufficient_history"], default="measured")
    return pd.Series(status, index=frame.index, dtype="object")


def measured_basis(frame: pd.DataFrame, parameters: BehaviorParameters) -> str:
    """Return the configured basis; for `auto`, `usage` or `calls` if enough eligible customers have it, else `billing`.

    If both qualify it is usage, unless far more customers have calls.
    """
    if parameters.basis != "auto":
        return parameters.basis
    measured: dict[str, int] = {}
    for basis in ("usage", "calls"):
        status = behavior_status(frame, basis, parameters)
        expected = int((status != "not_applicable").sum())
        found = int((status == "measured").sum())
        if expected and found >= parameters.minimum_usage_coverage * expected:
            measured[basis] = found
    if measured.get("usage", 0) >= parameters.minimum_usage_coverage * measured.get("calls", 0):
        return "usage" if "usage" in measured else "billing"
    return "calls"


class BehaviorClusters(FeatureClusters):
    """Clusters of customers by how they use, pay and hold products.

    `fit` takes rows of `features.customer_features` of one population and one as-of date. Rows that are not measured
    (see `behavior_status`) are left out; the rest is clustered as in `FeatureClusters`, by usage or calls if enough
    customers have any, else by billing (`basis_`).
    """

    def __init__(self, parameters: BehaviorParameters | None = None) -> None:
        self.parameters: BehaviorParameters | None = parameters

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Choose the basis, the features and k, and fit."""
        settings = self.parameters or BehaviorParameters()
        self.basis_ = measured_basis(X, settings)
        measured = X[behavior_status(X, self.basis_, settings) == "measured"]
        self.n_measured_ = len(measured)
        return self._fit(measured, self.scheme_of(self.basis_, settings), settings.fit_sample, "customer_id")

    @staticmethod
    def scheme_of(basis: str, parameters: BehaviorParameters) -> FeatureScheme:
        """Return the features of a basis (`usage`, `calls`, `billing`, `needs`) plus the configured attributes."""
        declared = {"usage": USAGE, "calls": CALLS, "billing": BILLING, "needs": NEEDS}[basis]
        return with_attributes(declared, parameters.attributes, parameters.attribute_weight)
