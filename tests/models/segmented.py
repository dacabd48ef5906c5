"""One population that fits in memory, fitted and scored."""

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from models.behavior.parameters import BehaviorParameters
from models.behavior.segmentation import BehaviorSegmentation, fit_behavior
from models.clusters.feature_clusters import usable_features


@dataclass(frozen=True)
class BehaviorResult:
    """The frames of one population: customers, clusters, evidence on k, identity events, features used."""

    customers: pd.DataFrame
    clusters: pd.DataFrame
    evidence: pd.DataFrame
    events: pd.DataFrame
    features: pd.DataFrame


def segment_behavior(
    features: pd.DataFrame,
    population: str,
    previous: pd.DataFrame | None = None,
    parameters: BehaviorParameters | None = None,
    used_cluster_ids: Collection[str] = (),
) -> BehaviorResult:
    """Fit and score. See `fit_behavior` for the arguments."""
    return score_behavior(fit_behavior(features, population, previous, parameters, used_cluster_ids), features)


def score_behavior(fitted: BehaviorSegmentation, features: pd.DataFrame) -> BehaviorResult:
    """Score the population that was fitted on."""
    customers = fitted.score(features).sort_values("customer_id", ignore_index=True)
    is_measured = customers["behavior_status"].isin(["clustered", "mixed"])
    counts = customers.loc[is_measured, "cluster_id"].fillna("mixed").value_counts()
    used = usable_features(fitted.model.sample_, fitted.model.scheme_).reset_index()
    return BehaviorResult(customers, fitted.with_counts(counts), fitted.evidence, fitted.events, used)
