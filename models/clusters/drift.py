"""Whether this month's customers still resemble those that a model was fitted on."""

from collections.abc import Collection
from typing import TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

BINS = 10
# A bin edge is put into the widest gap between values within this share of the rows on either side of a decile.
AROUND = 0.05
# Watched in addition to the features.
DERIVED = ("cluster", "cluster_distance")
# Share of unchanged months in which any feature may be reported as drifted by chance alone.
FALSE_ALARMS = 0.01
# Common factors tried for amounts of money, half to twice: beyond that it is another unit, not a price change. List
# prices lie close together: half a percent off the true factor already puts many of them into another bin.
LEVELS = np.exp(np.arange(-1386, 1387) * 5e-4)


class Reference(TypedDict):
    """Rows per bin of every column at the time of the fit; holds no value of any customer."""

    edges: dict[str, NDArray[np.float64]]
    counts: dict[str, NDArray[np.int64]]


def reference(frame: pd.DataFrame) -> Reference:
    """Count the rows of each float column per decile bin of its known values, and the rows without a value.

    Edges lie in gaps between values where there are any, so that a tiny change of a list price does not change its bin.
    """
    edges = {}
    for name in frame:
        known = frame[name].dropna().to_numpy()
        edges[str(name)] = _edges(known) if len(known) else np.empty(0)
    return {"edges": edges, "counts": {name: _counts(frame[name].to_numpy(), edges[name]) for name in edges}}


def stability_index(before: Reference, frame: pd.DataFrame, money: Collection[str] = ()) -> pd.DataFrame:
    """Return the population stability index of every column against the reference, the largest first.

    PSI = Σ (p - q) ln(p / q) over the bins (Siddiqi 2006), with half a row added to each bin so that an empty one
    stays finite. `noise` is the bound that PSI rarely exceeds by chance in any column: if nothing has changed, PSI is
    approximately (1/n + 1/m) times chi-squared with bins - 1 degrees of freedom (Yurdakul 2018).

    A price rise of 8% for everybody is not a change of behavior: columns in `money` are compared after division by the
    common factor that minimizes PSI, their `level` (1 if PSI is within the noise). With list prices several factors
    give the same minimum, and `level` is the one closest to 1.
    """
    rows = []
    for name, edges in before["edges"].items():
        old, values = before["counts"][name], frame[name].to_numpy()
        level, (psi, noise) = 1.0, _index(old, _counts(values, edges), len(before["edges"]))
        if name in money and psi > noise:
            level = _common_level(old, values, edges)
            psi, noise = _index(old, _counts(values / level, edges), len(before["edges"]))
        rows.append((name, psi, noise, level))
    found = pd.DataFrame(rows, columns=["feature", "psi", "noise", "level"])
    return found.sort_values(["psi", "feature"], ascending=[False, True], ignore_index=True)


def drift_status(drift: pd.DataFrame, *, watch: float, act: float) -> tuple[str, str]:
    """Return `steady`, `watch` or `act`, and the feature responsible (empty if steady).

    A drifted feature is named in preference to the cluster shares and distances, because it explains them.
    """
    drifted = drift[(drift["psi"] > drift["noise"]) & (drift["psi"] >= watch)]
    if drifted.empty:
        return "steady", ""
    is_act = bool(drifted["psi"].iloc[0] >= act)
    reached = drifted[drifted["psi"] >= act] if is_act else drifted
    named = reached.loc[~reached["feature"].isin(DERIVED), "feature"]
    return ("act" if is_act else "watch"), str((named if len(named) else reached["feature"]).iloc[0])


def _edges(known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the deciles of some values, each moved to the middle of the widest gap near it."""
    distinct, rows = np.unique(known, return_counts=True)
    if len(distinct) == 1:
        return distinct
    gaps = np.diff(distinct)
    edges = np.append(distinct[:-1] + gaps / 2, distinct[-1] + gaps[-1] / 2)
    below = np.cumsum(rows) / len(known)
    tenths = np.quantile(known, np.arange(1, BINS) / BINS)
    found = []
    for at in np.searchsorted(distinct, tenths, side="right") - 1:
        low, high = np.searchsorted(below, [below[at] - AROUND, below[at] + AROUND])
        near = gaps[low:high]
        found.append(at if at == len(gaps) or len(near) == 0 else low + near.argmax())
    return np.unique(edges[found])


def _common_level(old: NDArray[np.int64], values: NDArray[np.float64], edges: NDArray[np.float64]) -> float:
    """Return the common factor that minimizes PSI; of equal minima the one closest to 1."""
    known = np.sort(values[~np.isnan(values)])
    # Rows up to every edge at every level, found with a single search.
    up_to = np.searchsorted(known, LEVELS[:, None] * edges, side="right")
    ends = np.broadcast_to([0, len(known)], (len(LEVELS), 2))
    new = np.diff(np.column_stack([ends[:, 0], up_to, ends[:, 1]]), axis=1)
    p, q = new + 0.5, old[:-1] + 0.5
    p, q = p / p.sum(axis=1, keepdims=True), q / q.sum()
    left = ((p - q) * np.log(p / q)).sum(axis=1).round(9)
    return float(LEVELS[np.lexsort([np.abs(np.log(LEVELS)), left])[0]])


def _index(old: NDArray[np.int64], new: NDArray[np.int64], columns: int) -> tuple[float, float]:
    """Return the population stability index of the rows per bin, and its bound under chance alone."""
    is_seen = (old > 0) | (new > 0)
    p, q = (_shares(part[is_seen]) for part in (new, old))
    freedom = max(int(is_seen.sum()) - 1, 1)
    scale = 1 / max(old.sum(), 1) + 1 / max(new.sum(), 1)
    noise = scale * chi2.ppf(1 - FALSE_ALARMS / columns, freedom)
    return float(((p - q) * np.log(p / q)).sum()), float(noise)


def _counts(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count the rows in each bin (upper edge included), then those without a value."""
    is_known = ~np.isnan(values)
    counts = np.bincount(np.searchsorted(edges, values[is_known]), minlength=len(edges) + 1)
    return np.append(counts, (~is_known).sum())


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    smoothed: NDArray[np.float64] = (counts + 0.5) / (counts.sum() + 0.5 * len(counts))
    return smoothed
