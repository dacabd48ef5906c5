"""Clusters of customers in declared features: from a frame with nulls and heavy tails to labels and reasons."""

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.compose import ColumnTransformer

from models.clusters.choice import choose
from models.clusters.drift import reference, stability_index
from models.clusters.feature_space import FeatureScheme, feature_space, numeric
from models.clusters.parameters import ClusterParameters
from models.clusters.partition import Array, Labels
from models.clusters.stable_clusters import StableClusters


def stable_sample(frame: pd.DataFrame, size: int, key: str = "customer_id") -> pd.DataFrame:
    """Return at most `size` rows chosen by a hash of `key`, in an order independent of the input order."""
    ordered = frame.sort_values(key, ignore_index=True)
    ranks = pd.util.hash_array(ordered[key].astype(str).to_numpy(dtype=object)).argsort(kind="stable")
    return ordered.iloc[ranks[:size]].reset_index(drop=True)


class FeatureClusters(ClusterMixin, TransformerMixin, BaseEstimator):
    """`StableClusters` of the features that a scheme declares, fitted on a sample.

    `fit` takes a frame with the column `key` and any of the scheme's columns. It is sampled by a hash of the key, so
    neither row order nor batch size changes the result. Columns that are entirely null or constant are left out, and
    `features_` says why.

    Attributes
    ----------
    features_ : one row per declared feature: whether it is used, its weight, its missing share, why it is not used
    columns_ : the features used
    choice_ : the chosen k and its evidence
    n_clusters_ : stable clusters; labels 0 … n_clusters_ - 1 run from the largest to the smallest
    sample_, labels_ : the rows fitted on (used features, indexed by key), and their labels (-1 = mixed)
    reference_ : distributions of features, clusters and distances at the fit (`models.clusters.drift`)
    jaccard_, silhouette_ : per label, its stability under resampling and its distance from the others
    """

    def __init__(
        self,
        scheme: FeatureScheme,
        parameters: ClusterParameters | None = None,
        *,
        fit_sample: int = 20_000,
        key: str = "customer_id",
    ) -> None:
        self.scheme = scheme
        self.parameters = parameters
        self.fit_sample = fit_sample
        self.key = key

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Choose the features and k, and fit."""
        return self._fit(X, self.scheme, self.fit_sample, self.key)

    def _fit(self, frame: pd.DataFrame, scheme: FeatureScheme, size: int, key: str) -> Self:
        settings = self.parameters or ClusterParameters()
        self.scheme_ = scheme
        sample = stable_sample(frame, size, key)
        self.features_ = usable_features(sample, scheme)
        self.columns_ = list(self.features_.index[self.features_["is_used"]])
        self.sample_ = numeric(sample, tuple(self.columns_)).set_index(sample[key])
        self.space_: ColumnTransformer | None = None
        self.core_: StableClusters | None = None
        if sample.empty or not self.columns_:
            few = len(sample) < settings.minimum_customers
            unknown = "nothing that is known of these customers varies"
            reason = f"{len(sample)} measured customers are too few to look for more" if few else unknown
            self.choice_ = choose([], settings, reason)
            self.n_clusters_ = min(len(sample), 1)
            self.jaccard_, self.silhouette_ = np.ones(self.n_clusters_), np.full(self.n_clusters_, np.nan)
            self.labels_ = np.zeros(len(sample), dtype=int)
            self.reference_ = reference(self._watched(self.sample_))
            return self
        used = tuple(scheme.feature(name) for name in self.columns_)
        self.space_ = feature_space(used, scheme.weights)
        space = self.space_.fit_transform(self.sample_)
        decisive = [place for place, name in enumerate(self.space_columns()) if name in scheme.decisive]
        core = StableClusters.of(
            settings,
            local_metric=scheme.has_local_metric,
            mixture_columns=tuple(decisive) if scheme.has_local_metric and decisive else None,
        ).fit(space)
        self.core_ = core
        self.choice_, self.n_clusters_, self.labels_ = core.choice_, core.n_clusters_, core.labels_
        self.jaccard_, self.silhouette_ = core.jaccard_, core.silhouette_
        self.reference_ = reference(self._watched(self.sample_))
        return self

    def predict(self, X: pd.DataFrame) -> Labels:
        """Return the label of every row, -1 for members of dissolved clusters."""
        return self.assign(X)[0]

    def transform(self, X: pd.DataFrame) -> Array:
        """Return the distance of every row to every stable cluster (rows × n_clusters_)."""
        return self.assign(X)[1]

    def assign(self, X: pd.DataFrame) -> tuple[Labels, Array]:
        """Return what `predict` and `transform` return, in one pass."""
        if self.core_ is None or X.empty:
            return np.zeros(len(X), dtype=int), np.zeros((len(X), self.n_clusters_))
        return self.core_.assign(self.to_space(X))

    def drift(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return how far each used feature, the clusters and the distances have drifted since the fit."""
        money = [feature.name for feature in self.scheme_.features if feature.is_money]
        return stability_index(self.reference_, self._watched(X), money)

    def _watched(self, X: pd.DataFrame) -> pd.DataFrame:
        labels, distances = self.assign(X)
        # A new kind of customer shows as a large distance from every cluster before it forms one of its own.
        nearest = distances.min(axis=1) if distances.shape[1] else np.full(len(X), np.nan)
        return numeric(X, tuple(self.columns_)).assign(cluster=labels.astype(float), cluster_distance=nearest)

    def to_space(self, X: pd.DataFrame) -> Array:
        """Return the rows in weighted, robust units, one column per used feature in the order of `space_columns`."""
        if self.space_ is None:
            return np.zeros((len(X), 0))
        space: Array = self.space_.transform(numeric(X, tuple(self.columns_)))
        return space

    def space_columns(self) -> list[str]:
        """Return the feature behind each column of `to_space`."""
        if self.space_ is None:
            return []
        # Within a group, `feature_space` orders the columns by kind.
        return [
            name
            for _, block, _ in self.space_.transformers_
            for _, _, names in block.steps[0][1].transformers_
            for name in names
        ]


def usable_features(sample: pd.DataFrame, scheme: FeatureScheme) -> pd.DataFrame:
    """Return for every declared feature whether it is used and, if not, why."""
    values = numeric(sample, scheme.names)
    rows = []
    for feature in scheme.features:
        known = values[feature.name].dropna()
        if feature.group not in scheme.weights:
            reason = scheme.ignored_reasons.get(feature.group, "not part of what is clustered")
        elif known.empty:
            reason = "null for every customer"
        elif (known == known.iloc[0]).all():
            reason = "the same for every customer"
        else:
            reason = ""
        missing = 1 - len(known) / len(sample) if len(sample) else 1.0
        weight = scheme.weights.get(feature.group, 0.0)
        rows.append((feature.name, feature.group, not reason, weight, missing, reason))
    columns = ["feature", "feature_group", "is_used", "weight", "missing_share", "reason"]
    return pd.DataFrame(rows, columns=columns).set_index("feature")
