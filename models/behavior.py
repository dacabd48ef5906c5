"""Behavioral clusters of one population: fit on a sample, score in batches, ids and names that last."""

import warnings
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_samples
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from models.behavior_features import (
    FEATURE_BY_NAME,
    FEATURES,
    feature_space,
    group_weights,
    numeric,
)
from models.behavior_parameters import BehaviorParameters
from models.cluster_choice import Choice, choose
from models.cluster_evidence import assess
from models.cluster_partition import LocalMetric, partition

MIXED = -1
KEPT_VARIANCE = 0.95


def behavior_status(frame: pd.DataFrame, basis: str, parameters: BehaviorParameters) -> pd.Series:
    """Say of every customer whether a cluster may be given: `measured`, `insufficient_history`, `not_applicable`.

    Not applicable: not open, or (where usage is clustered) neither internet nor any usage on record. Missing
    usage is not zero usage, so customers with too little of it wait instead of being called light.
    """
    known = numeric(frame, ("is_open", "has_internet", "usage_history_months", "usage_days_3m", "tenure_months"))
    is_open = known["is_open"] == 1
    if basis == "usage":
        months = known["usage_history_months"].fillna(0)
        days = known["usage_days_3m"].fillna(0)
        is_applicable = is_open & ((known["has_internet"] != 0) | (months > 0))
        is_enough = (months >= parameters.minimum_history_months) & (days >= parameters.minimum_usage_days)
    else:
        is_applicable = is_open
        is_enough = known["tenure_months"].fillna(0) >= parameters.minimum_history_months
    status = np.select([~is_applicable, ~is_enough], ["not_applicable", "insufficient_history"], default="measured")
    return pd.Series(status, index=frame.index, dtype="object")


def measured_basis(frame: pd.DataFrame, parameters: BehaviorParameters) -> str:
    """Return `usage` where enough of the customers who could have usage do have it, else `billing`."""
    status = behavior_status(frame, "usage", parameters)
    expected = int((status != "not_applicable").sum())
    found = int((status == "measured").sum())
    return "usage" if expected and found >= parameters.minimum_usage_coverage * expected else "billing"


def stable_sample(frame: pd.DataFrame, size: int) -> pd.DataFrame:
    """Return at most `size` rows chosen by a hash of customer_id, in an order that no input order changes."""
    ordered = frame.sort_values("customer_id", ignore_index=True)
    ranks = pd.util.hash_array(ordered["customer_id"].astype(str).to_numpy(dtype=object)).argsort(kind="stable")
    return ordered.iloc[ranks[:size]].reset_index(drop=True)


