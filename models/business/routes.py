"""How a company is best sold to and served: the route that leaves most of its value after its cost."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from models.business.parameters import Route


def recommend_routes(companies: pd.DataFrame, routes: Mapping[str, Route]) -> pd.DataFrame:
    """Return the route of every company, with its cost per month, what it leaves, the runner-up and the reason.

    Parameters
    ----------
    companies
        `monthly_margin` and `headroom` (money a month; headroom null where there is nobody to compare with, then it
        counts as nothing), `sites`, `open_contracts`.
    routes
        The routes by name. `value = margin_share x (margin + headroom_share x headroom) - cost`, where
        `cost = monthly_cost + monthly_cost_per_site x sites`. A route beyond whose limits a company lies is out.
        Equal values go to the cheaper route, then to the one named first. A loss on margin is a loss by any route:
        commission takes no part of it.
    """
    names = np.array(list(routes), dtype=object)
    margin = companies["monthly_margin"].to_numpy(dtype=float, na_value=0.0)
    headroom = companies["headroom"].to_numpy(dtype=float, na_value=0.0)
    sites = companies["sites"].to_numpy(dtype=float)
    contracts = companies["open_contracts"].to_numpy(dtype=float)

    def each(part: str, unlimited: float | None = None) -> np.ndarray:
        values = [getattr(route, part) for route in routes.values()]
        return np.array([unlimited if value is None else value for value in values], dtype=float)

    is_within = (sites[:, None] <= each("most_sites", np.inf)) & (contracts[:, None] <= each("most_contracts", np.inf))
    cost = each("monthly_cost") + sites[:, None] * each("monthly_cost_per_site")
    won = headroom[:, None] * each("headroom_share")
    earned = margin[:, None] + won
    value = np.where(earned > 0, earned * each("margin_share"), earned) - cost
    # Numbers are compared to the cent, so that ties are ties on every machine.
    ranked = np.lexsort(
        (np.broadcast_to(np.arange(len(names)), cost.shape), cost.round(2), -value.round(2), ~is_within)
    )
    rows = np.arange(len(companies))
    best = ranked[:, 0] if len(names) else np.zeros(len(companies), dtype=int)
    has_second = is_within.sum(axis=1) > 1
    second = ranked[:, min(1, len(names) - 1)]
    return pd.DataFrame(
        {
            "recommended_route": names[best],
            "route_cost": cost[rows, best].round(2),
            "route_value": value[rows, best].round(2),
            "runner_up_route": pd.Series(names[second], dtype=object).where(has_second, None).to_numpy(),
            "route_reason": _reasons(names, best, second, has_second, is_within, cost, won, value),
        },
        index=companies.index,
    )


def _reasons(
    names: np.ndarray,
    best: np.ndarray,
    second: np.ndarray,
    has_second: np.ndarray,
    is_within: np.ndarray,
    cost: np.ndarray,
    won: np.ndarray,
    value: np.ndarray,
) -> np.ndarray:
    """Say in words what the route costs, wins and leaves, beside the runner-up, and which routes are out."""
    rows = np.arange(len(best))

    def money(amounts: np.ndarray) -> pd.Series:
        # Without rows pandas would keep the numbers' type.
        return pd.Series(amounts).map("{:.2f}".format).astype(object)

    text = "costs " + money(cost[rows, best]) + " a month, is expected to win " + money(won[rows, best])
    text += " of headroom and leaves " + money(value[rows, best])
    beside = text + ", " + money(value[rows, best] - value[rows, second]) + " more than " + pd.Series(names[second])
    text = beside.where(has_second, text)
    for number, name in enumerate(names):
        is_out = ~is_within[:, number]
        text = (text + f"; {name} is out: too many sites or contracts").where(is_out, text)
    return text.to_numpy(dtype=object)
