"""k-means that finds how many clusters the data support, possibly one, and which of them are stable."""

import warnings
from dataclasses import fields
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, silhouette_samples
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from models.clusters.choice import Choice, choose, has_gaps, is_steady
from models.clusters.evidence import K_MEANS, MIXTURE, Evidence, assess
from models.clusters.mixture import MergedMixture, mixture_axes
from models.clusters.mixture_evidence import assess_mixture, fit_mixture
from models.clusters.parameters import ClusterParameters
from models.clusters.partition import Array, Labels, LocalMetric, partition

MIXED = -1
KEPT_VARIANCE = 0.95
# Adjusted Rand index from which two partitions with equally many clusters count as the same.
SAME_CLUSTERS = 0.9


class StableClusters(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """Clusters of numeric rows, accepted only where the data support them.

    Rows are projected on principal axes, so that redundant columns count once, then into a metric in which
    neighborhoods are round (`LocalMetric`), and partitioned by k-means for every k from 1 to `largest_k`. A Gaussian
    mixture of the columns `mixture_columns` competes (`MergedMixture`) if it finds more clusters, or different ones.
    The largest k that is not refused is taken (`models.clusters.choice`). Clusters that do not recur in resamples, or
    are tiny, are dissolved: their members get the label -1. Columns should come in comparable units.

    Parameters are those of `ClusterParameters`; `local_metric`: whether neighborhoods have a shape to learn; and
    `mixture_columns`: positions of the columns that the mixture uses, None for no mixture. A mixture has no weights: an
    uninformative column costs it as much as an informative one.

    Attributes
    ----------
    choice_ : the chosen k, and the evidence for and against every k tried
    n_clusters_ : stable clusters; labels 0 … n_clusters_ - 1 run from the largest to the smallest
    labels_ : the label of every row fitted on, -1 if its cluster was dissolved
    means_ : center of every cluster of the partition, in the columns of X; `label_of_center_` its label
    offset_, axes_ : the linear map (X - offset_) @ axes_ into the space in which distances are measured
    mixture_ : the mixture if it was chosen, else None; distances are then d² = -2 log density + a constant
    picture_ : columns x 2, the plane through that space in which rows differ most
    tried_means_, tried_metric_, tried_mixture_, tried_axes_ : the partitions of every k tried, and their spaces
    jaccard_, silhouette_ : per label, its stability under resampling and its distance from the others
    """

    # Models stored before mixtures existed lack this attribute.
    mixture_: MergedMixture | None = None

    def __init__(
        self,
        *,
        largest_k: int = 8,
        mixture_largest_k: int = 14,
        minimum_customers: int = 50,
        minimum_share: float = 0.02,
        prediction_strength_threshold: float = 0.8,
        mixture_strength_threshold: float = 0.65,
        separation_threshold: float = 0.1,
        strength_margin: float = 0.4,
        jaccard_threshold: float = 0.75,
        maximum_mixed_share: float = 0.2,
        evidence_sample: int = 1_500,
        mixture_sample: int = 5_000,
        resamples: int = 8,
        splits: int = 3,
        mini_batch_rows: int = 50_000,
        random_state: int = 0,
        local_metric: bool = True,
        mixture_columns: tuple[int, ...] | None = None,
    ) -> None:
        self.largest_k = largest_k
        self.mixture_largest_k = mixture_largest_k
        self.minimum_customers = minimum_customers
        self.minimum_share = minimum_share
        self.prediction_strength_threshold = prediction_strength_threshold
        self.mixture_strength_threshold = mixture_strength_threshold
        self.separation_threshold = separation_threshold
        self.strength_margin = strength_margin
        self.jaccard_threshold = jaccard_threshold
        self.maximum_mixed_share = maximum_mixed_share
        self.evidence_sample = evidence_sample
        self.mixture_sample = mixture_sample
        self.resamples = resamples
        self.splits = splits
        self.mini_batch_rows = mini_batch_rows
        self.random_state = random_state
        self.local_metric = local_metric
        self.mixture_columns = mixture_columns

    @classmethod
    def of(
        cls,
        parameters: ClusterParameters,
        *,
        local_metric: bool = True,
        mixture_columns: tuple[int, ...] | None = None,
    ) -> Self:
        """Return an unfitted estimator with these parameters; fields that a subclass adds are ignored."""
        values = {field.name: getattr(parameters, field.name) for field in fields(ClusterParameters)}
        return cls(**values, local_metric=local_metric, mixture_columns=mixture_columns)

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Choose k and fit; X holds rows × columns, finite."""
        rows = validate_data(self, X, dtype=np.float64)
        settings = ClusterParameters(**{field.name: getattr(self, field.name) for field in fields(ClusterParameters)})
        # One thread: floats are then summed in one order, and small fits are faster without the hand-over.
        with threadpool_limits(limits=1), warnings.catch_warnings():
            # A resample with fewer distinct rows than k leaves clusters empty, which the evidence takes into account.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._fit(rows, settings)
        return self

    def _fit(self, rows: Array, settings: ClusterParameters) -> None:
        few = len(rows) < settings.minimum_customers
        reason = f"{len(rows)} measured customers are too few to look for more" if few else ""
        self.offset_ = rows.mean(axis=0)
        self.mixture_ = None
        if not rows.var(axis=0).any():
            self.axes_ = np.zeros((rows.shape[1], 1))
            self.means_ = self.offset_[None, :]
            self.tried_means_, self.tried_metric_ = {1: self.means_}, self.axes_
            self.picture_ = np.zeros((rows.shape[1], 2))
            self._settle(rows, choose([], settings, reason or "nothing that is known of these customers varies"))
            return
        # The rows judged are drawn at random, because the order of rows may be meaningful.
        random = np.random.default_rng(settings.random_state)
        order = random.permutation(len(rows))
        judged = np.sort(order[: settings.evidence_sample])
        axes = PCA(KEPT_VARIANCE, svd_solver="full").fit(rows)
        self.axes_ = axes.components_.T
        if self.local_metric:
            metric = LocalMetric(sample=settings.evidence_sample).fit((rows[judged] - self.offset_) @ self.axes_)
            self.axes_ = self.axes_ @ metric.components_
        space = (rows - self.offset_) @ self.axes_
        largest_k = 1 if few else min(settings.largest_k, len(np.unique(space.round(9), axis=0)))
        is_large = len(space) > settings.mini_batch_rows
        tried = {
            k: partition(k, random_state=settings.random_state, mini_batch=is_large).fit(space)
            for k in range(1, largest_k + 1)
        }
        sample = space[judged]
        self.tried_metric_ = self.axes_
        self.tried_means_ = {k: self._centers(rows, each.labels_, each.cluster_centers_) for k, each in tried.items()}
        evidence = [assess(sample, model, settings) for k, model in tried.items() if k > 1]
        choice = choose(evidence, settings, reason)
        if self.mixture_columns and largest_k > 1:
            competing = self._compete(rows[order[: settings.mixture_sample]], evidence, choice, settings)
            choice = choose(evidence + competing, settings, reason)
        if choice.shape == MIXTURE:
            self.axes_, self.mixture_ = self.tried_axes_, self.tried_mixture_
            sample = (rows[judged] - self.offset_) @ self.axes_
            labels = self._distances(rows, choice.k).argmin(axis=1)
            self.means_ = self._centers(rows, labels, np.zeros((choice.k, self.axes_.shape[1])))
        else:
            self.means_ = self.tried_means_[choice.k]
        plane = PCA(min(2, sample.shape[1]), svd_solver="full").fit(sample).components_.T
        self.picture_ = np.pad(self.axes_ @ plane, ((0, 0), (0, 2 - plane.shape[1])))
        self._settle(rows, choice)
        self.silhouette_ = _cluster_silhouettes(sample, self.labels_[judged], self.n_clusters_)

    def _compete(
        self, rows: Array, evidence: list[Evidence], choice: Choice, settings: ClusterParameters
    ) -> list[Evidence]:
        """Fit a mixture of these rows, and assess it where it may find more than k-means has found for certain."""
        surely = [
            item.k for item in evidence if item.k == choice.k and has_gaps(item, settings) and is_steady(item, settings)
        ]
        found = max(surely, default=1)
        self.tried_axes_ = mixture_axes(rows, self.mixture_columns or ())
        space = (rows - self.offset_) @ self.tried_axes_
        self.tried_mixture_ = fit_mixture(space, settings)
        # Equally many clusters, but different ones: the evidence on both decides.
        if found > 1 and found in self.tried_mixture_.merged_:
            labels = self.tried_mixture_.predict(space, found)
            if adjusted_rand_score(self.nearest(rows, found), labels) < SAME_CLUSTERS:
                found -= 1
        return assess_mixture(space, self.tried_mixture_, found, settings)

    def _centers(self, rows: Array, labels: Labels, centers: Array) -> Array:
        """Return the centers in the columns of X: means of members, so that they can be read and explained."""
        sizes = np.bincount(labels, minlength=len(centers))
        means = self.offset_ + centers @ np.linalg.pinv(self.axes_)
        for center in np.flatnonzero(sizes):
            means[center] = rows[labels == center].mean(axis=0)
        return means

    def _settle(self, rows: Array, choice: Choice) -> None:
        """Number the stable clusters from the largest to the smallest."""
        self.choice_ = choice
        centers = self._distances(rows, choice.k).argmin(axis=1)
        sizes = np.bincount(centers, minlength=choice.k)
        kept = sorted((c for c in range(choice.k) if choice.holds[c] and sizes[c]), key=lambda c: (-sizes[c], c))
        self.kept_centers_ = np.array(kept, dtype=int)
        self.label_of_center_ = np.full(choice.k, MIXED)
        self.label_of_center_[kept] = np.arange(len(kept))
        self.n_clusters_ = len(kept)
        self._n_features_out = len(kept)
        self.jaccard_ = np.array([choice.jaccard[c] for c in kept])
        self.silhouette_ = np.full(len(kept), np.nan)
        self.labels_: Labels = self.label_of_center_[centers]

    def predict(self, X: ArrayLike) -> Labels:
        """Return the label of every row, -1 for members of dissolved clusters."""
        return self.assign(X)[0]

    def transform(self, X: ArrayLike) -> Array:
        """Return the distance of every row to every stable cluster (rows × n_clusters_)."""
        return self.assign(X)[1]

    def assign(self, X: ArrayLike) -> tuple[Labels, Array]:
        """Return what `predict` and `transform` return, in one pass."""
        check_is_fitted(self)
        distances = self._distances(validate_data(self, X, dtype=np.float64, reset=False), len(self.label_of_center_))
        labels: Labels = self.label_of_center_[distances.argmin(axis=1)]
        return labels, distances[:, self.kept_centers_]

    def contributions(self, X: ArrayLike, own: Labels, other: Labels) -> Array:
        """Return by how much each column makes row i nearer to cluster own[i] than to other[i] (rows × columns).

        The columns add up to the difference of squared distances, d(other)² - d(own)². For a mixture, each cluster is
        represented by its component nearest to the row, and the terms for sizes and widths are left out. 0 where either
        label is negative.
        """
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        known = (own >= 0) & (other >= 0)
        near, far = (self.kept_centers_[np.where(known, labels, 0)] for labels in (own, other))
        if self.mixture_ is not None:
            space, back = (rows - self.offset_) @ self.axes_, np.linalg.pinv(self.axes_)
            pulls = [self.mixture_.pull(space, clusters, len(self.label_of_center_)) for clusters in (near, far)]
            own_part, other_part = ((away @ back) * (pull @ self.axes_.T) for away, pull in pulls)
            # Directions outside the mixture's columns contribute nothing.
            mixed: Array = np.where(known[:, None], other_part - own_part, 0.0)
            return mixed
        near_mean, far_mean = self.means_[near], self.means_[far]
        pull = (near_mean - far_mean) @ (self.axes_ @ self.axes_.T)
        parts: Array = np.where(known[:, None], 2 * (rows - (near_mean + far_mean) / 2) * pull, 0.0)
        return parts

    def nearest(self, X: ArrayLike, k: int, shape: str = K_MEANS) -> Labels:
        """Return the cluster of every row in a partition of another shape and k that was tried, accepted or not."""
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        if shape == MIXTURE:
            return self.tried_mixture_.predict((rows - self.offset_) @ self.tried_axes_, k)
        means = self.tried_means_[k]
        with threadpool_limits(limits=1):
            axes = self.tried_metric_
            return euclidean_distances((rows - self.offset_) @ axes, (means - self.offset_) @ axes).argmin(axis=1)

    def picture(self, X: ArrayLike) -> Array:
        """Return every row as a point of the plane in which the rows fitted on differ most (rows × 2)."""
        points: Array = (validate_data(self, X, dtype=np.float64, reset=False) - self.offset_) @ self.picture_
        return points

    def _distances(self, rows: Array, k: int) -> NDArray[np.float64]:
        with threadpool_limits(limits=1):
            space = (rows - self.offset_) @ self.axes_
            if self.mixture_ is not None:
                return self.mixture_.distances(space, k)
            distances: NDArray[np.float64] = euclidean_distances(space, (self.means_ - self.offset_) @ self.axes_)
        return distances


def _cluster_silhouettes(space: Array, labels: Labels, n: int) -> Array:
    found = np.unique(labels)
    if not 1 < len(found) < len(labels):
        return np.full(n, np.nan)
    scores = silhouette_samples(space, labels)
    return np.array([scores[labels == label].mean() if label in found else np.nan for label in range(n)])
