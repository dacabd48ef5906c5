"""Customers who have given notice: the end of their service is known.

Hazards count every ending, announced or not. If some endings are announced in advance, a customer who has not given
notice by the as-of date can leave in the coming months only unannounced, so its hazard is multiplied by the share of
endings that come unannounced. Otherwise customers under notice would be counted twice.
"""

import numpy as np
import pandas as pd

from models.retention.shifted_beta_geometric import Floats

ANNOUNCEMENT_COLUMNS = ("lead_days", "endings")
_DAYS = np.arange(1.0, 31.0)  # of the month in which an ending may fall


def told_ahead(announcements: pd.DataFrame, months: int) -> Floats:
    """Share of the endings of each coming month that has been announced by the month end before the first of them.

    Args:
        announcements: ``ANNOUNCEMENT_COLUMNS``: days from the announcement of an ending to the ending, 0 if there was
            none, and the number of such endings.
        months: how many coming months to look at.

    Returns:
        Array (months,), never rising; zeros where no ending is known.
    """
    weights = announcements["endings"].to_numpy(dtype=np.float64)
    if not weights.sum():
        return np.zeros(months)
    lead = announcements["lead_days"].to_numpy(dtype=np.float64)[:, None]
    return np.array([weights @ (lead >= 30.0 * month + _DAYS).mean(axis=1) / weights.sum() for month in range(months)])


def hazards_with_notices(hazard: Floats, months_left: Floats, told: Floats) -> Floats:
    """Return hazards that take notices into account.

    Args:
        hazard: array (rows, months) of the retention model.
        months_left: coming month ends at which the customer is still served, NaN without notice.
        told: ``told_ahead``.

    Returns:
        Array (rows, months): under notice 0 until the last of these and 1 after it.
    """
    unannounced = np.ones(hazard.shape[1])
    known = min(len(told), hazard.shape[1])
    unannounced[:known] -= told[:known]
    ends = np.arange(hazard.shape[1]) >= months_left[:, None]
    return np.where(np.isnan(months_left)[:, None], hazard * unannounced, ends.astype(np.float64))