class BehaviorClusters(ClusterMixin, TransformerMixin, BaseEstimator):
    """Clusters of customers by how they use, pay and hold products.

    `fit` takes rows of `features.customer_features` of one population and one as-of date. Rows that are not
    measured (see `behavior_status`) are left out, the rest is sampled by a hash of customer_id, so neither row
    order nor batch size changes the result.

    Attributes
    ----------
    basis_ : `usage` or `billing`, what the clusters are made of
    features_ : one row per declared feature: whether it is used, its weight, its missing share, why not
    choice_ : the chosen k and its evidence
    pipeline_ : features → principal axes → local metric → k-means; None where nothing varies
    n_clusters_ : clusters that hold; labels 0 … n_clusters_ - 1 run from the largest to the smallest
    sample_, labels_ : the rows fitted on, and their labels (-1 = mixed)
    """

    def __init__(self, parameters: BehaviorParameters | None = None) -> None:
        self.parameters = parameters

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Choose the features and k, and fit."""
        settings = self.parameters or BehaviorParameters()
        self.basis_ = measured_basis(X, settings)
        measured = X[behavior_status(X, self.basis_, settings) == "measured"]
        self.n_measured_ = len(measured)
        sample = stable_sample(measured, settings.fit_sample)
        self.features_ = _usable_features(sample, self.basis_)
        used = tuple(self.features_.index[self.features_["is_used"]])
        self.sample_ = numeric(sample, used).set_index(sample["customer_id"])
        # One thread: sums of floats then add up in one order, and small fits are faster without the hand-over.
        with threadpool_limits(limits=1), warnings.catch_warnings():
            # A resample with fewer distinct rows than k leaves clusters empty, and the evidence counts them so.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._fit_sample(settings)
        return self

    def _fit_sample(self, settings: BehaviorParameters) -> None:
        used = tuple(FEATURE_BY_NAME[name] for name in self.sample_.columns)
        self.pipeline_: Pipeline | None = None
        few = len(self.sample_) < settings.minimum_customers
        reason = f"{len(self.sample_)} measured customers are too few to look for more" if few else ""
        if not used:
            self._settle(choose([], settings, reason or "nothing that is known of these customers varies"))
            return
        steps: list[tuple[str, BaseEstimator]] = [
            ("features", feature_space(used, group_weights(self.basis_))),
            ("axes", PCA(KEPT_VARIANCE, svd_solver="full")),
        ]
        if self.basis_ == "usage":
            # Products and terms are few values: neighbours in them are the same, and have no shape to learn.
            steps.append(("metric", LocalMetric(sample=settings.evidence_sample)))
        front = Pipeline(steps)
        space = front.fit_transform(self.sample_)
        largest_k = 1 if few else min(settings.largest_k, len(np.unique(space.round(9), axis=0)))
        tried = {k: partition(k, random_state=settings.random_state).fit(space) for k in range(1, largest_k + 1)}
        judged = space[: settings.evidence_sample]
        evidence = [assess(judged, model, settings) for k, model in tried.items() if k > 1]
        choice = choose(evidence, settings, reason)
        self.pipeline_ = Pipeline([*front.steps, ("clusters", tried[choice.k])])
        self._settle(choice)
        self.silhouette_ = _cluster_silhouettes(judged, self.labels_[: len(judged)], self.n_clusters_)

    def _settle(self, choice: Choice) -> None:
        """Number the clusters that hold from the largest down."""
        self.choice_ = choice
        centers = self._distances(self.sample_).argmin(axis=1)
        sizes = np.bincount(centers, minlength=choice.k)
        kept = sorted((c for c in range(choice.k) if choice.holds[c] and sizes[c]), key=lambda c: (-sizes[c], c))
        self.kept_centers_ = np.array(kept, dtype=int)
        self.label_of_center_ = np.full(choice.k, MIXED)
        self.label_of_center_[kept] = np.arange(len(kept))
        self.n_clusters_ = len(kept)
        self.jaccard_ = np.array([choice.jaccard[c] for c in kept])
        self.silhouette_ = np.full(len(kept), np.nan)
        self.labels_: NDArray[np.int64] = self.label_of_center_[centers]

    def predict(self, X: pd.DataFrame) -> NDArray[np.int64]:
        """Return the label of every row, -1 for members of dissolved clusters; rows are taken as measured."""
        return self.assign(X)[0]

    def transform(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the distance of every row to every cluster that holds (rows × n_clusters_)."""
        return self.assign(X)[1]

    def assign(self, X: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return what `predict` and `transform` return, for the price of one."""
        distances = self._distances(X)
        labels: NDArray[np.int64] = self.label_of_center_[distances.argmin(axis=1)]
        return labels, distances[:, self.kept_centers_]

    def _distances(self, X: pd.DataFrame) -> NDArray[np.float64]:
        if self.pipeline_ is None or X.empty:
            return np.zeros((len(X), self.choice_.k))
        with threadpool_limits(limits=1):
            distances: NDArray[np.float64] = self.pipeline_.transform(numeric(X, tuple(self.sample_.columns)))
        return distances


def _usable_features(sample: pd.DataFrame, basis: str) -> pd.DataFrame:
    """Say of every declared feature whether it is used and, where not, why."""
    values = numeric(sample, tuple(FEATURE_BY_NAME))
    weights = group_weights(basis)
    rows = []
    for feature in FEATURES:
        known = values[feature.name].dropna()
        if feature.group not in weights:
            reason = "too few customers have usage"
        elif known.empty:
            reason = "null for every customer"
        elif (known == known.iloc[0]).all():
            reason = "the same for every customer"
        else:
            reason = ""
        missing = 1 - len(known) / len(sample) if len(sample) else 1.0
        rows.append((feature.name, feature.group, not reason, weights.get(feature.group, 0.0), missing, reason))
    columns = ["feature", "feature_group", "is_used", "weight", "missing_share", "reason"]
    return pd.DataFrame(rows, columns=columns).set_index("feature")


def _cluster_silhouettes(space: NDArray[np.float64], labels: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    if not 1 < len(np.unique(labels)) < len(labels):
        return np.full(n, np.nan)
    scores = pd.Series(silhouette_samples(space, labels)).groupby(labels).mean()
    return scores.reindex(range(n)).to_numpy()
