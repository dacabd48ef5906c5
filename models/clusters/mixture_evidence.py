"""Evidence from halves and resamples on the clusters of a mixture: the same questions as for k-means."""

import numpy as np

from models.clusters.evidence import MIXTURE, Evidence, jaccard_table, mean_silhouette, prediction_strength
from models.clusters.mixture import MergedMixture
from models.clusters.parameters import ClusterParameters
from models.clusters.partition import Array

# Numbers of components tried; the step grows to about a quarter.
COMPONENTS = (1, 2, 3, 4, 6, 8, 10, 12, 15)
# Steps without a lower BIC after which the search stops.
PATIENCE = 2


def fit_mixture(space: Array, parameters: ClusterParameters) -> MergedMixture:
    """Fit mixtures up to two steps beyond the lowest BIC (Schwarz 1978), and return the one with the most clusters.

    BIC selects too few components if clusters are small or close together, and expectation maximization may put two
    clusters into one component at one step and not at the next. A superfluous component is merged again, a missing one
    is lost. So of the last three steps, the one with the most clusters that all have gaps is taken; on ties the middle
    one.
    """
    largest = len(np.unique(space, axis=0))
    tried: list[MergedMixture] = []
    best = 0
    for count in COMPONENTS:
        if count > largest:
            break
        tried.append(MergedMixture(count, random_state=parameters.random_state).fit(space))
        best = int(np.argmin([mixture.bic_ for mixture in tried]))
        if len(tried) - 1 - best >= PATIENCE:
            break
    near = [tried[min(place, len(tried) - 1)] for place in (best + 1, best, best + 2)]
    return max(near, key=lambda mixture: with_gaps(mixture, parameters))


def with_gaps(mixture: MergedMixture, parameters: ClusterParameters) -> int:
    """Return the largest number of clusters that all have gaps between them."""
    return max(k for k, gap in mixture.gaps_.items() if gap >= parameters.separation_threshold)


def assess_mixture(space: Array, model: MergedMixture, more_than: int, parameters: ClusterParameters) -> list[Evidence]:
    """Assess every number of clusters over `more_than` that all have gaps between them, on one set of refits.

    If there is none, the only row says how many clusters the gaps leave; refits could not add any.
    """
    judged = [
        k
        for k, gap in sorted(model.gaps_.items())
        if k > max(more_than, 1) and k <= parameters.mixture_largest_k and gap >= parameters.separation_threshold
    ]
    if not judged:
        return [_not_judged(space, model, parameters)]
    random = np.random.default_rng([parameters.random_state, model.components])
    strength: dict[int, list[float]] = {k: [] for k in judged}
    for _ in range(parameters.splits):
        train, test = np.array_split(space[random.permutation(len(space))], 2)
        learned, own = (MergedMixture(model.components).fit(half) for half in (train, test))
        for k in judged:
            strength[k].append(
                prediction_strength(own.predict(test, k), learned.predict(test, k), parameters.minimum_share)
            )
    similarity = {k: np.zeros((parameters.resamples, k)) for k in judged}
    for turn in range(parameters.resamples):
        drawn = random.integers(0, len(space), len(space))
        again = MergedMixture(model.components, random_state=turn).fit(space[drawn])
        seen = space[np.unique(drawn)]
        for k in judged:
            table = jaccard_table(model.predict(seen, k), again.predict(seen, k), k)
            similarity[k][turn] = table.max(axis=1)
    return [
        Evidence(
            k=k,
            silhouette=mean_silhouette(space[: parameters.evidence_sample], labels[: parameters.evidence_sample]),
            prediction_strength=float(np.mean(strength[k])),
            separation=model.gaps_[k],
            reference_strength=float("nan"),
            jaccard=tuple(similarity[k].mean(axis=0).tolist()),
            share=tuple((np.bincount(labels, minlength=k) / len(labels)).tolist()),
            shape=MIXTURE,
            components=len(model.weights_),
            bic=model.bic_,
            icl=model.icl(space, k),
        )
        for k, labels in ((k, model.predict(space, k)) for k in judged)
    ]


def _not_judged(space: Array, model: MergedMixture, parameters: ClusterParameters) -> Evidence:
    """Report how many clusters the components merge into."""
    nan = float("nan")
    k = with_gaps(model, parameters)
    left = "one cluster" if k == 1 else f"{k} clusters with a gap between every two, which k-means finds"
    return Evidence(
        k=k,
        silhouette=nan,
        prediction_strength=nan,
        separation=model.gaps_[k] if k > 1 else nan,
        reference_strength=nan,
        jaccard=(),
        share=tuple((np.bincount(model.predict(space, k), minlength=k) / len(space)).tolist()),
        shape=MIXTURE,
        components=len(model.weights_),
        bic=model.bic_,
        icl=model.icl(space, k),
        not_judged=f"its {len(model.weights_)} components merge into {left}",
    )
