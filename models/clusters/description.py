"""Descriptions of clusters: name, rule, distinguishing features, typical members, scatter plot, reasons."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from models.clusters.feature_clusters import FeatureClusters
from models.clusters.names import effect_sizes, name_cluster, name_contradicts, spoken_features, unused
from models.clusters.partition import Labels
from models.clusters.rules import Bounds, Rule, cluster_rule, measure_rule
from models.feature_words import feature_words

TOP_FEATURES, LEADING_FEATURES, EXEMPLARS = 5, 3, 3
SHOWN = ["feature", "effect", "typical", "typical_rest"]
REASONS = 3
PICTURE_POINTS = 600


def describe(
    model: FeatureClusters,
    sample: pd.DataFrame,
    labels: Labels,
    cluster_ids: Sequence[str],
    *,
    old_names: Mapping[str, str],
    rules: Sequence[Bounds] = (),
    population: str,
    name_effect: float = 0.5,
    random_state: int = 0,
) -> tuple[pd.DataFrame, list[Bounds]]:
    """Return one row per cluster, in the order of the labels, and the rules as data.

    `sample` has the model's features as floats and is indexed by customer; every label has members in it. A cluster
    in `old_names` keeps its name unless too many members now contradict it. With `rules`, existing rules are kept and
    only measured again.
    """
    scheme = model.scheme_
    effects_of = effect_sizes(sample, labels, scheme)
    names = {
        cluster_id: old_names[cluster_id]
        for label, cluster_id in enumerate(cluster_ids)
        if cluster_id in old_names and not name_contradicts(old_names[cluster_id], effects_of[label], scheme)
    }
    distances = model.transform(sample)
    rows, bounds = [], []
    for label, cluster_id in enumerate(cluster_ids):
        member, effects = labels == label, effects_of[label]
        if cluster_id not in names:
            taken = {*names.values(), *old_names.values()}
            names[cluster_id] = (
                unused([scheme.everybody or f"All {population} customers"], taken)
                if member.all()
                else name_cluster(effects, scheme, minimum_effect=name_effect, taken=taken)
            )
        spoken = spoken_features(effects, scheme, minimum_effect=name_effect)
        leading = list(spoken["feature"].head(LEADING_FEATURES))
        rule = (
            measure_rule(rules[label], sample, member, scheme)
            if rules
            else cluster_rule(sample, member, scheme, leading, random_state=random_state)
        )
        bounds.append(rule.bounds)
        rows.append(
            {
                "population": population,
                "cluster_id": cluster_id,
                "cluster_name": names[cluster_id],
                **_said(rule),
                "customers": int(member.sum()),
                "share": float(member.mean()),
                "jaccard": model.jaccard_[label],
                "silhouette": model.silhouette_[label],
                "top_features": json.dumps(effects[SHOWN].head(TOP_FEATURES).round(4).to_dict("records")),
                "exemplars": _exemplars(sample, member, distances[:, label], effects["feature"].head(TOP_FEATURES)),
            }
        )
    return pd.DataFrame(rows, columns=CLUSTER_COLUMNS), bounds


CLUSTER_COLUMNS = [
    *("population", "cluster_id", "cluster_name", "rule", "rule_in_words", "rule_precision", "rule_recall"),
    *("customers", "share", "jaccard", "silhouette", "top_features", "exemplars"),
]


def _said(rule: Rule) -> dict[str, object]:
    return {
        "rule": rule.text,
        "rule_in_words": rule.words,
        "rule_precision": rule.precision,
        "rule_recall": rule.recall,
    }


def _exemplars(sample: pd.DataFrame, member: np.ndarray, distance: np.ndarray, features: pd.Series) -> str:
    """Return the members nearest to the center as JSON: no ids, and values rounded to two digits to stay anonymous."""
    own = np.flatnonzero(member)
    nearest = own[np.argsort(distance[own].round(9), kind="stable")[:EXEMPLARS]]
    return json.dumps(
        [
            {name: None if pd.isna(value) else float(f"{value:.2g}") for name, value in row.items()}
            for row in sample.iloc[nearest][list(features)].to_dict("records")
        ]
    )


def picture(model: FeatureClusters, sample: pd.DataFrame, labels: Labels, cluster_ids: Sequence[str]) -> pd.DataFrame:
    """Return `point`, `cluster_id` (null if mixed), `x` and `y` for part of the sample, without customer ids."""
    shown, label = sample.head(PICTURE_POINTS), labels[:PICTURE_POINTS]
    points = np.zeros((len(shown), 2)) if model.core_ is None else model.core_.picture(model.to_space(shown))
    ids = np.array([*cluster_ids, None], dtype=object)[label]
    return pd.DataFrame(
        {
            "point": np.arange(1, len(shown) + 1),
            "cluster_id": pd.Series(ids, dtype="str"),
            "x": points[:, 0].round(4),
            "y": points[:, 1].round(4),
        }
    )


def reasons(model: FeatureClusters, batch: pd.DataFrame, own: Labels, runner_up: Labels) -> np.ndarray:
    """Say in words which features make each row a member of its cluster rather than of the runner-up.

    At most three features, the largest contribution to the difference of squared distances first; null if there is no
    cluster or no runner-up. High and low are relative to the mean of the customers fitted on.
    """
    said = np.full(len(batch), None, dtype=object)
    core = model.core_
    is_placed = (own >= 0) & (runner_up >= 0)
    if core is None or not is_placed.any():
        return said
    space = model.to_space(batch[is_placed])
    parts = core.contributions(space, own[is_placed], runner_up[is_placed])
    count = min(REASONS, parts.shape[1])
    first = np.argsort(-parts, axis=1, kind="stable")[:, :count]
    words = np.array([_words(name) for name in model.space_columns()], dtype=object)
    is_high = np.take_along_axis(space > core.offset_, first, axis=1)
    is_for = np.take_along_axis(parts, first, axis=1) > 0
    # Few combinations, many customers: each combination is put into words once.
    codes = np.where(is_for, 2 * first + is_high, -1)
    kinds, which = np.unique(codes, axis=0, return_inverse=True)
    texts = [", ".join(words[code // 2][code % 2] for code in kind if code >= 0) or None for kind in kinds]
    said[is_placed] = np.array(texts, dtype=object)[which.reshape(-1)]
    return said


def _words(feature: str) -> tuple[str, str]:
    """Return the words for little and for much of a feature: `gb_month_3m` → `low GB a month`, `high GB a month`."""
    words = feature_words(feature)
    return (f"no {words}", words) if feature.startswith("has_") else (f"low {words}", f"high {words}")
