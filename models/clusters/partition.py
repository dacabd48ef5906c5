"""The space in which clusters are sought: distances follow the shape of neighborhoods."""

from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.neighbors import NearestNeighbors

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
Partition: TypeAlias = KMeans | MiniBatchKMeans

# Neighbors that differ by a smaller share of the variance are identical customers, apart from rounding.
ROUNDING = 1e-9


class LocalMetric(TransformerMixin, BaseEstimator):
    """Rotate and scale so that neighborhoods, not the whole cloud, are round.

    k-means takes every cluster for a ball: its best partition cuts a large wide cluster in two before it separates
    two close ones, and misplaces the borders of elongated ones. Whitening by the covariance within the clusters found
    fixes only the borders: the shape has to be known before there are clusters. Neighbors mostly belong to one cluster,
    so the covariance of their differences resembles that within clusters (Art, Gnanadesikan & Kettenring 1982). Which
    rows are neighbors depends on the metric in turn; a few rounds settle it. Labels play no part in this, so the metric
    of a cloud without clusters favors no cut of it.

    `neighbors` is a share of the rows: much smaller than a cluster, yet enough to show its shape. `shrinkage` mixes in
    a sphere of the mean variance, so that directions of negligible variance are not blown up to full size.
    """

    def __init__(
        self,
        *,
        neighbors: float = 0.04,
        minimum_neighbors: int = 10,
        rounds: int = 3,
        shrinkage: float = 0.1,
        sample: int = 1_500,
    ) -> None:
        self.neighbors = neighbors
        self.minimum_neighbors = minimum_neighbors
        self.rounds = rounds
        self.shrinkage = shrinkage
        self.sample = sample

    def fit(self, X: Array, y: object = None) -> Self:
        """Learn the linear map `components_` (columns in, columns out) from the first `sample` rows."""
        rows = X[: self.sample]
        count = min(max(round(self.neighbors * len(rows)), self.minimum_neighbors), len(rows) - 1)
        self.components_ = np.eye(X.shape[1])
        for _ in range(self.rounds if count > 0 else 0):
            mapped = self.transform(rows)
            near = NearestNeighbors(n_neighbors=count).fit(mapped).kneighbors(return_distance=False)
            differences = (rows[near] - rows[:, None]).reshape(-1, X.shape[1])
            covariance = differences.T @ differences / (2 * len(differences))
            if np.trace(covariance) <= ROUNDING * rows.var(axis=0).sum():
                break
            self.components_ = self._whitening(covariance)
        return self

    def transform(self, X: Array) -> Array:
        """Return the rows in the learned metric."""
        mapped: Array = X @ self.components_
        return mapped

    def _whitening(self, covariance: Array) -> Array:
        sphere = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        variances, axes = np.linalg.eigh((1 - self.shrinkage) * covariance + self.shrinkage * sphere)
        whitening: Array = axes / np.sqrt(variances)
        return whitening


def partition(n_clusters: int, *, n_init: int = 8, random_state: int = 0, mini_batch: bool = False) -> Partition:
    """Return unfitted k-means for rows in the local metric, with mini-batches for very many rows.

    On real usage one start finds the best partition about two times in three, so eight starts miss it once in
    thousands. Too few starts show up as a low prediction strength, and so as merged clusters.
    """
    if mini_batch:
        return MiniBatchKMeans(n_clusters, n_init=n_init, random_state=random_state, batch_size=10_000)
    return KMeans(n_clusters, n_init=n_init, random_state=random_state)
