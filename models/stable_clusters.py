"""k-means that says how many clusters the data bear out, one among the answers, and which of them hold."""

import warnings
from dataclasses import fields
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_samples
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from models.cluster_choice import Choice, choose
from models.cluster_evidence import assess
from models.cluster_parameters import ClusterParameters
from models.cluster_partition import Array, Labels, LocalMetric, partition

MIXED = -1
KEPT_VARIANCE = 0.95


class StableClusters(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """Clusters of numeric rows, believed only where the data bear them out.

    Rows are put on principal axes, so that columns that say the same count once, then in a metric in which
    neighbourhoods are round (`LocalMetric`), and partitioned by k-means for every k from 1 to `largest_k`. The
    largest k that nothing refuses is taken (`models.cluster_choice`). Clusters that do not come back in resamples,
    or are tiny, are dissolved: their members get the label -1. Columns should come in comparable units.

    Parameters are those of `ClusterParameters`, and `local_metric`: whether neighbourhoods have a shape to learn.

    Attributes
    ----------
    choice_ : the chosen k, and the evidence for and against every k tried
    n_clusters_ : clusters that hold; labels 0 … n_clusters_ - 1 run from the largest to the smallest
    labels_ : the label of every row fitted on, -1 where its cluster was dissolved
    means_ : centre of every cluster of the partition, in the columns of X; `label_of_center_` its label
    offset_, axes_ : the linear map (X - offset_) @ axes_ into the space that distances are measured in
    picture_ : columns x 2, the plane through that space in which rows differ most
    tried_means_ : centres of the partition of every k tried
    jaccard_, silhouette_ : per label, how surely it comes back and how far apart it lies
    """

    def __init__(
        self,
        *,
        largest_k: int = 8,
        minimum_customers: int = 50,
        minimum_share: float = 0.02,
        prediction_strength_threshold: float = 0.8,
        separation_threshold: float = 0.1,
        strength_margin: float = 0.4,
        jaccard_threshold: float = 0.75,
        maximum_mixed_share: float = 0.2,
        evidence_sample: int = 1_500,
        resamples: int = 8,
        splits: int = 3,
        mini_batch_rows: int = 50_000,
        random_state: int = 0,
        local_metric: bool = True,
    ) -> None:
        self.largest_k = largest_k
        self.minimum_customers = minimum_customers
        self.minimum_share = minimum_share
        self.prediction_strength_threshold = prediction_strength_threshold
        self.separation_threshold = separation_threshold
        self.strength_margin = strength_margin
        self.jaccard_threshold = jaccard_threshold
        self.maximum_mixed_share = maximum_mixed_share
        self.evidence_sample = evidence_sample
        self.resamples = resamples
        self.splits = splits
        self.mini_batch_rows = mini_batch_rows
        self.random_state = random_state
        self.local_metric = local_metric

    @classmethod
    def of(cls, parameters: ClusterParameters, *, local_metric: bool = True) -> Self:
        """Return an unfitted estimator with these parameters; a subclass of them may say more."""
        values = {field.name: getattr(parameters, field.name) for field in fields(ClusterParameters)}
        return cls(**values, local_metric=local_metric)

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Choose k and fit; X holds rows × columns, finite."""
        rows = validate_data(self, X, dtype=np.float64)
        settings = ClusterParameters(**{field.name: getattr(self, field.name) for field in fields(ClusterParameters)})
        # One thread: sums of floats then add up in one order, and small fits are faster without the hand-over.
        with threadpool_limits(limits=1), warnings.catch_warnings():
            # A resample with fewer distinct rows than k leaves clusters empty, and the evidence counts them so.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._fit(rows, settings)
        return self

    def _fit(self, rows: Array, settings: ClusterParameters) -> None:
        few = len(rows) < settings.minimum_customers
        reason = f"{len(rows)} measured customers are too few to look for more" if few else ""
        self.offset_ = rows.mean(axis=0)
        if not rows.var(axis=0).any():
            self.axes_ = np.zeros((rows.shape[1], 1))
            self.means_ = self.offset_[None, :]
            self.tried_means_ = {1: self.means_}
            self.picture_ = np.zeros((rows.shape[1], 2))
            self._settle(rows, choose([], settings, reason or "nothing that is known of these customers varies"))
            return
        # What is judged is drawn by chance: rows may come in an order that means something.
        random = np.random.default_rng(settings.random_state)
        judged = np.sort(random.permutation(len(rows))[: settings.evidence_sample])
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
        choice = choose([assess(sample, model, settings) for k, model in tried.items() if k > 1], settings, reason)
        self.tried_means_ = {k: self._centers(rows, each.labels_, each.cluster_centers_) for k, each in tried.items()}
        self.means_ = self.tried_means_[choice.k]
        plane = PCA(min(2, space.shape[1]), svd_solver="full").fit(sample).components_.T
        self.picture_ = np.pad(self.axes_ @ plane, ((0, 0), (0, 2 - plane.shape[1])))
        self._settle(rows, choice)
        self.silhouette_ = _cluster_silhouettes(sample, self.labels_[judged], self.n_clusters_)

    def _centers(self, rows: Array, labels: Labels, centers: Array) -> Array:
        """Return the centres in the columns of X: means of members, so that they can be read and explained."""
        sizes = np.bincount(labels, minlength=len(centers))
        means = self.offset_ + centers @ np.linalg.pinv(self.axes_)
        for center in np.flatnonzero(sizes):
            means[center] = rows[labels == center].mean(axis=0)
        return means

    def _settle(self, rows: Array, choice: Choice) -> None:
        """Number the clusters that hold from the largest down."""
        self.choice_ = choice
        centers = self._distances(rows).argmin(axis=1)
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
        """Return the distance of every row to every cluster that holds (rows × n_clusters_)."""
        return self.assign(X)[1]

    def assign(self, X: ArrayLike) -> tuple[Labels, Array]:
        """Return what `predict` and `transform` return, for the price of one."""
        check_is_fitted(self)
        distances = self._distances(validate_data(self, X, dtype=np.float64, reset=False))
        labels: Labels = self.label_of_center_[distances.argmin(axis=1)]
        return labels, distances[:, self.kept_centers_]

    def contributions(self, X: ArrayLike, own: Labels, other: Labels) -> Array:
        """Return by how much each column makes row i nearer to cluster own[i] than to other[i] (rows × columns).

        The map is linear, so the difference of squared distances, d(other)² - d(own)², is a sum over the columns;
        this is that sum, column by column. 0 where either label is negative.
        """
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        means = self.means_[self.kept_centers_]
        known = (own >= 0) & (other >= 0)
        near, far = means[np.where(known, own, 0)], means[np.where(known, other, 0)]
        pull = (near - far) @ (self.axes_ @ self.axes_.T)
        parts: Array = np.where(known[:, None], 2 * (rows - (near + far) / 2) * pull, 0.0)
        return parts

    def nearest(self, X: ArrayLike, k: int) -> Labels:
        """Return the cluster of every row in the partition of another k that was tried, held or not."""
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        return self._distances(rows, self.tried_means_[k]).argmin(axis=1)

    def picture(self, X: ArrayLike) -> Array:
        """Return every row as a point of the plane in which the rows fitted on differ most (rows × 2)."""
        points: Array = (validate_data(self, X, dtype=np.float64, reset=False) - self.offset_) @ self.picture_
        return points

    def _distances(self, rows: Array, means: Array | None = None) -> NDArray[np.float64]:
        with threadpool_limits(limits=1):
            centers = ((self.means_ if means is None else means) - self.offset_) @ self.axes_
            distances: NDArray[np.float64] = euclidean_distances((rows - self.offset_) @ self.axes_, centers)
        return distances


def _cluster_silhouettes(space: Array, labels: Labels, n: int) -> Array:
    found = np.unique(labels)
    if not 1 < len(found) < len(labels):
        return np.full(n, np.nan)
    scores = silhouette_samples(space, labels)
    return np.array([scores[labels == label].mean() if label in found else np.nan for label in range(n)])
