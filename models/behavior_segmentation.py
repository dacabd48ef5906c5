"""From fitted clusters to the rows of a version: stable ids, names, rules, and every customer scored."""

import json
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.behavior import BehaviorClusters, behavior_status
from models.behavior_parameters import BehaviorParameters
from models.cluster_identity import match_clusters
from models.cluster_names import effect_sizes, name_cluster, spoken_features, unused
from models.cluster_rules import cluster_rule
from models.stable_clusters import MIXED

TOP_FEATURES = 5
LEADING_FEATURES = 3
CLUSTER_COLUMNS = [
    "population",
    "cluster_id",
    "cluster_name",
    "rule",
    "rule_precision",
    "rule_recall",
    "customers",
    "share",
    "jaccard",
    "silhouette",
    "matched_jaccard",
    "top_features",
]


@dataclass(frozen=True)
class BehaviorResult:
    """The frames of one population: customers, clusters, evidence on k, identity events, features used."""

    customers: pd.DataFrame
    clusters: pd.DataFrame
    evidence: pd.DataFrame
    events: pd.DataFrame
    features: pd.DataFrame


@dataclass(frozen=True)
class BehaviorSegmentation:
    """A fitted model with the ids and names of its clusters (in the order of its labels); scores any batch.

    `clusters` counts the customers of the sample it was fitted on; `with_counts` replaces them by those scored.
    """

    population: str
    model: BehaviorClusters
    clusters: pd.DataFrame
    evidence: pd.DataFrame
    events: pd.DataFrame
    features: pd.DataFrame

    def score(self, batch: pd.DataFrame) -> pd.DataFrame:
        """Return one row per customer of the batch: status, cluster, distance to it and the runner-up.

        Distances are in the model's metric. Mixed customers have no cluster and no distance; their runner-up is
        the nearest cluster that holds.
        """
        settings = self.model.parameters or BehaviorParameters()
        scored = pd.DataFrame({"customer_id": batch["customer_id"].to_numpy(), "population": self.population})
        status = behavior_status(batch, self.model.basis_, settings).to_numpy()
        is_measured = status == "measured"
        measured = batch[is_measured]
        label = np.full(len(batch), MIXED)
        runner_up = np.full(len(batch), MIXED)
        distance = np.full(len(batch), np.nan)
        if is_measured.any() and self.model.n_clusters_:
            label[is_measured], distances = self.model.assign(measured)
            rows, own = np.arange(len(measured)), label[is_measured]
            is_own = own != MIXED
            distance[is_measured] = np.where(is_own, distances[rows, own], np.nan).round(6)
            distances[rows[is_own], own[is_own]] = np.inf
            nearest = distances.argmin(axis=1)
            runner_up[is_measured] = np.where(np.isfinite(distances[rows, nearest]), nearest, MIXED)
        scored["behavior_status"] = np.where(~is_measured, status, np.where(label == MIXED, "mixed", "clustered"))
        scored["cluster_id"] = self._of_label("cluster_id", label)
        scored["cluster_name"] = self._of_label("cluster_name", label)
        scored["distance"] = distance
        scored["runner_up_cluster_id"] = self._of_label("cluster_id", runner_up)
        return scored

    def with_counts(self, customers: pd.Series) -> pd.DataFrame:
        """Return `clusters` with the customers of each cluster_id; shares are of all measured, mixed included.

        `customers` holds counts indexed by cluster_id, with the mixed under a null or any other key.
        """
        counted = self.clusters["cluster_id"].map(customers).fillna(0).astype(int)
        return self.clusters.assign(customers=counted, share=counted / max(int(customers.sum()), 1))

    def _of_label(self, column: str, label: np.ndarray) -> pd.Series:
        values = np.array([*self.clusters[column], None], dtype=object)
        return pd.Series(values[label], dtype="str")


