"""Whether this month's customers are still like those that a model was fitted on."""

from typing import TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

BINS = 10
# What is watched beside the features themselves.
DERIVED = ("cluster", "cluster_distance")
# Share of steady months in which any feature may pass for drifted by chance alone.
FALSE_ALARMS = 0.01


class Reference(TypedDict):
    """Rows per bin of every column at the time of the fit: no value of any customer."""

    edges: dict[str, NDArray[np.float64]]
    counts: dict[str, NDArray[np.int64]]


def reference(frame: pd.DataFrame) -> Reference:
    """Count the rows of each float column in tenths of its known values, and those without a value."""
    edges = {}
    for name in frame:
        known = frame[name].dropna().to_numpy()
        edges[str(name)] = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.empty(0)
    return {"edges": edges, "counts": {name: _counts(frame[name].to_numpy(), edges[name]) for name in edges}}


def stability_index(before: Reference, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the population stability index of every column against the reference, the largest first.

    PSI = Σ (p - q) ln(p / q) over the bins (Siddiqi 2006), each bin with half a row more so that an empty one
    stays finite. `noise` is what chance alone hardly exceeds in any column: where nothing has changed, PSI is about
    (1/n + 1/m) times chi-squared with bins - 1 degrees of freedom (Yurdakul 2018).
    """
    rows = []
    for name, edges in before["edges"].items():
        old, new = before["counts"][name], _counts(frame[name].to_numpy(), edges)
        is_seen = (old > 0) | (new > 0)
        p, q = (_shares(part[is_seen]) for part in (new, old))
        freedom = max(int(is_seen.sum()) - 1, 1)
        scale = 1 / max(old.sum(), 1) + 1 / max(new.sum(), 1)
        noise = scale * chi2.ppf(1 - FALSE_ALARMS / len(before["edges"]), freedom)
        rows.append((name, float(((p - q) * np.log(p / q)).sum()), float(noise)))
    found = pd.DataFrame(rows, columns=["feature", "psi", "noise"])
    return found.sort_values(["psi", "feature"], ascending=[False, True], ignore_index=True)


def drift_status(drift: pd.DataFrame, *, watch: float, act: float) -> tuple[str, str]:
    """Return `steady`, `watch` or `act`, and the feature that says so (empty where steady).

    Where customers have moved away from the clusters and a feature tells why, the feature is named.
    """
    drifted = drift[(drift["psi"] > drift["noise"]) & (drift["psi"] >= watch)]
    if drifted.empty:
        return "steady", ""
    is_act = bool(drifted["psi"].iloc[0] >= act)
    reached = drifted[drifted["psi"] >= act] if is_act else drifted
    named = reached.loc[~reached["feature"].isin(DERIVED), "feature"]
    return ("act" if is_act else "watch"), str((named if len(named) else reached["feature"]).iloc[0])


def _counts(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows in each bin (up to and with its edge), and last those without a value."""
    is_known = ~np.isnan(values)
    counts = np.bincount(np.searchsorted(edges, values[is_known]), minlength=len(edges) + 1)
    return np.append(counts, (~is_known).sum())


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    smoothed: NDArray[np.float64] = (counts + 0.5) / (counts.sum() + 0.5 * len(counts))
    return smoothed
