"""How far the margin of customers who stay comes to lie from what was expected of it.

Learned from a past month end: of those who stayed, what they brought over what their margin path promised. Quantiles of
that ratio, by population, say how uncertain an expected margin is: price rises, changes of plan, usage, credits and
write-offs, whatever moves margins, are in it because they were in the past. Nothing is assumed of its shape, as in
split conformal prediction (Lei et al. 2018), of which this is the one-sample form.
"""

from typing import Self

import numpy as np
import pandas as pd
from scipy.stats import norm

from models.retention.shifted_beta_geometric import Floats

SPREAD_COLUMNS = ("population", "expected_margin", "actual_margin")
MIN_CUSTOMERS = 100
# Standard deviation of a level that all customers share and one past month end cannot show, such as the share of bills
# that is not paid. Where fees are flat and margins come as expected, it is all the spread there is.
LEVEL_ERROR = 0.01
# Between these shares of the customers lies what a node stands for: fine where bounds are likely to fall.
_TAIL = np.array([0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.4])
_EDGES = np.concatenate([_TAIL, [0.5], 1.0 - _TAIL[::-1]])
NODE_WEIGHTS = np.diff(_EDGES)
NODES = len(NODE_WEIGHTS)


class MarginSpread:
    """Quantiles of realised over expected margin.

    Attributes:
        nodes_: by population, ``NODES`` ratios, ascending, as likely as ``NODE_WEIGHTS`` says; populations of fewer
            than ``MIN_CUSTOMERS`` have those of everybody.
        everybody_: the same over all customers; all 1 where fewer than ``MIN_CUSTOMERS`` are known, so that an
            interval then holds the chance of leaving alone.
        customers_: how many customers it was learned from.
    """

    def fit(self, stayed: pd.DataFrame) -> Self:
        """Learn from customers who stayed.

        Args:
            stayed: ``SPREAD_COLUMNS``, one row per customer: expected margin if it stayed, and its margin
                in the same months. Without a positive expectation there is no ratio, and the row is not read.
        """
        known = stayed[stayed["expected_margin"] > 0]
        ratio = (known["actual_margin"] / known["expected_margin"]).clip(lower=0.0)
        self.customers_ = len(ratio)
        self.everybody_ = _nodes(ratio) if len(ratio) >= MIN_CUSTOMERS else np.ones(NODES)
        groups = ratio.groupby(known["population"].to_numpy())
        self.nodes_ = {str(name): _nodes(each) for name, each in groups if len(each) >= MIN_CUSTOMERS}
        return self

    def ratios(self, population: pd.Series) -> Floats:
        """Array (customers, ``NODES``)."""
        tables = np.stack([self.everybody_, *self.nodes_.values()])
        row = population.map({name: number for number, name in enumerate(self.nodes_, start=1)})
        return np.asarray(tables[row.fillna(0).to_numpy(dtype=np.int64)])


def _nodes(ratio: pd.Series) -> Floats:
    middle = (_EDGES[1:] + _EDGES[:-1]) / 2.0
    return np.asarray(np.quantile(ratio.to_numpy(dtype=np.float64), middle) * (1.0 + LEVEL_ERROR * norm.ppf(middle)))
