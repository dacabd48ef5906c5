"""Mid-size companies: headroom, exposure to resellers and the route, one row per company."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from models.business.look_alikes import LookAlikes
from models.business.parameters import MidBandParameters
from models.business.routes import recommend_routes
from models.clusters.feature_space import numeric

PRODUCTS_SAID = 3
COLUMNS = [
    *("customer_id", "employees", "sites", "open_contracts"),
    *("needs_status", "cluster_id", "cluster_name", "cluster_reasons"),
    *("monthly_margin", "headroom", "headroom_products"),
    *("resold_share", "reseller_exposure", "families_elsewhere"),
    *("recommended_route", "route_cost", "route_value", "runner_up_route", "route_reason"),
]


def segment_mid_band(
    companies: pd.DataFrame, look_alikes: LookAlikes, parameters: MidBandParameters | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one row per company, and one a company and product family (`LookAlikes.headroom`).

    `companies` has rows of `features.mid_band_features` with the columns of `segments.mid_band_needs`. Where nobody
    could be compared, headroom is null and the route is chosen by margin alone.
    """
    settings = parameters or MidBandParameters()
    by_family = look_alikes.headroom(companies)
    ids = companies["customer_id"].to_numpy()

    def wide(column: str) -> pd.DataFrame:
        table = by_family.pivot(index="customer_id", columns="product_family", values=column)  # noqa: PD010
        return table.reindex(ids)

    more = wide("headroom").astype(float)
    total = more.sum(axis=1, min_count=1).round(2).to_numpy(dtype=float)
    lacking = ~wide("is_held").fillna(True).astype(bool)
    elsewhere = lacking & (wide("uptake").astype(float) >= settings.elsewhere_uptake)
    result = companies.reset_index(drop=True).assign(
        monthly_margin=numeric(companies, ("expected_monthly_margin",)).round(2).to_numpy()[:, 0],
        headroom=total,
        headroom_products=listed_by_amount(more),
        families_elsewhere=listed(elsewhere),
        reseller_exposure=exposure(companies["resold_share"], elsewhere.any(axis=1).to_numpy()),
    )
    routed = recommend_routes(result, settings.routes)
    return pd.concat([result, routed], axis=1)[COLUMNS], by_family


def exposure(resold_share: pd.Series, lacks_what_others_hold: np.ndarray) -> np.ndarray:
    """Say how far a company buys from others: as its contracts tell, else as its gaps suggest.

    `through_reseller`: at least half of its fees are for contracts that somebody else sold or serves;
    `partly_through_reseller`: some are. `likely_elsewhere`: none is known to be, and it lacks a family that most
    look-alikes hold. `unknown`: there is no such gap, and of none of its contracts is it known who sold it.
    """
    share = resold_share.to_numpy(dtype=float, na_value=np.nan)
    kinds: np.ndarray = np.select(
        [share >= 0.5, share > 0, lacks_what_others_hold, np.isnan(share)],
        ["through_reseller", "partly_through_reseller", "likely_elsewhere", "unknown"],
        default="none",
    )
    return kinds


def listed(flags: pd.DataFrame) -> np.ndarray:
    """Return the columns that hold in each row as `a, b`, null where none does."""
    return _join([flags[name].to_numpy() for name in flags], [str(name) for name in flags], len(flags))


def listed_by_amount(amounts: pd.DataFrame) -> np.ndarray:
    """Return the columns of each row's largest positive amounts, largest first, at most three; null for none."""
    if amounts.columns.empty:
        return np.full(len(amounts), None, dtype=object)
    names = np.array([str(name) for name in amounts], dtype=object)
    values = amounts.fillna(0).to_numpy()
    order = np.argsort(-values, axis=1, kind="stable")[:, :PRODUCTS_SAID]
    is_positive = np.take_along_axis(values, order, axis=1) > 0
    return _join(list(is_positive.T), list(names[order].T), len(amounts))


def _join(flags: Sequence[np.ndarray], words: Sequence[str | np.ndarray], rows: int) -> np.ndarray:
    text = np.full(rows, "", dtype=object)
    for is_said, word in zip(flags, words, strict=True):
        comma = np.where(text == "", "", ", ")
        text = np.where(is_said, text + comma + word, text)
    text[text == ""] = None
    return text
