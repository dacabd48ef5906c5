"""Turn fitted clusters into the rows of a version: ids, names, rules, evidence, and every customer's score."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.behavior.behavior_clusters import BehaviorClusters, behavior_status
from models.behavior.parameters import BehaviorParameters
from models.clusters.description import describe, picture, reasons
from models.clusters.feature_clusters import stable_sample
from models.clusters.feature_space import numeric
from models.clusters.identity import kept_clusters, match_clusters
from models.clusters.partition import Labels
from models.clusters.rules import Bounds
from models.clusters.stable_clusters import MIXED
from models.clusters.usefulness import OUTCOMES, outcomes_by_label, usefulness


@dataclass(frozen=True)
class BehaviorSegmentation:
    """A fitted model with the ids and names of its clusters (in the order of its labels); scores any batch.

    `clusters` counts the customers of the sample; `with_counts` replaces them by all scored customers. `rules` are the
    clusters' rules as data, `picture` is a sample as points of a plane.
    """

    population: str
    model: BehaviorClusters
    clusters: pd.DataFrame
    evidence: pd.DataFrame
    events: pd.DataFrame
    picture: pd.DataFrame
    rules: list[Bounds]

    def score(self, batch: pd.DataFrame) -> pd.DataFrame:
        """Return one row per customer of the batch: status, cluster, distance to it, runner-up, reasons.

        Distances are in the model's metric. Mixed customers have no cluster and no distance; their runner-up is the
        nearest stable cluster. Reasons say why a customer is in this cluster rather than in the runner-up.
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
        scored["cluster_reasons"] = pd.Series(reasons(self.model, batch, label, runner_up), dtype="str")
        return scored

    def with_counts(self, customers: pd.Series) -> pd.DataFrame:
        """Return `clusters` with the customers per cluster_id; shares are of all measured customers, mixed included.

        `customers` holds counts indexed by cluster_id, with the mixed customers under a null or any other key.
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
    past: pd.DataFrame | None = None,
) -> BehaviorSegmentation:
    """Fit one population and carry over the ids and names of the previous version.

    Parameters
    ----------
    sample
        Rows of `features.customer_features` of this population at one as-of date: all of them, or at large
        scale a random part (the model uses at most `parameters.fit_sample` of the measured ones).
    previous
        `customer_id`, `cluster_id`, `cluster_name` of the previous published version, at least for customers of
        the sample. A cluster that keeps its id keeps its name, because people have learned it.
    used_cluster_ids
        Every id used by older versions, so that none returns with another meaning.
    past
        Rows as in `sample` of some months ago, with the `later_churned` and `later_margin` observed since: evidence of
        how well the clusters of every k predict outcomes.
    """
    settings = parameters or BehaviorParameters()
    model = BehaviorClusters(settings).fit(sample)
    previous = no_previous() if previous is None else previous
    members = pd.DataFrame({"customer_id": model.sample_.index, "label": model.labels_})
    ids, events = match_clusters(
        previous,
        members,
        population=population,
        threshold=settings.match_threshold,
        used_ids=used_cluster_ids,
    )
    cluster_ids = [ids[label] for label in range(model.n_clusters_)]
    evidence = model.choice_.evidence.merge(_evidence_of_use(model, past, settings), on=["shape", "k"], how="left")
    members_now = _Clustered(model, model.sample_, model.labels_, cluster_ids)
    return _segmentation(members_now, population, previous, events, evidence, past)


def reuse_behavior(
    model: BehaviorClusters,
    cluster_ids: list[str],
    rules: list[Bounds],
    evidence: pd.DataFrame,
    sample: pd.DataFrame,
    population: str,
    previous: pd.DataFrame,
    past: pd.DataFrame | None = None,
) -> BehaviorSegmentation:
    """Reuse the model of an older version for this month: the same clusters, described by this month's customers.

    `evidence` is that of the model's fit. See `fit_behavior` for the other arguments.
    """
    values, labels = measured_sample(model, sample)
    members = pd.DataFrame({"customer_id": values.index, "label": labels})
    events = kept_clusters(previous, members, cluster_ids)
    members_now = _Clustered(model, values, labels, cluster_ids, tuple(rules))
    return _segmentation(members_now, population, previous, events, evidence, past)


def measured_sample(model: BehaviorClusters, sample: pd.DataFrame) -> tuple[pd.DataFrame, Labels]:
    """Return the model's features for a sample's measured customers, indexed by customer, and their labels."""
    settings = model.parameters or BehaviorParameters()
    measured = sample[behavior_status(sample, model.basis_, settings) == "measured"]
    chosen = stable_sample(measured, settings.fit_sample)
    values = numeric(chosen, tuple(model.columns_)).set_index(chosen["customer_id"])
    return values, model.predict(values)


def no_previous() -> pd.DataFrame:
    """Return an empty frame of the previous version's customers, for use when there is none."""
    return pd.DataFrame(columns=["customer_id", "cluster_id", "cluster_name"], dtype="str")


