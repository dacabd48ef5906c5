"""The section about behavioral clusters: what they are, how many the data bear out, how firm each is."""

import json
import re
from typing import Any

import pandas as pd

from orchestration.lib.report.data import ReportData
from orchestration.lib.report.formats import is_unknown, label, number, share
from orchestration.lib.report.section import Section, empty

# Hennig (2007): the mean Jaccard similarity of a cluster with its best match in a resample.
STABILITY = ((0.85, "highly stable"), (0.75, "stable"), (0.60, "doubtful"), (0.0, "unstable"))
STATUS_MEANING = {
    "clustered": "close to one cluster",
    "mixed": "between clusters, so in none",
    "insufficient_history": "too little history to tell",
    "not_applicable": "not open, or not in a population that is clustered",
}
FEATURE_WORDS = {
    "gb_month": "GB a month",
    "peak_mbps": "Peak Mbit/s",
    "download_mbps": "Mbit/s of the plan",
    "sessions_day": "Sessions a day",
    "tv": "TV",
    "usage_revenue": "Usage revenue a month",
    "term_months": "Months of term",
}


def clusters(data: ReportData) -> Section:
    """Show what the clusters are, how many the data bear out, and how firm each is."""
    rows, evidence, status = data["clusters"], data["evidence"], data["behavior_status"]
    title = "Behavioral clusters"
    sizes = status.groupby("population")["customers"].sum()
    present = {*rows["population"], *evidence["population"]} & {*sizes.index}
    populations = sorted(present, key=lambda name: (-sizes.get(name, 0), name))
    if not populations:
        return empty("clusters", title, data, "No population had enough customers with a history to cluster.")
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
        blocks.append(
            {
                "population": label(population),
                "rows": shown,
                "evidence": tested.to_dict("records"),
                "decision": decisions.iloc[0] if len(decisions) else "",
                "status": [
                    row | {"meaning": STATUS_MEANING.get(row["behavior_status"], "")}
                    for row in counted.to_dict("records")
                ],
            }
        )
    return Section("clusters", title, _takeaway(rows, populations), content={"populations": blocks})


def _takeaway(rows: pd.DataFrame, populations: list[str]) -> str:
    parts = []
    for population in populations:
        members = rows[rows["population"] == population]
        if len(members) < 2:
            parts.append(f"{population} customers differ by degree, not in kind, and stay one group")
        else:
            largest = members.sort_values("customers").iloc[-1]
            parts.append(
                f"{population} customers fall into {len(members)} groups,"
                f" the largest being “{largest['cluster_name']}” with {share(largest['share'], 0)}"
            )
    sentence = "; ".join(parts) + "."
    return sentence[:1].upper() + sentence[1:]


def stability(jaccard: Any) -> str:
    """Say in a word how surely a cluster comes back in a resample."""
    if is_unknown(jaccard):
        return "not tested"
    return next(word for least, word in STABILITY if jaccard >= least)


def features_apart(top_features: Any, most: int = 3) -> list[str]:
    """Write what sets a cluster apart, from the JSON that the model stores: ``Evening share: 48 %, others 24 %``."""
    found = [] if is_unknown(top_features) else json.loads(top_features)
    return [
        f"{feature_name(each['feature'])}: {_typical(each['feature'], each['typical'])}"
        + ("" if is_unknown(each["typical_rest"]) else f", others {_typical(each['feature'], each['typical_rest'])}")
        for each in found[:most]
    ]


def feature_name(feature: str) -> str:
    """Write a feature in words, without the window it is measured over: ``gb_month_3m`` → ``GB a month``."""
    words = re.sub(r"_\d+m(_mean)?$", "", feature).removeprefix("has_")
    return FEATURE_WORDS.get(words) or label(words)


def _typical(feature: str, value: Any) -> str:
    if feature.startswith("has_") or "_share" in feature or feature.startswith("cap_use"):
        return share(value, 0)
    return number(value, 0 if is_unknown(value) or abs(value) >= 20 or float(value).is_integer() else 1)
