"""How columns of any kind become one space to cluster in; which columns is declared as data (`FeatureScheme`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Feature:
    """A column: its group, its kind, and the words for much and for little of it.

    Of the kinds an `amount` is zero or more with a long tail, a `share` lies between 0 and 1, a `flag` is 0 or 1, and a
    `number` is any other, taken as it is. `high` and `low` are what a cluster's name says of it, None where that is not
    worth a word. Of money a change that all share is a price and no drift.
    """

    name: str
    group: str
    kind: str
    high: str | None = None
    low: str | None = None
    is_money: bool = False


@dataclass(frozen=True)
class FeatureScheme:
    """What clusters are made of: columns in weighted groups, and how their names are put together.

    Groups without a weight are not clustered. A name has at most one word per group, in `word_order`; `noun` is used
    where no word of the group `noun_group` does. `level` is the group whose word, where strong, comes first,
    and `quiet` groups only tell two names apart.
    """

    name: str
    features: tuple[Feature, ...]
    weights: Mapping[str, float]
    noun: str = "customers"
    word_order: tuple[str, ...] = ()
    noun_group: str | None = None
    level: str | None = None
    quiet: tuple[str, ...] = ()
    has_local_metric: bool = True
    """Whether neighbours have a shape to learn; values of few kinds (flags, terms) have none."""
    everybody: str | None = None
    """Name of a cluster that everybody is in; null for "All … customers" with the population's name."""
    ignored_reasons: Mapping[str, str] = field(default_factory=dict)
    """Why features of a group without a weight are left out, by group."""

    def feature(self, name: str) -> Feature:
        """Return the declared feature of that name; KeyError where there is none."""
        found = next((feature for feature in self.features if feature.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all declared features, in their order."""
        return tuple(feature.name for feature in self.features)

    @property
    def decisive(self) -> tuple[str, ...]:
        """Names of the features whose group has at least half of the largest weight."""
        most = max(self.weights.values(), default=0.0)
        return tuple(each.name for each in self.features if self.weights.get(each.group, 0.0) >= most / 2)


def numeric(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return `columns` as float64, with nan for every kind of null, for infinities and for absent columns."""
    values = {
        name: frame[name].to_numpy(dtype="float64", na_value=np.nan) if name in frame else np.full(len(frame), np.nan)
        for name in columns
    }
    return pd.DataFrame(values, index=frame.index).replace([np.inf, -np.inf], np.nan)


class HeavyTail(TransformerMixin, BaseEstimator):
    """log(1 + 100 x / median of the positive values): zero stays zero, and the unit of x does not matter."""

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn the median positive value of each column; 1 where no value is positive."""
        values = np.asarray(X, dtype=float)
        self.median_ = np.array([np.median(c[c > 0]) if (c > 0).any() else 1.0 for c in values.T])
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Return the logs; negative amounts count as zero."""
        logs: Array = np.log1p(100 * np.maximum(np.asarray(X, dtype=float), 0) / self.median_)
        return logs


class LogitShare(TransformerMixin, BaseEstimator):
    """Log odds of a share, held inside [floor, 1 - floor] so that a share of nothing stays finite."""

    def __init__(self, floor: float = 0.01) -> None:
        self.floor = floor

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn nothing but the number of columns."""
        self.n_features_in_ = np.shape(X)[1]
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Return log(p / (1 - p))."""
        share = np.clip(np.asarray(X, dtype=float), self.floor, 1 - self.floor)
        odds: Array = np.log(share / (1 - share))
        return odds


class GroupScaler(TransformerMixin, BaseEstimator):
    """Robust units for every column, then one weight for the group they form.

    Columns are centred on the median, divided by IQR / 1.349 (a standard deviation, were they normal) and
    clipped, so that one wild value cannot stretch the space. Where the IQR says nothing, as for a flag or a
    count that is mostly zero, the standard deviation is used. The group is then divided by its first singular
    value, as in multiple factor analysis (Escofier & Pages 1994): five columns that say the same count once.
    """

    def __init__(self, weight: float = 1.0, clip: float = 4.0) -> None:
        self.weight = weight
        self.clip = clip

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn centre and scale of each column, and the group's leading standard deviation."""
        values = np.asarray(X, dtype=float)
        low, self.center_, high = np.percentile(values, [25, 50, 75], axis=0)
        robust, plain = (high - low) / 1.349, values.std(axis=0)
        scale = np.where(robust < 0.25 * plain, plain, robust)
        self.scale_ = np.where(scale > 0, scale, 1.0)
        units = self._units(values)
        self.leading_ = float(np.linalg.norm(units - units.mean(axis=0), 2) / np.sqrt(len(units))) or 1.0
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Return the weighted block, in the same columns."""
        return self._units(np.asarray(X, dtype=float)) * (self.weight / self.leading_)

    def _units(self, values: Array) -> Array:
        units: Array = np.clip((values - self.center_) / self.scale_, -self.clip, self.clip)
        return units


def feature_space(features: tuple[Feature, ...], weights: Mapping[str, float]) -> ColumnTransformer:
    """Return the unfitted transformer from the named columns to one weighted space.

    Imputation: the sample's median, for flags its most frequent value. It is meant for single gaps: rows of which
    nothing is known are for the caller to leave out (`behavior_status`).
    """
    transforms = {
        "amount": lambda: make_pipeline(SimpleImputer(strategy="median"), HeavyTail()),
        "share": lambda: make_pipeline(SimpleImputer(strategy="median"), LogitShare()),
        "number": lambda: SimpleImputer(strategy="median"),
        "flag": lambda: SimpleImputer(strategy="most_frequent"),
    }
    blocks: list[tuple[str, Pipeline, list[str]]] = []
    for group in dict.fromkeys(feature.group for feature in features):
        members = [feature for feature in features if feature.group == group]
        kinds = [
            (kind, make(), [member.name for member in members if member.kind == kind])
            for kind, make in transforms.items()
            if any(member.kind == kind for member in members)
        ]
        steps = make_pipeline(ColumnTransformer(kinds), GroupScaler(weights[group]))
        blocks.append((group, steps, [member.name for member in members]))
    return ColumnTransformer(blocks)
