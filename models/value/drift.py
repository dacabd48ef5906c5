"""Whether this month's hazards and values are distributed like those of the month before.

A jump that no customer caused, such as a broken source or a model fitted on other data, moves the whole distribution
at once. It is measured by the population stability index (``models.clusters.drift``), and counts if it exceeds what
chance produces with that many customers.
"""

import numpy as np
import pandas as pd

from models.clusters.drift import reference, stability_index

MEASURES = ("churn_probability_1m", "future_value")
DRIFT_COLUMNS = (
    "measure",
    "psi",
    "noise",
    "drift_status",
    "customers",
    "mean",
    "reference_customers",
    "reference_mean",
)
STEADY, WATCH, ACT, NO_REFERENCE = "steady", "watch", "act", "no_reference"


def value_drift(before: pd.DataFrame, now: pd.DataFrame, *, watch: float, act: float) -> pd.DataFrame:
    """Compare the open customers of two versions.

    Args:
        before, now: ``MEASURES``, one row per open customer; money may be decimal.
        watch, act: population stability indices from which drift is watched and acted on.

    Returns:
        ``DRIFT_COLUMNS``, one row per measure. ``noise`` is the bound that chance alone rarely exceeds; at or below it
        the status is ``steady`` whatever the index. If either version has no open customers it is ``no_reference``, and
        the index is null.
    """
    old, new = (frame[list(MEASURES)].astype(np.float64) for frame in (before, now))
    rows = pd.DataFrame(
        {
            "measure": MEASURES,
            "customers": len(new),
            "mean": new.mean().to_numpy(),
            "reference_customers": len(old),
            "reference_mean": old.mean().to_numpy(),
        }
    )
    if old.empty or new.empty:
        return rows.assign(psi=np.nan, noise=np.nan, drift_status=NO_REFERENCE)[list(DRIFT_COLUMNS)]
    found = stability_index(reference(old), new).set_index("feature").loc[list(MEASURES)]
    psi, noise = found["psi"].to_numpy(), found["noise"].to_numpy()
    status = np.select([psi <= noise, psi >= act, psi >= watch], [STEADY, ACT, WATCH], STEADY)
    return rows.assign(psi=psi, noise=noise, drift_status=status)[list(DRIFT_COLUMNS)]


def drift_words(drift: pd.DataFrame) -> str:
    """Describe the drift in one sentence."""
    if (drift["drift_status"] == NO_REFERENCE).all():
        return "No month before to compare with."
    said = [
        f"{str(row.measure).replace('_', ' ')}: PSI {row.psi:.3f} ({row.drift_status}),"
        f" mean {row.mean:,.4g} after {row.reference_mean:,.4g}"
        for row in drift.itertuples()
    ]
    return "; ".join(said) + "."
