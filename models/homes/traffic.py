"""The shape of a customer's traffic, on unbounded scales: shares as log-odds, ratios as logarithms."""

import numpy as np
import pandas as pd
from scipy.special import logit

DAILY = ("upload_share_3m", "weekend_day_ratio_3m")
TRAFFIC = (*DAILY, "business_hours_share_3m")


def traffic_shape(customers: pd.DataFrame, columns: tuple[str, ...] = TRAFFIC) -> np.ndarray:
    """Return one column per name, NaN where it is not known; shape (rows, columns)."""
    return np.column_stack([_unbounded(customers[name].astype(float).to_numpy(), name) for name in columns])


def _unbounded(values: np.ndarray, name: str) -> np.ndarray:
    if name == "weekend_day_ratio_3m":
        return np.asarray(np.log(np.maximum(values, 1e-3)))
    return np.asarray(logit(np.clip(values, 1e-3, 1 - 1e-3)))
