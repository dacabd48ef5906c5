"""Reproducible random draws: a keyed hash of whom the draw is about."""

import hashlib

import numpy as np
import pandas as pd


def keyed_uniform(keys: pd.Series, key: str, purpose: str) -> np.ndarray:
    """Return a number in [0, 1) for each key, the same in every run, order and machine.

    The keys are hashed by SipHash-2-4 under a 128-bit key derived from the digest of ``key`` and ``purpose``, so that
    draws for different purposes (a hold-out, the control group of an offer, a day's exploration) are independent.

    Args:
        keys: text, shape (n,); not null.
        key: key of the deployment, secret or not.
        purpose: what the draw is for.
    """
    digest = hashlib.sha256(f"{key}\x1f{purpose}".encode()).hexdigest()[:16]
    hashed = pd.util.hash_array(keys.astype(object).to_numpy(), hash_key=digest, categorize=False)
    # A double holds 53 bits, so the draw stays below 1.
    return (hashed >> np.uint64(11)).astype(float) / 2.0**53


def drawn_by_group(units: pd.Series, groups: pd.Series, key: str, purpose: str) -> np.ndarray:
    """Return ``keyed_uniform`` of the units, drawn independently for each group."""
    drawn = np.empty(len(units))
    for group, rows in units.groupby(groups, sort=False).indices.items():
        drawn[rows] = keyed_uniform(units.iloc[rows], key, f"{purpose}\x1f{group}")
    return drawn
