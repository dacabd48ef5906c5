"""Gaps between clusters: how far the density falls between two clusters along the line that separates them."""

from itertools import combinations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from models.clusters.partition import Array, Labels, Partition

# Fewer rows than this in one cluster give no meaningful density.
FEWEST = 3
# Ridge on the covariance within two clusters, as a share of its mean variance.
RIDGE = 1e-6


def separation(model: Partition, space: Array, labels: Labels) -> float:
    """Depth of the shallowest gap between two clusters, 0 (none) to 1, among the rows of `space`.

    The members of two clusters are projected on the line through their centers; the depth is 1 - the lowest density
    between the two modes / the density of the lower mode.
    """
    centers = model.cluster_centers_
    depth = 1.0
    for a in range(len(centers)):
        for b in range(a):
            axis = centers[a] - centers[b]
            pair = space[(labels == a) | (labels == b)]
            if len(pair) >= 4 and axis.any():
                depth = min(depth, valley((pair - centers[b]) @ axis / (axis @ axis)))
    return depth


def discriminant_gap(first: Array, second: Array) -> float:
    """Depth of the gap between two sets of rows on Fisher's discriminant, 0 (none) to 1.

    The line through the centers shows no gap if elongated clusters lie side by side; Fisher's discriminant (1936) is
    the direction that maximizes the distance of the centers relative to the spread within. A single cloud has no gap in
    any direction, so choosing the best one does not create a gap.
    """
    if min(len(first), len(second)) < FEWEST:
        return 0.0
    centers = first.mean(axis=0), second.mean(axis=0)
    apart = centers[0] - centers[1]
    within = sum(np.cov(rows.T).reshape(len(apart), -1) for rows in (first, second)) / 2
    ridge = RIDGE * max(float(np.trace(within)) / len(apart), np.finfo(float).tiny) * np.eye(len(apart))
    axis = np.linalg.solve(within + ridge, apart)
    if not apart @ axis > 0:
        return 0.0
    return valley((np.concatenate([first, second]) - centers[1]) @ axis / (apart @ axis))


def pairwise_gaps(space: Array, labels: Labels) -> dict[tuple[int, int], float]:
    """`discriminant_gap` of every two labels that occur, by (lower, higher) label."""
    members = {int(label): space[labels == label] for label in np.unique(labels)}
    return {(a, b): discriminant_gap(members[a], members[b]) for a, b in combinations(sorted(members), 2)}


def valley(position: Array, bins: int = 300) -> float:
    """Depth of the gap in positions on a line where the two centers lie at 0 and 1."""
    left, right = position[position < 0.5], position[position >= 0.5]
    if min(len(left), len(right)) < 2:
        return 0.0
    within = (left.std() * len(left) + right.std() * len(right)) / len(position)
    bandwidth = 1.06 * within * len(position) ** -0.2
    counts, edges = np.histogram(position, bins=bins, range=(-1, 2))
    density = gaussian_filter1d(counts.astype(float), max(bandwidth / (edges[1] - edges[0]), 1.0))
    middle = bins // 2
    low_mode, high_mode = int(density[:middle].argmax()), middle + int(density[middle:].argmax())
    lower = min(density[low_mode], density[high_mode])
    return float(1 - density[low_mode : high_mode + 1].min() / lower) if lower > 0 else 0.0
