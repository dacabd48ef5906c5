"""The design effect: how much less the answers of the same customers say than as many independent ones."""

import numpy as np
import pandas as pd

MOMENTS = ("units", "actions_squared", "accepted_actions", "accepted_squared")
"""Of an arm's contact units, with m actions and a acceptances each: their number, and the sums of m^2, a m and a^2."""


def design_effect(counts: pd.DataFrame, actions: str, accepted: str, arm: str) -> np.ndarray:
    """Return by how many times the variance of an arm's share of acceptances exceeds that of independent answers.

    The variance between units, (sum (a - p m)^2) / n^2 u / (u - 1), over the binomial p (1 - p) / n (Rao and Scott, "A
    simple method for the analysis of clustered binary data", Biometrics 48, 1992): dividing the counts by it gives the
    number of independent answers that say as much. A unit is held out of an offer for good, so an offer that returns
    every month meets the same control group every month. Where all or none have accepted, the answers of a unit count
    as one, because nothing shows that they are not.

    Args:
        counts: one row per offer, with ``MOMENTS`` prefixed by ``arm``, such as treated_units; without them every
            answer counts as independent.
        actions: column of the number of actions, n.
        accepted: column of the number of acceptances.
        arm: treated or control.

    Returns:
        At least 1, shape (n,).
    """
    if f"{arm}_units" not in counts:
        return np.ones(len(counts))
    n, taken = counts[actions].to_numpy(dtype=float), counts[accepted].to_numpy(dtype=float)
    units, squared, products, accepted_squared = (counts[f"{arm}_{name}"].to_numpy(dtype=float) for name in MOMENTS)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = taken / n
        between = accepted_squared - 2 * share * products + share**2 * squared
        small = np.where(units > 1, units / (units - 1) * (n - 1) / n, np.nan)
        effect = small * between / (n * share * (1 - share))
        as_one = squared / n
    return np.maximum(np.nan_to_num(np.where(np.isfinite(effect), effect, as_one), nan=1.0), 1.0)
