"""Customer-months of a simulated ISP with its hazards known, for ``benchmarks.value``.

Lifetimes are the simulator's own, month by month; usage is drawn around each customer's archetype, and of leavers whose
usage collapses it falls in the last two months. Whole months are written in chunks: a million customers are about 20
million rows, which no step holds at once.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from models.hazard.covariates import COVARIATES
from simulator import SimulationParameters
from simulator.hazards import hazard
from simulator.lifetimes import Lifetimes, Spell, live
from simulator.months import Window
from simulator.population import MAIN_FAMILIES, METHODS, SEGMENTS, Customers, populate
from simulator.randomness import Draws

HISTORY, AHEAD, TAIL = 24, 12, 240
AS_OF = date(2024, 12, 31)
POPULATIONS = np.array(["consumer", "business", "business", "wholesale"])
# GB a month and share of upload by archetype, in the simulator's order; what is not named is like the last.
_LEVELS = np.array([(360.0, 0.05), (180.0, 0.14), (270.0, 0.36), (25.0, 0.07), (150.0, 0.08)])
_CHUNK = 50_000
_YEAR_0 = 1970 * 12 + 1  # the simulator counts months from 1970 on, the features year * 12 + month


def write(folder: Path, customers: int, seed: int = 7) -> None:
    """Write ``months`` (as ``features.customer_months_at_risk``) and ``open`` (truth of those open at ``AS_OF``)."""
    parameters = SimulationParameters(
        customers=customers, months=HISTORY + AHEAD, end_month=f"{AS_OF.year + 1}-12", seed=seed
    )
    window, draws = Window.of(parameters), Draws(seed)
    as_of = window.last - AHEAD
    for name in ("months", "open"):
        (folder / name).mkdir(parents=True)
    for number, start in enumerate(range(0, customers, _CHUNK)):
        people = populate(parameters, draws, start, min(start + _CHUNK, customers))
        lives = live(parameters, draws, people, window)
        months = pd.concat(
            _at(people, lives, spell, month, as_of, draws)
            for spell in lives.spells
            for month in range(window.first, as_of + 1)
        )
        truth = ["theta", "behavior", "renews", "end_month"]
        is_open = months["month_number"] == as_of + _YEAR_0
        opened = months.loc[is_open, ["customer_id", "spell_months", "term_months", *truth]]
        left = opened["end_month"] <= as_of + AHEAD
        opened = opened.assign(has_churned=left, true_months=_months_left(parameters, opened))
        opened[["customer_id", "has_churned", "true_months"]].to_parquet(folder / "open" / f"{number}.parquet")
        months.drop(columns=truth).to_parquet(folder / "months" / f"{number}.parquet")


def _at(people: Customers, lives: Lifetimes, spell: Spell, month: int, as_of: int, draws: Draws) -> pd.DataFrame:
    rows = np.flatnonzero(spell.open_at_end_of(month))
    number, term, end = people.number[rows], spell.term[rows], spell.end_month[rows]
    spell_months = month - spell.start_month[rows]
    renews = spell.renews[rows] & (term > 0)
    left = np.where(renews, term - spell_months % np.maximum(term, 1), term - spell_months)
    family = np.array(MAIN_FAMILIES)[people.main_family[rows]]
    level = _LEVELS[people.archetype[rows] % len(_LEVELS)]
    is_falling = lives.collapses[rows] & (end - month <= 2)
    ratio = np.where(is_falling, 0.35, 1.0) * np.exp(0.1 * draws.normal("bench ratio", number, month))
    is_lost = end <= as_of
    known: dict[str, object] = {
        "retention_market": POPULATIONS[people.market[rows]],
        "retention_product": np.where(family == "wholesale", "other", family),
        "retention_term": np.where(term > 0, term.astype(str), "none"),
        "spell_months": spell_months,
        "committed_month_ends": np.maximum(left, 0),
        "months_since_commitment": np.where((left <= 0) & (term > 0), -left, np.nan),
        "open_contracts": 1,
        "product_families": 1,
        "suspended_share": 0.0,
        "gb_month_3m": level[:, 0] * np.exp(0.4 * draws.normal("bench gb", number)),
        "upload_share_3m": level[:, 1] * np.exp(0.2 * draws.normal("bench upload", number)),
        "usage_trend": ratio,
        "has_autopay": np.isin(people.method[rows], (METHODS.index("direct_debit"), METHODS.index("card"))),
    }
    return pd.DataFrame(
        {
            # A second spell is another relationship, as it is to the features.
            "customer_id": np.char.add(f"C{int(spell is lives.second)}", number.astype(str)),
            "as_of_date": AS_OF,
            "month_number": month + _YEAR_0,
            "months_followed": np.where(is_lost, end, as_of) - month,
            "churned_after_months": pd.array(np.where(is_lost, end - month, np.nan), dtype="Float64").astype("Int64"),
            "churned_next_month": is_lost & (end == month + 1),
            "is_committed": left > 0,
            "market_segment": np.array(SEGMENTS)[people.segment[rows]],
            "term_months": term,
            "theta": lives.theta[rows],
            "behavior": lives.behavior[rows],
            "renews": renews,
            "end_month": end,
            **{name: known.get(name, np.nan) for name in COVARIATES},
        }
    )


def _months_left(parameters: SimulationParameters, opened: pd.DataFrame) -> np.ndarray:
    """Discounted months to come under the planted hazards, 10% a year."""
    theta, behavior, spell, term, renews = (
        opened[name].to_numpy() for name in ("theta", "behavior", "spell_months", "term_months", "renews")
    )
    alive, total = np.ones(len(opened)), np.zeros(len(opened))
    for month in range(1, TAIL + 1):
        alive = alive * (1.0 - hazard(parameters, theta, behavior, spell + month, term, renews))
        total += alive * 1.1 ** (-month / 12)
    return total