def fit_behavior(
    sample: pd.DataFrame,
    population: str,
    previous: pd.DataFrame | None = None,
    parameters: BehaviorParameters | None = None,
    used_cluster_ids: Collection[str] = (),
) -> BehaviorSegmentation:
    """Fit one population and carry over the ids and names of the previous version.

    Parameters
    ----------
    sample
        Rows of `features.customer_features` of this population at one as-of date: all of them, or at large
        scale a random part (the model uses at most `parameters.fit_sample` of the measured ones).
    previous
        `customer_id`, `cluster_id`, `cluster_name` of the previous published version, at least for customers of
        the sample. A cluster that keeps its id keeps its name: people have learned it.
    used_cluster_ids
        Every id that older versions used, so that none comes back with another meaning.
    """
    settings = parameters or BehaviorParameters()
    model = BehaviorClusters(settings).fit(sample)
    if previous is None:
        previous = pd.DataFrame(columns=["customer_id", "cluster_id", "cluster_name"], dtype="str")
    members = pd.DataFrame({"customer_id": model.sample_.index, "label": model.labels_})
    ids, events = match_clusters(
        previous,
        members,
        population=population,
        threshold=settings.match_threshold,
        used_ids=used_cluster_ids,
    )
    clusters = _describe(model, population, ids, previous, events, settings)
    events = events.assign(population=population)[["population", *events.columns]]
    evidence = model.choice_.evidence.assign(population=population)[["population", *model.choice_.evidence]]
    features = model.features_.reset_index().assign(population=population)
    return BehaviorSegmentation(population, model, clusters, evidence, events, features)


def segment_behavior(
    features: pd.DataFrame,
    population: str,
    previous: pd.DataFrame | None = None,
    parameters: BehaviorParameters | None = None,
    used_cluster_ids: Collection[str] = (),
) -> BehaviorResult:
    """Fit and score one population that fits in memory. See `fit_behavior` for the arguments."""
    fitted = fit_behavior(features, population, previous, parameters, used_cluster_ids)
    customers = fitted.score(features).sort_values("customer_id", ignore_index=True)
    is_measured = customers["behavior_status"].isin(["clustered", "mixed"])
    counts = customers.loc[is_measured, "cluster_id"].fillna("mixed").value_counts()
    return BehaviorResult(customers, fitted.with_counts(counts), fitted.evidence, fitted.events, fitted.features)


def _previous_names(previous: pd.DataFrame) -> dict[str, str]:
    named = previous[previous["cluster_id"].notna()].drop_duplicates("cluster_id")
    return dict(zip(named["cluster_id"], named["cluster_name"], strict=True))


def _describe(
    model: BehaviorClusters,
    population: str,
    ids: dict[int, str],
    previous: pd.DataFrame,
    events: pd.DataFrame,
    settings: BehaviorParameters,
) -> pd.DataFrame:
    """One row per cluster that has members, in the order of the labels."""
    scheme = model.scheme_
    matched = events.set_index("cluster_id")["jaccard"].where(events.set_index("cluster_id")["event"] == "kept")
    old_names = _previous_names(previous)
    names = {ids[label]: old_names[ids[label]] for label in ids if ids[label] in old_names}
    effects_of = effect_sizes(model.sample_, model.labels_, scheme)
    rows = []
    for label in range(model.n_clusters_):
        member = model.labels_ == label
        effects = effects_of[label]
        if ids[label] not in names:
            taken = {*names.values(), *old_names.values()}
            names[ids[label]] = (
                unused([f"All {population} customers"], taken)
                if member.all()
                else name_cluster(effects, scheme, minimum_effect=settings.name_effect, taken=taken)
            )
        spoken = spoken_features(effects, scheme, minimum_effect=settings.name_effect)
        leading = list(spoken["feature"].head(LEADING_FEATURES))
        rule = cluster_rule(model.sample_, member, scheme, leading, random_state=settings.random_state)
        rows.append(
            (
                population,
                ids[label],
                names[ids[label]],
                rule.text,
                rule.precision,
                rule.recall,
                int(member.sum()),
                float(member.mean()),
                model.jaccard_[label],
                model.silhouette_[label],
                matched[ids[label]],
                json.dumps(effects.drop(columns="standing").head(TOP_FEATURES).round(4).to_dict("records")),
            )
        )
    return pd.DataFrame(rows, columns=CLUSTER_COLUMNS)
