"""The right edge of the observation window: endings that are booked late make the last months look too good."""

import numpy as np
import pandas as pd

from models.observation.parameters import ObservationParameters
from models.observation.unrecorded_months import Counts, unrecorded_stretch


def last_complete_month(
    months: pd.DataFrame, last: int, complete_through: int | None, parameters: ObservationParameters
) -> int:
    """The last month end whose following month has its endings on record.

    Args:
        months: ``MONTH_COLUMNS``, none after ``last``.
        last: the last month end whose following month is over.
        complete_through: what delays of booking say; where None, the endings of the last months are tested against
            those before them.
        parameters: of the test.
    """
    if complete_through is not None:
        return min(last, complete_through)
    late = unrecorded_stretch(
        Counts.of(months).reversed(),
        parameters.most_rate_late,
        parameters.significance,
        parameters.least_expected,
        parameters.most_late_months,
    )
    return last - late.months if late else last


def complete_through(delays: pd.DataFrame, last_month: int, late_share: float) -> int:
    """The last month end whose following month has at most ``late_share`` of its endings still to be booked.

    Args:
        delays: ``delay_days`` from an ending to its booking, 0 where it was booked ahead, and ``endings``.
        last_month: the last month end whose following month is over.
        late_share: see ``ObservationParameters``.
    """
    days = np.maximum(delays["delay_days"].to_numpy(dtype=np.float64), 0.0)
    weight = delays["endings"].to_numpy(dtype=np.float64)
    if not weight.sum():
        return last_month
    # An ending on a day of a month has the days to the end of that month, and the whole months after it.
    day = np.arange(30.0)
    for months_ago in range(int(days.max() // 30) + 1):
        late = (days[:, None] > day[None, :] + 30.0 * months_ago).mean(axis=1) @ weight / weight.sum()
        if late <= late_share:
            return last_month - months_ago
    return last_month - int(days.max() // 30) - 1
