"""How far the actual margin of customers who stay deviates from the expected one.

Learned from a past month end, over customers who stayed: actual margin / the margin their path predicted. Quantiles of
that ratio, by population, show how uncertain an expected margin is. They include price rises, plan changes, usage,
credits and write-offs, as these occurred in the past. No shape is assumed, as in split conformal prediction (Lei et
al. 2018), of which this is the one-sample form.
"""

from typing import Self

import numpy as np
import pandas as pd
from scipy.stats import norm

from models.retention.shifted_beta_geometric import Floats

SPREAD_COLUMNS = ("population", "expected_margin", "actual_margin")
MIN_CUSTOMERS = 100
# Shares of customers between which each node lies: fine where bounds are likely to fall.
_TAIL = np.array([0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.4])
_EDGES = np.concatenate([_TAIL, [0.5], 1.0 - _TAIL[::-1]])
NODE_WEIGHTS = np.diff(_EDGES)
NODES = len(NODE_WEIGHTS)


class MarginSpread:
    """Quantiles of actual over expected margin.

    Attributes:
        nodes_: by population, ``NODES`` ratios, ascending, with the probabilities ``NODE_WEIGHTS``; populations with
            fewer than ``MIN_CUSTOMERS`` use those of everybody.
        everybody_: the same over all customers; all 1 if fewer than ``MIN_CUSTOMERS`` are known, so that intervals
            reflect only the chance of leaving.
        customers_: number of customers it was learned from.
    """

    def __init__(self, shared_error: float = 0.0) -> None:
        """Args: shared_error: ``ValueParameters.shared_margin_error``; with flat fees it is the only spread."""
        self.shared_error = shared_error

    def fit(self, stayed: pd.DataFrame) -> Self:
        """Learn from customers who stayed.

        Args:
            stayed: ``SPREAD_COLUMNS``, one row per customer: expected margin if it stayed, and its actual margin
                in the same months. Rows without a positive expected margin have no ratio and are ignored.
        """
        known = stayed[stayed["expected_margin"] > 0]
        ratio = (known["actual_margin"] / known["expected_margin"]).clip(lower=0.0)
        self.customers_ = len(ratio)
        self.everybody_ = self._nodes(ratio) if len(ratio) >= MIN_CUSTOMERS else np.ones(NODES)
        groups = ratio.groupby(known["population"].to_numpy())
        self.nodes_ = {str(name): self._nodes(each) for name, each in groups if len(each) >= MIN_CUSTOMERS}
        return self

    def ratios(self, population: pd.Series) -> Floats:
        """Ratios of each customer, array (customers, ``NODES``)."""
        tables = np.stack([self.everybody_, *self.nodes_.values()])
        row = population.map({name: number for number, name in enumerate(self.nodes_, start=1)})
        return np.asarray(tables[row.fillna(0).to_numpy(dtype=np.int64)])

    def _nodes(self, ratio: pd.Series) -> Floats:
        middle = (_EDGES[1:] + _EDGES[:-1]) / 2.0
        quantiles = np.quantile(ratio.to_numpy(dtype=np.float64), middle)
        return np.asarray(quantiles * (1.0 + self.shared_error * norm.ppf(middle)))
