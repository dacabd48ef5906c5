"""What is measured of a customer's behavior, and how columns become one space to cluster in.

Everything here is declared as data: which columns, in which group, with which transform and weight.
"""

from dataclasses import dataclass
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
    """A column of `features.customer_features`: its group, and `amount`, `share` or `flag` as its kind."""

    name: str
    group: str
    kind: str


FEATURES: tuple[Feature, ...] = (
    Feature("gb_month_3m", "level", "amount"),
    Feature("peak_mbps_3m", "equipment", "amount"),
    Feature("sessions_day_3m", "equipment", "amount"),
    Feature("devices_3m", "equipment", "amount"),
    Feature("cap_use_1m", "equipment", "amount"),
    Feature("upload_share_3m", "direction", "share"),
    Feature("business_hours_share_3m", "daypart", "share"),
    Feature("evening_share_3m", "daypart", "share"),
    Feature("night_share_3m", "daypart", "share"),
    Feature("weekend_share_3m", "week", "share"),
    Feature("usage_volatility_3m", "rhythm", "amount"),
    Feature("usage_trend", "rhythm", "amount"),
    Feature("has_autopay", "payment", "flag"),
    Feature("late_share_12m", "payment", "share"),
    Feature("mean_days_late_12m", "payment", "amount"),
    Feature("failed_payments_12m", "payment", "amount"),
    Feature("contacts_3m", "care", "amount"),
    Feature("complaints_3m", "care", "amount"),
    Feature("product_families", "products", "amount"),
    Feature("has_internet", "products", "flag"),
    Feature("has_tv", "products", "flag"),
    Feature("has_fixed_voice", "products", "flag"),
    Feature("has_mobile", "products", "flag"),
    Feature("has_cloud", "products", "flag"),
    Feature("has_security", "products", "flag"),
    Feature("monthly_fee", "fee", "amount"),
    Feature("download_mbps", "fee", "amount"),
    Feature("usage_revenue_3m_mean", "fee", "amount"),
    Feature("term_months", "commitment", "amount"),
)
FEATURE_BY_NAME = {feature.name: feature for feature in FEATURES}

# Where usage is measured it decides. What a customer holds and pays has little weight then: a product flag
# splits any population perfectly and would drown a way of using the line that is merely typical. Peaks, sessions,
# devices and cap use come with the plan and the number of contracts as much as with the customer: they add little.
USAGE_WEIGHTS = {
    "level": 1.0,
    "direction": 0.8,
    "daypart": 1.0,
    "week": 0.5,
    "rhythm": 0.2,
    "equipment": 0.2,
    "payment": 0.1,
    "care": 0.1,
    "products": 0.1,
    "fee": 0.1,
    "commitment": 0.1,
}
BILLING_WEIGHTS = {"products": 1.0, "fee": 1.0, "commitment": 0.8, "payment": 0.6, "care": 0.4}


def group_weights(basis: str) -> dict[str, float]:
    """Return the weight of each group that is clustered, by what is measured: `usage` or `billing`."""
    return USAGE_WEIGHTS if basis == "usage" else BILLING_WEIGHTS


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


def feature_space(features: tuple[Feature, ...], weights: dict[str, float]) -> ColumnTransformer:
    """Return the unfitted transformer from the named columns to one weighted space.

    Imputation: the sample's median for amounts and shares, its most frequent value for flags. Customers whose
    usage is not known at all never get here (see `models.behavior.behavior_status`), so it fills single gaps.
    """
    transforms = {
        "amount": lambda: make_pipeline(SimpleImputer(strategy="median"), HeavyTail()),
        "share": lambda: make_pipeline(SimpleImputer(strategy="median"), LogitShare()),
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
