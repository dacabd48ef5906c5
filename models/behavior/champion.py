"""Which model scores a month: the previous version's champion until drift, age or new settings require another."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import pandas as pd
from sklearn.metrics import adjusted_rand_score

from models.behavior.behavior_clusters import BehaviorClusters, measured_basis
from models.behavior.parameters import BehaviorParameters
from models.behavior.segmentation import (
    BehaviorSegmentation,
    fit_behavior,
    measured_sample,
    no_previous,
    reuse_behavior,
)
from models.behavior.store import dump_model, load_model, model_hash
from models.clusters.drift import drift_status
from models.clusters.feature_space import numeric
from models.clusters.rules import Bounds
from models.feature_words import feature_words

# The longest period that the features look back.
WINDOW_MONTHS = 12
# Smallest change of the price level that is reported.
TOLD_LEVEL = 0.02


@dataclass(frozen=True)
class Champion:
    """A stored model with its registry row and the evidence of its fit."""

    model: BehaviorClusters
    cluster_ids: list[str]
    rules: list[Bounds]
    evidence: pd.DataFrame
    registered: dict[str, Any]

    @classmethod
    def load(cls, data: bytes, registered: dict[str, Any], evidence: pd.DataFrame) -> "Champion":
        """Read a stored model; ValueError if its bytes do not match the registered hash."""
        if model_hash(data) != registered["sha256"]:
            raise ValueError(f"model {registered['model_id']}: its bytes do not match the registered SHA-256")
        model, extra = load_model(data)
        return cls(model, extra["cluster_ids"], extra["rules"], evidence, registered)


@dataclass(frozen=True)
class BehaviorMonth:
    """One population in one version: its segmentation, the registry row, and the bytes of a newly fitted model."""

    segmentation: BehaviorSegmentation
    registered: dict[str, Any]
    stored: bytes | None


def segment_month(
    sample: pd.DataFrame,
    population: str,
    version_id: str,
    as_of_date: date,
    champion: Champion | None = None,
    previous: pd.DataFrame | None = None,
    parameters: BehaviorParameters | None = None,
    used_cluster_ids: Collection[str] = (),
    past: pd.DataFrame | None = None,
) -> BehaviorMonth:
    """Score with the champion while it is valid, else with a challenger fitted on this month.

    The champion is replaced if the settings or the features have changed, if the customers have drifted away from those
    it was fitted on, or if a cluster has no members left. If it is merely old, a challenger replaces it only if its
    clusters differ enough (adjusted Rand index under `challenger_agreement`). See `fit_behavior` for the other
    arguments.
    """
    settings = parameters or BehaviorParameters()
    previous = no_previous() if previous is None else previous

    def challenger() -> BehaviorSegmentation:
        return fit_behavior(sample, population, previous, settings, used_cluster_ids, past)

    if champion is None:
        return _fitted(challenger(), version_id, as_of_date, "no model yet", {})
    drift: dict[str, Any] = {
        "drift_status": "steady",
        "drift_feature": None,
        "drift_psi": None,
        "challenger_agreement": None,
    }
    reason = _outdated(champion, sample, settings)
    if reason:
        return _fitted(challenger(), version_id, as_of_date, reason, drift)
    values, labels = measured_sample(champion.model, sample)
    found = champion.model.drift(values)
    status, feature = drift_status(found, watch=settings.drift_watch, act=settings.drift_act)
    index = found.set_index("feature")["psi"]
    drift |= {
        "drift_status": status,
        "drift_feature": feature or None,
        "drift_psi": float(index[feature] if feature else index.max()) if len(index) else None,
    }
    if status == "act":
        reason = (
            f"{feature_words(feature)} has drifted (PSI {index[feature]:.2f}, acted on from {settings.drift_act:.2f})"
        )
        return _fitted(challenger(), version_id, as_of_date, reason, drift)
    empty = [name for label, name in enumerate(champion.cluster_ids) if not (labels == label).any()]
    if empty or values.empty:
        reason = f"{', '.join(empty) or 'no cluster'} has no members left"
        return _fitted(challenger(), version_id, as_of_date, reason, drift)
    registered = champion.registered | drift | {"decision": "kept", "reason": _kept_because(status, feature, found)}
    age = _months(as_of_date) - _months(champion.registered["challenged_as_of_date"])
    if age >= settings.refit_months:
        other = challenger()
        agreement = float(adjusted_rand_score(labels, other.model.predict(values)))
        drift["challenger_agreement"] = agreement
        if agreement < settings.challenger_agreement:
            reason = f"the model is {age} months old, and a new one differs (adjusted Rand index {agreement:.2f})"
            return _fitted(other, version_id, as_of_date, reason, drift)
        reason = f"a model fitted now finds the same clusters (adjusted Rand index {agreement:.2f})"
        registered |= {"challenged_as_of_date": as_of_date, "challenger_agreement": agreement, "reason": reason}
    again = reuse_behavior(
        champion.model, champion.cluster_ids, champion.rules, champion.evidence, sample, population, previous, past
    )
    return BehaviorMonth(again, registered, None)


def _outdated(champion: Champion, sample: pd.DataFrame, settings: BehaviorParameters) -> str:
    model = champion.model
    # Compared as stored: a parameter added by a newer release also means another clustering.
    if json.loads(champion.registered["parameters"]) != asdict(settings):
        return "the settings have changed"
    if measured_basis(sample, settings) != model.basis_:
        return f"customers are no longer clustered by {model.basis_}"
    if _has_other_features(model, sample, settings):
        return "the features that are clustered have changed"
    return ""


def _has_other_features(model: BehaviorClusters, sample: pd.DataFrame, settings: BehaviorParameters) -> bool:
    """Whether a fit now would use features that the model lacks, or has the definition of a used feature changed."""
    before, now = model.scheme_, BehaviorClusters.scheme_of(model.basis_, settings)
    values = numeric(sample, now.names)
    is_new = any(
        feature.name not in before.names and feature.group in now.weights and values[feature.name].notna().any()
        for feature in now.features
    )
    return is_new or any(
        name not in now.names
        or now.feature(name) != before.feature(name)
        or now.weights.get(now.feature(name).group) != before.weights.get(before.feature(name).group)
        for name in model.columns_
    )


def _fitted(
    segmentation: BehaviorSegmentation, version_id: str, as_of_date: date, reason: str, drift: dict[str, Any]
) -> BehaviorMonth:
    model = segmentation.model
    stored = dump_model(model, {"cluster_ids": list(segmentation.clusters["cluster_id"]), "rules": segmentation.rules})
    registered = {
        "population": segmentation.population,
        "model_id": f"{segmentation.population}-{version_id}",
        "decision": "fitted",
        "reason": reason,
        "fitted_version_id": version_id,
        "fitted_as_of_date": as_of_date,
        "challenged_as_of_date": as_of_date,
        "window_months": WINDOW_MONTHS,
        "fitted_customers": len(model.sample_),
        "basis": model.basis_,
        "clusters": model.n_clusters_,
        "features": json.dumps(model.columns_),
        "parameters": json.dumps(asdict(model.parameters or BehaviorParameters()), sort_keys=True),
        "sha256": model_hash(stored),
        "drift_status": None,
        "drift_feature": None,
        "drift_psi": None,
        "challenger_agreement": None,
    }
    return BehaviorMonth(segmentation, registered | drift, stored)


def _kept_because(status: str, feature: str, drift: pd.DataFrame) -> str:
    named = drift.set_index("feature")
    if status == "watch":
        return f"{feature_words(feature)} begins to drift (PSI {named['psi'][feature]:.2f})"
    moved = named.loc[(named["level"] - 1).abs() >= TOLD_LEVEL, "level"].sort_index()
    prices = "".join(
        f"; {feature_words(str(name))} has {'risen' if level > 1 else 'fallen'} for all"
        for name, level in moved.items()
    )
    return f"the customers are like those it was fitted on{prices}"


def _months(day: date) -> int:
    return day.year * 12 + day.month
