"""The section about behavioral clusters: what they are, how many the data support, how stable each is."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from models.feature_words import feature_words, is_percentage
from orchestration.report import figures
from orchestration.report.data import ReportData
from orchestration.report.formats import is_unknown, label, number, share
from orchestration.report.section import Section, empty

# Hennig (2007): the mean Jaccard similarity of a cluster with its best match in a resample.
STABILITY = ((0.85, "highly stable"), (0.75, "stable"), (0.60, "doubtful"), (0.0, "unstable"))
STATUS_MEANING = {
    "clustered": "close to one cluster",
    "mixed": "between clusters, so in none of them",
    "insufficient_history": "too little history to tell",
    "not_applicable": "not open, or not in a population that is clustered",
}


def clusters(data: ReportData) -> Section:
    """Show what the clusters are, how many the data support, and how stable each is."""
    rows, evidence, status = data["clusters"], data["evidence"], data["behavior_status"]
    title = "Behavioral clusters"
    sizes = status.groupby("population")["customers"].sum()
    present = {*rows["population"], *evidence["population"]} & {*sizes.index}
    populations = sorted(present, key=lambda name: (-sizes.get(name, 0), name))
    if not populations:
        return empty("clusters", title, data, "No population had enough customers with a history to cluster.")
    known = data["cluster_names"]
    names = dict(zip(known["cluster_id"], known["cluster_name"], strict=True))
    blocks = []
    for population in populations:
        members = rows[rows["population"] == population]
        shown = [
            row
            | {
                "stability": stability(row["jaccard"]),
                "apart": features_apart(row["top_features"]),
                "is_new": data.previous is not None and row["first_version_id"] == data.version["version_id"],
            }
            for row in members.to_dict("records")
        ]
        tested = evidence[evidence["population"] == population]
        decisions = tested.loc[tested["is_chosen"].fillna(False).astype(bool), "decision"].dropna()
        counted = status[status["population"] == population]
        points = data["cluster_map"]
        named = dict(zip(members["cluster_id"], members["cluster_name"], strict=True))
        blocks.append(
            {
                "population": label(population),
                "rows": shown,
                "map": figures.cluster_map(points[points["population"] == population], named, population)
                if len(named) > 1
                else "",
                "model": model_says(data["behavior_models"], population),
                "events": [event_says(row, names) for row in _events(data, population)],
                "has_outcomes": members["later_churn_rate"].notna().any(),
                "has_use": tested["later_churn_association"].notna().any(),
                "evidence": [row | {"made_by": made_by(row)} for row in tested.to_dict("records")],
                "decision": decisions.iloc[0] if len(decisions) else "",
                "status": [
                    row | {"meaning": STATUS_MEANING.get(row["behavior_status"], "")}
                    for row in counted.to_dict("records")
                ],
            }
        )
    return Section("clusters", title, _takeaway(rows, populations), content={"populations": blocks})


def _events(data: ReportData, population: str) -> list[dict[str, Any]]:
    events = data["behavior_events"]
    # In the first version every cluster is a birth, which is not news.
    if data.previous is None:
        return []
    found = events[events["population"] == population].to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in found]


def made_by(row: Mapping[str, Any]) -> str:
    """Name how the clusters in a row of evidence were made, with the components of a mixture; old rows do not say."""
    if row["shape"] == "mixture":
        return f"Gaussian mixture of {int(row['components'])}"
    return {"k_means": "k-means", "one_cluster": "one cluster"}.get(row["shape"], "–")


def event_says(event: dict[str, Any], names: Mapping[str, str]) -> str:
    """Say in one sentence what happened to a cluster since the previous version."""
    cluster = names.get(event["cluster_id"], event["cluster_id"])
    related = names.get(event["related_cluster_id"], event["related_cluster_id"])
    return {
        "birth": f"“{cluster}” is new.",
        "death": f"“{cluster}” is gone.",
        "split": f"“{cluster}” was split off “{related}”.",
        "merge": f"“{cluster}” merged into “{related}”.",
    }[event["event"]]


def model_says(models: pd.DataFrame, population: str) -> str:
    """Say in one sentence which model scored the population, why, and how far customers have drifted."""
    found = models[models["population"] == population]
    if found.empty:
        return ""
    row = found.iloc[0]
    drift = "" if is_unknown(row["drift_psi"]) else f" Largest drift (PSI): {number(row['drift_psi'], 2)}."
    if row["decision"] == "fitted":
        return f"Fitted this month on {number(row['fitted_customers'])} customers: {row['reason']}.{drift}"
    since = str(row["fitted_as_of_date"])[:7]
    return f"The model of {since} is still used: {row['reason']}.{drift}"


def _takeaway(rows: pd.DataFrame, populations: list[str]) -> str:
    parts = []
    for population in populations:
        members = rows[rows["population"] == population]
        if len(members) < 2:
            parts.append(f"{population} customers differ in degree, not in kind, and stay one group")
        else:
            largest = members.sort_values("customers").iloc[-1]
            parts.append(
                f"{population} customers fall into {len(members)} groups,"
                f" the largest being “{largest['cluster_name']}” with {share(largest['share'], 0)}"
            )
    sentence = "; ".join(parts) + "."
    return sentence[:1].upper() + sentence[1:]


def stability(jaccard: Any) -> str:
    """Say in a word or two how reliably a cluster recurs in resamples."""
    if is_unknown(jaccard):
        return "not tested"
    return next(word for least, word in STABILITY if jaccard >= least)


def features_apart(top_features: Any, most: int = 3) -> list[str]:
    """Describe what sets a cluster apart, from the model's JSON: ``Evening share: 48%, others 24%``."""
    found = [] if is_unknown(top_features) else json.loads(top_features)
    return [
        f"{feature_name(each['feature'])}: {_typical(each['feature'], each['typical'])}"
        + ("" if is_unknown(each["typical_rest"]) else f", others {_typical(each['feature'], each['typical_rest'])}")
        for each in found[:most]
    ]


def feature_name(feature: str) -> str:
    """Return a feature's words with a capital, to begin a line: ``evening_share_3m`` → ``Evening share``."""
    words = feature_words(feature)
    return words[:1].upper() + words[1:]


def _typical(feature: str, value: Any) -> str:
    if feature.startswith("has_") or is_percentage(feature):
        return share(value, 0)
    return number(value, 0 if is_unknown(value) or abs(value) >= 20 or float(value).is_integer() else 1)
