"""The simulator's lifetimes and margins alone, without a file: what was seen, and what is left of each customer."""

import numpy as np
import pandas as pd

from models.retention.cohorts import CUSTOMER_COLUMNS
from simulator import SimulationParameters
from simulator.contracts import PriceList, sign
from simulator.hazards import hazard
from simulator.lifetimes import Spell, live
from simulator.margin_ahead import margin_ahead
from simulator.months import Window
from simulator.population import MAIN_FAMILIES, SEGMENTS, archetype_names, populate
from simulator.randomness import Draws
from simulator.usage import profile

POPULATIONS = np.array(["consumer", "business", "business", "wholesale"])
COHORT = list(CUSTOMER_COLUMNS)
HORIZONS = (36, 240)


def plant(customers: int, months: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Exposures and commitment ends of the window as the features have them, and the customers open at its end.

    These have ``monthly_margin``, what the month itself brought; ``true_months_36`` and ``true_months``, the discounted
    months to come under the planted hazards, over 36 and 240 months at 10% a year; and ``has_renewed``, whether their
    first commitment was followed by another.
    """
    parameters = SimulationParameters(customers=customers, months=months, end_month="2025-12", seed=seed)
    window, draws = Window.of(parameters), Draws(seed)
    people = populate(parameters, draws, 0, customers)
    lives = live(parameters, draws, people, window)
    prices = PriceList.of(parameters)
    contracts = sign(parameters, draws, people, lives, window, prices, archetype_names(parameters).index("light"))
    used = profile(parameters, draws, people, lives, contracts, prices)
    margin = margin_ahead(parameters, draws, people, contracts, used, prices, window, window.last).now
    product = np.array(MAIN_FAMILIES)[people.main_family]
    product = np.where(product == "wholesale", "other", product)

    def at(spell: Spell, month: int) -> pd.DataFrame:
        rows = np.flatnonzero(spell.open_at_end_of(month))
        term, renews = spell.term[rows], spell.renews[rows]
        frame = pd.DataFrame(
            {
                "retention_market": POPULATIONS[people.market[rows]],
                "market_segment": np.array(SEGMENTS)[people.segment[rows]],
                "retention_product": product[rows],
                "retention_term": np.where(term > 0, term.astype(str), "none"),
                "spell_months": month - spell.start_month[rows],
                "term": term,
                "renews": renews & (term > 0),
                "theta": lives.theta[rows],
                "behavior": lives.behavior[rows],
                "churned": spell.end_month[rows] == month + 1,
                "monthly_margin": margin[rows],
            }
        )
        passed = frame["spell_months"] % frame["term"].clip(lower=1)
        left = np.where(frame["renews"], frame["term"] - passed, frame["term"] - frame["spell_months"])
        return frame.assign(committed_month_ends=np.maximum(left, 0), is_committed=left > 0)

    months = range(window.first, window.last)
    seen = pd.concat([at(spell, month) for spell in lives.spells for month in months], ignore_index=True)
    counts = seen.groupby([*COHORT, "is_committed", "spell_months"], as_index=False)["churned"].agg(["size", "sum"])
    exposures = counts.rename(columns={"size": "customers_at_risk", "sum": "customers_churned"})
    is_first_end, is_later_end = seen["spell_months"] == seen["term"], seen["spell_months"] > seen["term"]
    is_end = is_first_end | (is_later_end & (seen["committed_month_ends"] == seen["term"]))
    ended = seen[(seen["term"] > 0) & is_end].assign(is_later=is_later_end)
    ends = ended.groupby([*COHORT, "is_later"], as_index=False).agg(
        commitments_ended=("renews", "size"), commitments_renewed=("renews", "sum"), term_months=("term", "mean")
    )
    people_now = pd.concat([at(spell, window.last) for spell in lives.spells], ignore_index=True)
    near, whole = _months_left(parameters, people_now)
    has_renewed = people_now["renews"] & (people_now["spell_months"] >= people_now["term"])
    return exposures, ends, people_now.assign(true_months_36=near, true_months=whole, has_renewed=has_renewed)


def lived_months(customers: pd.DataFrame, seed: int) -> np.ndarray:
    """Discounted months that came to pass in one draw of the planted future, 240 months at 10% a year."""
    random, alive, total = np.random.default_rng(seed), np.ones(len(customers)), np.zeros(len(customers))
    names = ("theta", "behavior", "spell_months", "term", "renews")
    theta, behavior, spell, term, renews = (customers[name].to_numpy() for name in names)
    for month in range(1, 241):
        leaves = random.random(len(customers)) < hazard(
            SimulationParameters(), theta, behavior, spell + month, term, renews
        )
        alive = alive * ~leaves
        total += alive * 1.1 ** (-month / 12)
    return total


def _months_left(parameters: SimulationParameters, customers: pd.DataFrame) -> list[np.ndarray]:
    """Of each of ``HORIZONS``."""
    theta, behavior, spell, term, renews = (
        customers[name].to_numpy() for name in ("theta", "behavior", "spell_months", "term", "renews")
    )
    alive, total, found = np.ones(len(customers)), np.zeros(len(customers)), []
    for month in range(1, HORIZONS[-1] + 1):
        alive = alive * (1.0 - hazard(parameters, theta, behavior, spell + month, term, renews))
        total = total + alive * 1.1 ** (-month / 12)
        if month in HORIZONS:
            found.append(total)
    return found
