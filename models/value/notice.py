"""Customers who have given notice: their end is known, and that of others is less likely to come unannounced.

Hazards count every ending. Where some are told ahead, who has said nothing by the as-of date leaves in the next months
only with the share of endings that nobody tells so early; else those under notice would be counted twice.
"""

import numpy as np
import pandas as pd

from models.retention.shifted_beta_geometric import Floats

BOOKING_COLUMNS = ("lead_days", "endings")
_DAYS = np.arange(1.0, 31.0)  # of a month in which an ending may come


def told_ahead(bookings: pd.DataFrame, months: int) -> Floats:
    """Share of the endings of each coming month that is known at the month end before the first of them.

    Args:
        bookings: ``BOOKING_COLUMNS``: days from the booking of an ending to the ending, 0 where it was not told ahead,
            and how many endings there were.
        months: how many coming months to look at.

    Returns:
        Array (months,), never rising; zeros where no ending is known.
    """
    weights = bookings["endings"].to_numpy(dtype=np.float64)
    if not weights.sum():
        return np.zeros(months)
    lead = bookings["lead_days"].to_numpy(dtype=np.float64)[:, None]
    return np.array([weights @ (lead >= 30.0 * month + _DAYS).mean(axis=1) / weights.sum() for month in range(months)])


def hazards_with_notices(hazard: Floats, months_left: Floats, told: Floats) -> Floats:
    """Hazards in view of the notices that were given.

    Args:
        hazard: array (rows, months) of the retention model.
        months_left: month ends ahead at which a row is still served, NaN without notice.
        told: ``told_ahead``.

    Returns:
        Array (rows, months): under notice 0 until the last of these and 1 after it.
    """
    unannounced = np.ones(hazard.shape[1])
    known = min(len(told), hazard.shape[1])
    unannounced[:known] -= told[:known]
    ends = np.arange(hazard.shape[1]) >= months_left[:, None]
    return np.where(np.isnan(months_left)[:, None], hazard * unannounced, ends.astype(np.float64))
