"""How well needs predict which products a company holds, beside its number of employees alone."""

import numpy as np
import pandas as pd
from sklearn.metrics import d2_log_loss_score, roc_auc_score

from models.business.look_alikes import LookAlikes
from models.business.parameters import MidBandParameters
from models.clusters.feature_space import numeric

EVIDENCE_COLUMNS = ["product_family", "method", "explained_deviance", "auc", "companies", "holders"]
# Every rate is drawn towards the rate of all by so many companies, so that none is 0 or 1.
PRIOR_COMPANIES = 2.0


def staff_band(employees: pd.Series, starts: tuple[int, ...]) -> np.ndarray:
    """Return the number of the band of each count of employees, -1 where it is unknown or below the first."""
    known = employees.to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isnan(known), -1, np.searchsorted(starts, known, side="right") - 1)


def rates_of_others(held: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return for every row the rate of the others in its group, drawn towards the rate of all others."""
    rows = len(held)
    overall = (held.sum() - held) / max(rows - 1, 1)
    _, which = np.unique(groups, return_inverse=True)
    holders, members = np.bincount(which, held), np.bincount(which)
    rates: np.ndarray = (holders[which] - held + PRIOR_COMPANIES * overall) / (members[which] - 1 + PRIOR_COMPANIES)
    return rates


def uptake_evidence(model: LookAlikes) -> pd.DataFrame:
    """Return one row per family and method, `look_alikes` and `staff_bands`, judged on companies left out.

    Every company of the sample is predicted by the others only. `explained_deviance` is 1 - deviance / deviance of the
    mean (McFadden's R², below zero where the method misleads), `auc` the probability that a holder is put before one
    who is none. Families that all or none hold have no row.
    """
    settings = model.parameters or MidBandParameters()
    sample = model.sample_
    bands = staff_band(numeric(sample, ("employees",))["employees"], settings.staff_bands)
    rows = []
    for family in model.families_:
        held = model.held_[family].astype(float)
        if not 0 < held.sum() < len(held):
            continue
        others = model.neighbors(sample, family)
        overall = (held.sum() - held) / (len(held) - 1)
        near = (held[others].sum(axis=1) + PRIOR_COMPANIES * overall) / (others.shape[1] + PRIOR_COMPANIES)
        for method, predicted in (("look_alikes", near), ("staff_bands", rates_of_others(held, bands))):
            # A family with one holder is predicted for nobody, which would cost an endless deviance.
            chance = np.clip(predicted, 1e-6, 1 - 1e-6)
            explained = float(d2_log_loss_score(held, chance, labels=[0, 1]))
            auc = float(roc_auc_score(held, chance))
            rows.append((family, method, explained, auc, len(held), int(held.sum())))
    return pd.DataFrame(rows, columns=EVIDENCE_COLUMNS)
