"""K-means that measures distance the way the clusters themselves are shaped."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.pipeline import Pipeline

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


class WithinClusterMetric(TransformerMixin, BaseEstimator):
    """Rotate and scale so that the clusters, not the whole cloud, are round.

    Plain k-means draws its borders as if every cluster were a ball, and misplaces them between long ones. This
    alternates k-means with whitening by the pooled within-cluster covariance (Diday & Govaert 1977; Art,
    Gnanadesikan & Kettenring 1982). It sharpens what the plain space shows: it does not find a split that
    k-means in the plain space misses altogether. `shrinkage` mixes in a sphere of the mean variance, so
    directions of next to no weight are not blown up to full size.
    """

    def __init__(
        self,
        n_clusters: int = 2,
        *,
        rounds: int = 2,
        shrinkage: float = 0.1,
        n_init: int = 3,
        random_state: int = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.rounds = rounds
        self.shrinkage = shrinkage
        self.n_init = n_init
        self.random_state = random_state

    def fit(self, X: Array, y: object = None) -> Self:
        """Learn the linear map `components_` (columns in, columns out), starting from the plain space."""
        self.components_ = np.eye(X.shape[1])
        kmeans = KMeans(self.n_clusters, n_init=self.n_init, random_state=self.random_state)
        for _ in range(self.rounds if self.n_clusters > 1 else 0):
            labels = kmeans.fit_predict(X @ self.components_)
            self.components_ = self._whitening(X, labels)
        return self

    def transform(self, X: Array) -> Array:
        """Return the rows in the learned metric."""
        mapped: Array = X @ self.components_
        return mapped

    def _whitening(self, X: Array, labels: Labels) -> Array:
        residuals = X - cluster_means(X, labels, self.n_clusters)[labels]
        covariance = residuals.T @ residuals / len(X)
        mean_variance = np.trace(covariance) / len(covariance)
        if mean_variance <= 0:
            return np.eye(X.shape[1])
        sphere = mean_variance * np.eye(len(covariance))
        variances, axes = np.linalg.eigh((1 - self.shrinkage) * covariance + self.shrinkage * sphere)
        whitening: Array = axes / np.sqrt(variances)
        return whitening


def cluster_means(X: Array, labels: Labels, n_clusters: int) -> Array:
    """Mean row of each cluster; the overall mean for a cluster without members."""
    sums = np.zeros((n_clusters, X.shape[1]))
    np.add.at(sums, labels, X)
    sizes = np.bincount(labels, minlength=n_clusters)[:, None]
    means: Array = np.where(sizes > 0, sums / np.maximum(sizes, 1), X.mean(axis=0))
    return means


def partition_steps(n_clusters: int, *, n_init: int = 5, random_state: int = 0) -> list[tuple[str, object]]:
    """Return the last two steps of the pipeline: the metric, and k-means in it."""
    return [
        ("metric", WithinClusterMetric(n_clusters, n_init=n_init, random_state=random_state)),
        ("clusters", KMeans(n_clusters, n_init=n_init, random_state=random_state)),
    ]


def partition(n_clusters: int, *, n_init: int = 3, random_state: int = 0) -> Pipeline:
    """Return an unfitted partition of rows that are already in one weighted space."""
    return Pipeline(partition_steps(n_clusters, n_init=n_init, random_state=random_state))
