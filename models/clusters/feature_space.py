"""One space to cluster in, made of columns of any kind; which columns is declared as data (`FeatureScheme`)."""

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
    """A column: its group, its kind, and the words for high and low values of it.

    Kinds: an `amount` is zero or more with a long tail, a `share` lies between 0 and 1, a `flag` is 0 or 1, and a
    `number` is anything else, used as it is. `high` and `low` are the words used in cluster names, None where the value
    is not worth a word. For money (`is_money`), a change common to all customers is a price change and not drift.
    """

    name: str
    group: str
    kind: str
    high: str | None = None
    low: str | None = None
    is_money: bool = False


@dataclass(frozen=True)
class FeatureScheme:
    """What clusters are made of: columns in weighted groups, and how cluster names are composed.

    Groups without a weight are not clustered. A name has at most one word per group, in `word_order`; `noun` is used
    if the group `noun_group` contributes no word. The word of the group `level` comes first if its effect is strong,
    and `quiet` groups are used only to tell two names apart.
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
    """Whether neighborhoods have a shape to learn; discrete values (flags, terms) have none."""
    everybody: str | None = None
    """Name of a cluster that contains everybody; None for "All … customers" with the population's name."""
    ignored_reasons: Mapping[str, str] = field(default_factory=dict)
    """Why features of a group without a weight are left out, by group."""

    def feature(self, name: str) -> Feature:
        """Return the declared feature of that name; KeyError if there is none."""
        found = next((feature for feature in self.features if feature.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all declared features, in declaration order."""
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
        """Learn the median positive value of each column; 1 if no value is positive."""
        values = np.asarray(X, dtype=float)
        self.median_ = np.array([np.median(c[c > 0]) if (c > 0).any() else 1.0 for c in values.T])
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Return the logs; negative amounts count as zero."""
        logs: Array = np.log1p(100 * np.maximum(np.asarray(X, dtype=float), 0) / self.median_)
        return logs


class LogitShare(TransformerMixin, BaseEstimator):
    """Log odds of a share, clipped to [floor, 1 - floor] so that shares of 0 and 1 stay finite."""

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
    """Robust units for every column, then one weight for the whole group.

    Columns are centered on the median, divided by IQR / 1.349 (the standard deviation of a normal distribution) and
    clipped, so that one outlier cannot stretch the space. Where the IQR is uninformative, as for a flag or a count
    that is mostly zero, the standard deviation is used. The group is then divided by its first singular value, as in
    multiple factor analysis (Escofier & Pages 1994), so that five redundant columns count once.
    """

    def __init__(self, weight: float = 1.0, clip: float = 4.0) -> None:
        self.weight = weight
        self.clip = clip

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn center and scale of each column, and the group's leading standard deviation."""
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

    Nulls are imputed with the sample's median, or the most frequent value for flags. This is meant for isolated nulls:
    callers leave out rows of which nothing is known (`behavior_status`).
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