@dataclass(frozen=True)
class _Clustered:
    """The sample that describes a month's clusters, with their ids, and their rules if already known."""

    model: BehaviorClusters
    values: pd.DataFrame
    labels: Labels
    cluster_ids: list[str]
    rules: tuple[Bounds, ...] = ()


def _segmentation(
    members: _Clustered,
    population: str,
    previous: pd.DataFrame,
    events: pd.DataFrame,
    evidence: pd.DataFrame,
    past: pd.DataFrame | None,
) -> BehaviorSegmentation:
    model = members.model
    settings = model.parameters or BehaviorParameters()
    named = previous[previous["cluster_id"].notna()].drop_duplicates("cluster_id")
    clusters, rules = describe(
        model,
        members.values,
        members.labels,
        members.cluster_ids,
        old_names=dict(zip(named["cluster_id"], named["cluster_name"], strict=True)),
        rules=list(members.rules),
        population=population,
        name_effect=settings.name_effect,
        random_state=settings.random_state,
    )
    matched = events[events["event"] == "kept"].set_index("cluster_id")["jaccard"]
    clusters["matched_jaccard"] = clusters["cluster_id"].map(matched).astype(float)
    outcomes = _outcomes(model, past, settings)
    clusters[["later_churn_rate", "later_margin"]] = outcomes_by_label(*outcomes, n=model.n_clusters_).to_numpy()
    return BehaviorSegmentation(
        population=population,
        model=model,
        clusters=clusters,
        evidence=_of(evidence, population),
        events=_of(events, population),
        picture=picture(model, members.values, members.labels, members.cluster_ids).assign(population=population),
        rules=rules,
    )


def _of(rows: pd.DataFrame, population: str) -> pd.DataFrame:
    """Add the population as the first column."""
    rows = rows.assign(population=population)
    return rows[["population", *rows.columns.drop("population")]]


def _outcomes(
    model: BehaviorClusters, past: pd.DataFrame | None, settings: BehaviorParameters
) -> tuple[Labels, pd.DataFrame]:
    """Return the labels of measured customers some months ago, and their outcomes since."""
    if past is None:
        return np.empty(0, dtype=int), pd.DataFrame(columns=list(OUTCOMES), dtype=float)
    measured = past[behavior_status(past, model.basis_, settings) == "measured"]
    return model.predict(measured), numeric(measured, OUTCOMES)


def _evidence_of_use(model: BehaviorClusters, past: pd.DataFrame | None, settings: BehaviorParameters) -> pd.DataFrame:
    labels, outcomes = _outcomes(model, past, settings)
    core, space, rows = model.core_, None, []
    if past is not None and core is not None and len(labels):
        space = model.to_space(past[behavior_status(past, model.basis_, settings) == "measured"])
    for shape, k in model.choice_.evidence[["shape", "k"]].itertuples(index=False):
        tried = labels if space is None or core is None else core.nearest(space, k, shape)
        rows.append({"shape": shape, "k": k, **usefulness(tried, outcomes)})
    return pd.DataFrame(rows)
