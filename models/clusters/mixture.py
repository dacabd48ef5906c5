"""Clusters of any width and direction: a Gaussian mixture whose components are merged where no gap separates them.

k-means in one metric assumes that all clusters are equally wide. Where light users scatter and streamers do not, its
borders are wrong and the halves of the customers disagree on them. A mixture gives each component its own shape. A
skewed or heavy-tailed cluster needs several components, so components are not clusters: two without a gap between
them are one cluster (Hennig 2010, Methods for merging Gaussian mixture components).
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
from scipy.cluster.hierarchy import fcluster, ward
from scipy.special import logsumexp
from sklearn.base import BaseEstimator
from sklearn.mixture import GaussianMixture

from models.clusters.gaps import discriminant_gap, pairwise_gaps
from models.clusters.partition import Array, Labels, LocalMetric

# Rows used for the hierarchical start: its cost is quadratic, and this many rows still contain small clusters.
START_ROWS = 1_500
RIDGE = 1e-3
LEAST_VARIANCE = 0.05


def mixture_axes(rows: Array, columns: Sequence[int]) -> Array:
    """Return the linear map (all columns × axes) to the mixture's space: principal axes of the given columns.

    A mixture has no weights, so all columns count equally; an axis with less than `LEAST_VARIANCE` of a column's
    variance is redundant and left out.
    """
    chosen = rows[:, list(columns)]
    scale = chosen.std(axis=0)
    scaled = (chosen - chosen.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    variances, directions = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    kept = variances >= min(LEAST_VARIANCE, variances[-1])
    axes = np.zeros((rows.shape[1], int(kept.sum())))
    axes[list(columns)] = directions[:, kept] / np.where(scale > 0, scale, 1.0)[:, None]
    return axes


class MergedMixture(BaseEstimator):
    """A Gaussian mixture of full covariances, with the order in which its components merge.

    Expectation maximization starts from Ward's hierarchy in the local metric, as mclust starts from a hierarchy
    (Fraley & Raftery 2002): from random starts, the halves of the customers end in different local optima. Then the
    two clusters with the shallowest gap between them are merged, repeatedly, until one is left.

    Attributes
    ----------
    weights_, means_, whitening_ : of the components; whitening_ holds W with W Wᵀ the inverse covariance
    bic_ : Schwarz's criterion of the mixture on the rows fitted on
    merged_ : for every number of clusters k, the cluster of each component
    gaps_ : for every k, the depth of the shallowest gap between its clusters
    """

    def __init__(self, components: int, *, random_state: int = 0) -> None:
        self.components = components
        self.random_state = random_state

    def fit(self, X: Array, y: object = None) -> Self:
        """Fit the components on rows × columns in comparable units, and merge them."""
        mixture = self._started(X).fit(X)
        self.weights_, self.means_, self.whitening_ = mixture.weights_, mixture.means_, mixture.precisions_cholesky_
        self.bic_ = float(mixture.bic(X))
        self._merge(X, self.log_densities(X).argmax(axis=1))
        return self

    def log_densities(self, X: Array) -> Array:
        """Return the weighted log density of every component at every row (rows × components)."""
        found, constant = np.empty((len(X), len(self.weights_))), self._peaks()
        for place, (mean, whitening) in enumerate(zip(self.means_, self.whitening_, strict=True)):
            found[:, place] = constant[place] - (((X - mean) @ whitening) ** 2).sum(axis=1) / 2
        return found

    def cluster_log_densities(self, X: Array, k: int) -> Array:
        """Return the log density of each of k clusters at every row, summed over its components (rows × k)."""
        densities = self.log_densities(X)
        return np.column_stack([logsumexp(densities[:, self.merged_[k] == cluster], axis=1) for cluster in range(k)])

    def predict(self, X: Array, k: int) -> Labels:
        """Return the most probable of k clusters, or of all clusters if the mixture has fewer than k."""
        labels: Labels = self.cluster_log_densities(X, min(k, max(self.merged_))).argmax(axis=1)
        return labels

    def distances(self, X: Array, k: int) -> Array:
        """Return the distance of every row to each of k clusters (rows × k); the nearest is the most probable.

        d² = 2 × (upper bound of any log density - the cluster's log density). If every cluster is one component of the
        same size and shape, this differs from the squared Mahalanobis distance by a constant.
        """
        bound = logsumexp(self._peaks())
        squares = 2 * (bound - self.cluster_log_densities(X, k))
        distances: Array = np.sqrt(np.maximum(squares, 0))
        return distances

    def pull(self, X: Array, clusters: Labels, k: int) -> tuple[Array, Array]:
        """Return the offset of row i from the nearest component of cluster clusters[i], and P times that offset.

        P is the component's inverse covariance: the products of the two, column by column, add up to the squared
        Mahalanobis distance.
        """
        is_own = self.merged_[k][None, :] == clusters[:, None]
        nearest = np.where(is_own, self.log_densities(X), -np.inf).argmax(axis=1)
        away = X - self.means_[nearest]
        pulled = np.empty_like(away)
        for component in np.unique(nearest):
            own = nearest == component
            pulled[own] = away[own] @ (self.whitening_[component] @ self.whitening_[component].T)
        return away, pulled

    def icl(self, X: Array, k: int) -> float:
        """Integrated completed likelihood of k clusters: BIC plus a penalty for uncertain membership.

        Baudry, Raftery, Celeux, Lo & Gottardo (2010): BIC + 2 × entropy of the membership; smaller is better.
        """
        densities = self.cluster_log_densities(X, k)
        membership = densities - logsumexp(densities, axis=1, keepdims=True)
        return float(self.bic_ - 2 * (np.exp(membership) * membership).sum())

    def _peaks(self) -> Array:
        """Return the weighted log density of every component at its own mean."""
        log_roots = np.log(np.diagonal(self.whitening_, axis1=1, axis2=2)).sum(axis=1)
        peaks: Array = np.log(self.weights_) + log_roots - self.means_.shape[1] / 2 * np.log(2 * np.pi)
        return peaks

    def _started(self, X: Array) -> GaussianMixture:
        rows = X[:START_ROWS]
        count = min(self.components, len(np.unique(rows, axis=0)))
        labels = fcluster(ward(LocalMetric(sample=START_ROWS).fit_transform(rows)), count, "maxclust")
        groups = [rows[labels == label] for label in np.unique(labels)]
        means = np.array([group.mean(axis=0) for group in groups])
        centered = [group - mean for group, mean in zip(groups, means, strict=True)]
        columns = X.shape[1]
        within = np.concatenate(centered)
        pooled = within.T @ within / len(rows) + RIDGE * np.eye(columns)
        # A small group has no reliable covariance of its own: the pooled one is mixed in, weighted as this many rows.
        prior = columns + 2
        precisions = [np.linalg.inv((each.T @ each + prior * pooled) / (len(each) + prior)) for each in centered]
        return GaussianMixture(
            len(groups),
            reg_covar=RIDGE,
            weights_init=np.array([len(group) for group in groups]) / len(rows),
            means_init=means,
            precisions_init=np.array(precisions),
            # Overridden by the three arguments above but computed all the same, so the cheapest method.
            init_params="random_from_data",
            random_state=self.random_state,
        )

    def _merge(self, X: Array, labels: Labels) -> None:
        labels = labels.copy()
        # A component that no row belongs to joins the first cluster; that affects no row.
        first = int(labels.min())
        cluster_of = np.where(np.isin(np.arange(len(self.weights_)), labels), np.arange(len(self.weights_)), first)
        gaps = pairwise_gaps(X, labels)
        self.merged_: dict[int, Labels] = {}
        self.gaps_: dict[int, float] = {}
        while True:
            kept, numbered = np.unique(cluster_of, return_inverse=True)
            self.merged_[len(kept)] = numbered
            self.gaps_[len(kept)] = min(gaps.values(), default=1.0)
            if len(kept) == 1:
                return
            low, high = min(gaps, key=lambda pair: (gaps[pair], pair))
            labels[labels == high] = low
            cluster_of[cluster_of == high] = low
            gaps = {pair: gap for pair, gap in gaps.items() if not {low, high} & {*pair}}
            own = X[labels == low]
            for other in kept[(kept != low) & (kept != high)].tolist():
                gaps[min(low, other), max(low, other)] = discriminant_gap(own, X[labels == other])
