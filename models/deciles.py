"""Ranks of customers by value: deciles, percentiles and permilles, tenths of equal value, and fixed deciles.

The order is total (value in whole cents in descending order, then ``customer_id``), so neither the order of rows nor
floating-point noise can change a rank.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

RANK_COLUMNS = (
    "value_decile",
    "value_decile_in_market",
    "value_percentile",
    "value_permille",
    "value_share_decile",
)
TENTHS = 10


def assign_deciles(values: pd.DataFrame) -> pd.DataFrame:
    """Rank every customer of one as-of date.

    A customer belongs to the group that contains the middle of its place in the order; the best customer is always in
    the first group. So sizes differ by at most one, also with fewer customers than groups (some are then empty), the
    best p percentiles are the nearest whole number to p % of the customers, and percentiles nest within deciles.
    ``value_share_decile`` divides the total of the positive values into ten equal amounts and gives the one in which a
    customer's value begins, so tenth 1 holds a few valuable customers, and tenth 10 many less valuable ones and all
    those without value.

    Args:
        values: ``customer_id`` (unique), ``market_segment``, ``ranked_value`` and, if not all are to be ranked,
            ``is_ranked``. A null value is not ranked.

    Returns:
        ``customer_id`` and ``RANK_COLUMNS`` (nullable integers, 1 is the most valuable) in the order and
        with the index of ``values``; null for customers not ranked, ``value_decile_in_market`` also if the market
        segment is unknown.

    Raises:
        ValueError: a customer_id is not unique.
    """
    if values["customer_id"].duplicated().any():
        raise ValueError(f"{int(values['customer_id'].duplicated().sum())} customer_id are not unique")
    amount = values["ranked_value"].to_numpy(dtype=np.float64, na_value=np.nan)
    is_ranked = ~np.isnan(amount)
    if "is_ranked" in values:
        is_ranked &= values["is_ranked"].fillna(False).to_numpy(dtype=bool)
    ranked = pd.DataFrame(
        {
            "row": np.flatnonzero(is_ranked),
            "cents": np.rint(amount[is_ranked] * 100).astype(np.int64),
            "customer_id": values["customer_id"].to_numpy()[is_ranked],
            "market_segment": values["market_segment"].to_numpy()[is_ranked],
        }
    ).sort_values(["cents", "customer_id"], ascending=[False, True])

    count = len(ranked)
    rank = np.arange(count)
    by_market = ranked.groupby("market_segment", sort=False)  # drops null segments: NaN below
    columns = {
        "value_decile": _group_of(rank, count, 10),
        "value_decile_in_market": _group_of(
            by_market.cumcount().to_numpy(), by_market["row"].transform("size").to_numpy(), 10
        ),
        "value_percentile": _group_of(rank, count, 100),
        "value_permille": _group_of(rank, count, 1_000),
        "value_share_decile": _share_tenth(ranked["cents"].to_numpy()),
    }
    result = pd.DataFrame({"customer_id": values["customer_id"]})
    for name in RANK_COLUMNS:
        placed = np.full(len(values), np.nan)
        placed[ranked["row"].to_numpy()] = columns[name]
        result[name] = pd.array(placed, dtype="Int64")
    return result


def decile_cutoffs(values: pd.DataFrame) -> pd.DataFrame:
    """Return the values at which the deciles of a reference version begin, as cut-offs for later months.

    Args:
        values: ``ranked_value`` and ``value_decile`` of every customer, as returned by ``assign_deciles``.

    Returns:
        ``value_decile`` 1..9 and ``min_ranked_value``: the lowest value in that decile, or in the next better one if
        it is empty. The tenth has no limit. Empty if nobody is ranked.
    """
    ranked = values[values["value_decile"].notna()]
    if ranked.empty:
        return pd.DataFrame({"value_decile": pd.array([], dtype="Int64"), "min_ranked_value": np.array([])})
    least = ranked["ranked_value"].astype(float).groupby(ranked["value_decile"].astype(int)).min()
    least = least.reindex(range(1, TENTHS)).ffill()
    return pd.DataFrame({"value_decile": least.index.to_numpy(), "min_ranked_value": least.to_numpy()})


def assign_fixed_deciles(values: pd.DataFrame, cutoffs: pd.DataFrame) -> pd.Series:
    """Place every ranked customer by the cut-offs of a reference version, so that months can be compared.

    A customer belongs to the best decile whose cut-off its value reaches; sizes may differ. In the reference version
    itself these are its deciles, except that customers of equal value are never separated.

    Args:
        values: ``ranked_value`` and ``value_decile`` (null: not ranked).
        cutoffs: the result of ``decile_cutoffs``.

    Returns:
        Nullable integers with the index of ``values``; null for customers not ranked, and for all if there are no
        cut-offs.
    """
    is_ranked = values["value_decile"].notna().to_numpy()
    fixed = np.full(len(values), np.nan)
    if len(cutoffs):
        # Cut-offs fall from the best decile to the worst: count those that the value does not reach, in whole cents.
        limits = np.rint(cutoffs.sort_values("value_decile")["min_ranked_value"].to_numpy(dtype=float) * 100)
        cents = np.rint(values["ranked_value"].to_numpy(dtype=np.float64, na_value=np.nan)[is_ranked] * 100)
        fixed[is_ranked] = 1 + np.searchsorted(-limits, -cents, side="left")
    return pd.Series(pd.array(fixed, dtype="Int64"), index=values.index, name="value_decile_fixed")


def best_customers(count: int, percent: ArrayLike) -> NDArray[np.int64]:
    """Return the number of the best ``percent`` (whole number) of customers: those whose percentile is at most that."""
    percent = np.asarray(percent, dtype=np.int64)
    nearest = (2 * count * percent + 100) // 200
    return np.where(percent > 0, np.maximum(nearest, min(count, 1)), 0)


def _group_of(rank: NDArray, count: int | NDArray, groups: int) -> NDArray:
    """Group 1..groups of a zero-based rank, in integers: ceil((rank + 1/2) / count * groups)."""
    group = -(-(2 * rank + 1) * groups // np.maximum(2 * count, 1))
    return np.where(rank == 0, 1, group)


def _share_tenth(cents: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tenth of the positive total in which each amount begins; amounts in descending order, in whole cents."""
    positive = np.maximum(cents, 0)
    before = np.cumsum(positive) - positive
    tenth = before * TENTHS // max(int(positive.sum()), 1) + 1
    return np.where(cents > 0, tenth, TENTHS)
