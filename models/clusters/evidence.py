"""How many clusters the data support, and which of them are stable.

Four questions are asked of every k, all on one sample in one weighted space: how far apart are the clusters
(silhouette), does one half of the customers predict the clusters of the other half (prediction strength), is
there a gap between neighbors (separation), and does a cluster recur in resamples (Jaccard)?
A single elongated cloud can be cut reproducibly, so prediction strength alone would find clusters in it. Such a cut
has no gap, and it is just as reproducible after every direction of the cloud is shuffled independently. A k is
therefore accepted only if it shows a gap or, where no k does, is much more reproducible than the shuffled cloud.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import silhouette_score
from sklearn.metrics.cluster import contingency_matrix

from models.clusters.gaps import separation
from models.clusters.parameters import ClusterParameters
from models.clusters.partition import Array, Labels, Partition, partition

K_MEANS, MIXTURE, ONE = "k_means", "mixture", "one_cluster"


@dataclass(frozen=True)
class Evidence:
    """What is known about one k. `jaccard` and `share` are per cluster, in the order of the fitted labels.

    `shape` is how the clusters were made; `components`, `bic` and `icl` (smaller is better) are known for mixtures
    only. `not_judged` says why no evidence was gathered. `reference_strength` (prediction strength of the same values
    with their dependence removed) and `jaccard` cost most; they stay nan and empty if an earlier answer already refuses
    this k.
    """

    k: int
    silhouette: float
    prediction_strength: float
    separation: float
    reference_strength: float
    jaccard: tuple[float, ...]
    share: tuple[float, ...]
    shape: str = K_MEANS
    components: int | None = None
    bic: float = float("nan")
    icl: float = float("nan")
    not_judged: str = ""


def assess(space: Array, model: Partition, parameters: ClusterParameters) -> Evidence:
    """Assess a fitted partition of `space` (rows × dimensions) by refitting it on halves and resamples."""
    k = model.n_clusters
    labels = model.predict(space)
    random = np.random.default_rng([parameters.random_state, k])
    strength, gap = split_halves(space, k, parameters, random)
    # A chance gap in a small half is absent from the full sample; a gap fitted to the full sample is absent from
    # halves.
    gap = min(gap, separation(model, space, labels))
    is_reproducible = strength >= parameters.prediction_strength_threshold
    reference = float("nan")
    if is_reproducible and gap < parameters.separation_threshold:
        alone = np.column_stack([random.permutation(column) for column in space.T])
        reference, _ = split_halves(alone, k, parameters, random)
    is_structure = is_reproducible and not strength - reference < parameters.strength_margin
    return Evidence(
        k=k,
        silhouette=mean_silhouette(space, labels),
        prediction_strength=strength,
        separation=gap,
        reference_strength=reference,
        jaccard=bootstrap_jaccard(space, labels, k, parameters.resamples, random) if is_structure else (),
        share=tuple((np.bincount(labels, minlength=k) / len(labels)).tolist()),
    )


def split_halves(
    space: Array, k: int, parameters: ClusterParameters, random: np.random.Generator
) -> tuple[float, float]:
    """Mean prediction strength and median separation over random halves of the rows."""
    strength, gaps = [], []
    for done in range(1, parameters.splits + 1):
        order = random.permutation(len(space))
        train, test = np.array_split(space[order], 2)
        learned = partition(k, random_state=parameters.random_state).fit(train)
        own = partition(k, random_state=parameters.random_state).fit(test)
        labels = learned.predict(test)
        strength.append(prediction_strength(own.labels_, labels, parameters.minimum_share))
        gaps.append(separation(learned, test, labels))
        # Each remaining split adds at most 1: stop if even that cannot reach the threshold.
        best = (sum(strength) + parameters.splits - done) / parameters.splits
        if best < parameters.prediction_strength_threshold:
            break
    return float(np.mean(strength)), float(np.median(gaps))


def mean_silhouette(space: Array, labels: Labels) -> float:
    """Mean silhouette (Rousseeuw 1987); nan if fewer than two clusters have members."""
    found = len(np.unique(labels))
    return float(silhouette_score(space, labels)) if 1 < found < len(labels) else float("nan")


def prediction_strength(own: Labels, learned: Labels, minimum_share: float = 0.0) -> float:
    """Tibshirani & Walther (2005): the worst cluster's share of pairs that the other half keeps together.

    `own` are the labels of the test half clustered by itself, `learned` those predicted from the train half.
    Clusters under `minimum_share` are ignored, because they are dissolved anyway. 1 if no cluster is left.
    """
    table = contingency_matrix(own, learned).astype(float)
    size = table.sum(axis=1)
    judged = (size >= 2) & (size >= minimum_share * len(own))
    together = (table * (table - 1)).sum(axis=1)[judged] / (size * (size - 1))[judged]
    return float(together.min(initial=1.0))


def bootstrap_jaccard(
    space: Array, labels: Labels, k: int, resamples: int, random: np.random.Generator
) -> tuple[float, ...]:
    """Mean Jaccard similarity of each cluster with its best match in resamples (Hennig 2007)."""
    similarity = np.zeros((resamples, k))
    for turn in range(resamples):
        drawn = random.integers(0, len(space), len(space))
        again = partition(k, random_state=turn).fit(space[drawn])
        seen = np.unique(drawn)
        similarity[turn] = jaccard_table(labels[seen], again.predict(space[seen]), k).max(axis=1)
    return tuple(similarity.mean(axis=0).tolist())


def jaccard_table(first: Labels, second: Labels, k: int) -> Array:
    """Jaccard similarity of every cluster of `first` (rows) with every cluster of `second` (columns)."""
    both = np.zeros((k, k))
    np.add.at(both, (first, second), 1)
    union = both.sum(axis=1)[:, None] + both.sum(axis=0)[None, :] - both
    table: Array = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    return table
