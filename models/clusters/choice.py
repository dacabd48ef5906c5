"""Turn the evidence on every k into one decision, with reasons that a person can read."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.clusters.evidence import MIXTURE, ONE, Evidence
from models.clusters.parameters import ClusterParameters


@dataclass(frozen=True)
class Choice:
    """The chosen shape and k, which of its clusters hold, and one row of evidence per shape and k tried."""

    k: int
    shape: str
    holds: tuple[bool, ...]
    jaccard: tuple[float, ...]
    evidence: pd.DataFrame


def choose(evidence: list[Evidence], parameters: ClusterParameters, reason: str = "") -> Choice:
    """Take the largest k of any shape that is not refused; one cluster if every larger k is refused.

    A k with gaps between its clusters is preferred to one that is only much more reproducible than shuffled
    directions: that comparison does not detect one cluster cut in two beside others. A k whose clusters all recur in
    resamples is preferred to one that leaves customers in `mixed`. Of two shapes with the same number of clusters, the
    one with the higher prediction strength is taken.

    `reason` says why one cluster was the only answer considered, if no evidence was gathered.
    """
    refusals = {(item.shape, item.k): refusal(item, parameters) for item in evidence}
    # A flaw is acceptable only as long as no alternative without it is accepted.
    for is_better, flaw in (
        (
            has_gaps,
            "no gap between neighboring clusters (depth {item.separation:.2f}), which the clusters of k = {k} have",
        ),
        (is_steady, "not every cluster comes back (Jaccard {worst:.2f}), where those of k = {k} do"),
    ):
        remaining = [item for item in evidence if not refusals[item.shape, item.k]]
        better = [item for item in remaining if is_better(item, parameters)]
        for item in remaining if better else []:
            if item not in better:
                most = max(each.k for each in better)
                refusals[item.shape, item.k] = flaw.format(item=item, worst=min(item.jaccard), k=most)
    accepted = [item for item in evidence if not refusals[item.shape, item.k]]
    chosen = max(accepted, key=lambda item: (item.k, item.prediction_strength), default=None)
    k = chosen.k if chosen else 1
    alone = reason or f"no k from 2 to {parameters.largest_k} gives stable clusters"
    rows = [_row(_single(), k == 1, f"One cluster: {alone}." if k == 1 else f"{k} clusters are stable.")]
    for item in evidence:
        if item is chosen:
            decision = _acceptance(item, parameters)
        elif refusals[item.shape, item.k]:
            decision = f"Refused: {refusals[item.shape, item.k]}."
        else:
            why = f"{k} is the largest stable k" if item.k < k else "the chosen clusters are more reproducible"
            decision = f"Stable too, but {why}."
        rows.append(_row(item, item is chosen, decision))
    found = chosen or _single()
    return Choice(
        k, found.shape, holding(found, parameters), found.jaccard, pd.DataFrame(rows).astype({"components": "Int64"})
    )


def holding(item: Evidence, parameters: ClusterParameters) -> tuple[bool, ...]:
    """Return for each cluster whether it recurs in resamples and is not tiny."""
    return tuple(
        jaccard >= parameters.jaccard_threshold and share >= parameters.minimum_share
        for jaccard, share in zip(item.jaccard, item.share, strict=True)
    )


def has_gaps(item: Evidence, parameters: ClusterParameters) -> bool:
    """Whether there is a gap between every two clusters."""
    return item.separation >= parameters.separation_threshold


def is_steady(item: Evidence, parameters: ClusterParameters) -> bool:
    """Whether every cluster that is not tiny recurs in resamples."""
    return all(
        jaccard >= parameters.jaccard_threshold or share < parameters.minimum_share
        for jaccard, share in zip(item.jaccard, item.share, strict=True)
    )


def refusal(item: Evidence, parameters: ClusterParameters) -> str:
    """Why this k is refused; empty if it is not."""
    if item.not_judged:
        return item.not_judged
    strength = f"prediction strength {item.prediction_strength:.2f}"
    is_mixture = item.shape == MIXTURE
    needed = parameters.mixture_strength_threshold if is_mixture else parameters.prediction_strength_threshold
    if item.prediction_strength < needed:
        return f"{strength} is under {needed:.2f}: one half of the customers does not predict the clusters of the other"
    if is_mixture and not has_gaps(item, parameters):
        return f"no gap between two of the clusters (depth {item.separation:.2f})"
    # The gap was sought along the direction that best separates two clusters, so no shuffled reference is needed.
    if not is_mixture and item.prediction_strength - item.reference_strength < parameters.strength_margin:
        return (
            f"no gap between neighboring clusters (depth {item.separation:.2f}), and {strength} is not "
            f"{parameters.strength_margin:.2f} above the {item.reference_strength:.2f} of shuffled directions: "
            "one cloud cut into pieces"
        )
    holds = holding(item, parameters)
    mixed = sum(share for share, hold in zip(item.share, holds, strict=True) if not hold)
    if sum(holds) < 2 or mixed > parameters.maximum_mixed_share:
        return (
            f"only {sum(holds)} of {item.k} clusters are stable (Jaccard {parameters.jaccard_threshold:.2f}, share "
            f"{parameters.minimum_share:.0%}), which leaves {mixed:.0%} of customers mixed"
        )
    return ""


def _acceptance(item: Evidence, parameters: ClusterParameters) -> str:
    why = (
        f"a gap between neighboring clusters (depth {item.separation:.2f})"
        if has_gaps(item, parameters)
        else f"far above the {item.reference_strength:.2f} of shuffled directions"
    )
    kind = f" (a mixture of {item.components} components)" if item.shape == MIXTURE else ""
    dissolved = len(item.jaccard) - sum(holding(item, parameters))
    rest = f"{dissolved} dissolved into mixed" if dissolved else "all clusters stable"
    return (
        f"Chosen{kind}: the largest k for which one half of the customers predicts the clusters of the other"
        f" (prediction strength {item.prediction_strength:.2f}), {why}; {rest} (lowest Jaccard"
        f" {min(item.jaccard):.2f})."
    )


def _single() -> Evidence:
    nan = float("nan")
    return Evidence(1, nan, 1.0, nan, nan, (1.0,), (1.0,), shape=ONE)


def _row(item: Evidence, is_chosen: bool, decision: str) -> dict[str, object]:
    return {
        "shape": item.shape,
        "k": item.k,
        "components": item.components,
        "silhouette": item.silhouette,
        "prediction_strength": item.prediction_strength,
        "separation": item.separation,
        "reference_strength": item.reference_strength,
        "min_jaccard": min(item.jaccard, default=np.nan),
        "min_share": min(item.share),
        "bic": item.bic,
        "icl": item.icl,
        "is_chosen": is_chosen,
        "decision": decision,
    }
