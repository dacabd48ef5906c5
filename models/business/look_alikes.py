"""What companies buy that are alike in everything else: headroom, and how well it predicts what is held."""

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.neighbors import NearestNeighbors

from models.business.features import FAMILIES, scheme_without
from models.business.parameters import MidBandParameters
from models.clusters.feature_clusters import stable_sample, usable_features
from models.clusters.feature_space import feature_space, numeric

HEADROOM_COLUMNS = [
    *("customer_id", "product_family", "is_held", "look_alikes", "uptake", "look_alike_margin"),
    *("own_margin", "headroom"),
]

LEAST_LOOK_ALIKES = 5


class LookAlikes(BaseEstimator):
    """The nearest companies of a sample, once for every product family, by all that says nothing of that family.

    Comparing within clusters of needs would be circular: a cluster is what its members hold, so those without a
    product would be compared with others without it. Therefore nearness leaves out the family in question.
    `fit` takes rows of `features.mid_band_features`.

    Attributes
    ----------
    sample_ : the companies compared with, in the order of a hash of their id
    families_ : families that some of them hold and that can be compared
    """

    def __init__(self, parameters: MidBandParameters | None = None) -> None:
        self.parameters = parameters

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Choose the sample and build a space for every family."""
        settings = self.parameters or MidBandParameters()
        self.sample_ = stable_sample(X, settings.look_alike_sample)
        self.spaces_: dict[str, tuple[ColumnTransformer, tuple[str, ...], NearestNeighbors]] = {}
        self.held_: dict[str, np.ndarray] = {}
        self.margin_: dict[str, np.ndarray] = {}
        enough = len(self.sample_) >= max(settings.minimum_companies, 2)
        for family in FAMILIES if enough else ():
            scheme = scheme_without(family)
            used = usable_features(self.sample_, scheme)["is_used"]
            names = tuple(str(name) for name in used.index[used])
            held = numeric(self.sample_, (f"has_{family}",)).to_numpy()[:, 0] == 1
            if not names or not held.any():
                continue
            space = feature_space(tuple(scheme.feature(name) for name in names), scheme.weights)
            points = space.fit_transform(numeric(self.sample_, names))
            self.spaces_[family] = (space, names, NearestNeighbors(algorithm="brute").fit(points))
            self.held_[family] = held
            self.margin_[family] = numeric(self.sample_, (f"{family}_margin",)).fillna(0).to_numpy()[:, 0]
        self.families_ = list(self.spaces_)
        return self

    def neighbors(self, X: pd.DataFrame, family: str) -> np.ndarray:
        """Return positions in `sample_` of every row's look-alikes, itself never among them (rows × look-alikes)."""
        settings = self.parameters or MidBandParameters()
        space, names, index = self.spaces_[family]
        count = min(settings.look_alikes, max(LEAST_LOOK_ALIKES, len(self.sample_) // 10), len(self.sample_) - 1)
        found = index.kneighbors(space.transform(numeric(X, names)), count + 1, return_distance=False)
        ids = self.sample_["customer_id"].to_numpy(dtype=object)
        is_self = ids[found] == X["customer_id"].to_numpy(dtype=object)[:, None]
        # Companies that are the same in everything may crowd a row out of its own neighbours: then the last one goes.
        is_self[~is_self.any(axis=1), -1] = True
        others: np.ndarray = found[~is_self].reshape(len(X), count)
        return others

    def headroom(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return one row per company and family: what look-alikes bring with it, and how much more that is.

        `uptake` is the share of look-alikes that hold the family. `look_alike_margin` is what a company would bring if
        it became like them: of one that holds the family the median margin a month, after discounts and the product's
        own cost, of those who hold it too; of one that does not, that times the uptake. `headroom` is by how much that
        exceeds the company's `own_margin`, at least zero. Fewer companies than `minimum_companies`: no rows.
        """
        parts = []
        for family in self.families_ if len(X) else ():
            others = self.neighbors(X, family)
            holds = self.held_[family][others]
            uptake = holds.mean(axis=1)
            is_held = numeric(X, (f"has_{family}",)).to_numpy()[:, 0] == 1
            # A median, because a few companies with lines of a hundred times the price are nobody's measure.
            margins = np.ma.masked_array(self.margin_[family][others], mask=~holds)
            typical = np.ma.median(margins, axis=1).filled(0.0) * np.where(is_held, 1.0, uptake)
            own = numeric(X, (f"{family}_margin",)).fillna(0).to_numpy()[:, 0]
            parts.append(
                pd.DataFrame(
                    {
                        "customer_id": X["customer_id"].to_numpy(),
                        "product_family": family,
                        "is_held": is_held,
                        "look_alikes": others.shape[1],
                        "uptake": uptake,
                        "look_alike_margin": typical.round(2),
                        "own_margin": own.round(2),
                        "headroom": np.maximum(typical - own, 0).round(2),
                    }
                )
            )
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=HEADROOM_COLUMNS)
