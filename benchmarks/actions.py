"""Actions against planted persuasion: ``python -m benchmarks.actions``.

Campaigns of simulated customers who answer offers as ``simulator.answers`` plants it. Measured: how often the interval
of the uplift holds the planted one, how often an offer without effect is called effective, what arbitration earns
beside the best offer for all and beside a random one, and how far learned uptake is from the planted one.
"""

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from models.actions.arbitration import CHOSEN, arbitrate
from models.actions.parameters import ArbitrationParameters, ResultParameters
from models.actions.uplift import EFFECTIVE, read_uplift
from models.actions.uptake import learned_uptake
from simulator.answers import Persuasion, accepts, kinds_of
from simulator.randomness import Draws

SEGMENTS = ("consumer", "small_business", "medium_business")
WITHOUT_EFFECT = Persuasion(persuadable=0.02, sure_thing=0.05, sleeping_dog=0.02)
PLANTED = Persuasion(persuadable=0.05, sure_thing=0.04, sleeping_dog=0.01)
# By offer and segment: who likes what, and what an acceptance brings a month.
OFFERS: dict[str, dict[str, tuple[Persuasion, float]]] = {
    offer: {name: (Persuasion(share), margin) for name, (share, margin) in zip(SEGMENTS, by_segment, strict=True)}
    for offer, by_segment in {
        "bundle": ((0.08, 8.0), (0.02, 8.0), (0.01, 8.0)),
        "security": ((0.01, 5.0), (0.1, 14.0), (0.05, 30.0)),
        "static_ip": ((0.002, 6.0), (0.05, 10.0), (0.1, 60.0)),
    }.items()
}


def candidates(customers: int, uptakes: dict[str, np.ndarray], margins: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return a candidate per customer and offer, as ``arbitrate`` reads them."""
    number = np.arange(customers)
    name = pd.Series(number).map("C{:07d}".format)
    frames = [
        pd.DataFrame(
            {
                "action_id": name + "/" + offer,
                "customer_id": name,
                "contact_unit": "customer " + name,
                "trigger_event_id": name,
                "priority": 5,
                "offer_id": offer,
                "channel": "email",
                "is_preferred": False,
                "daily_capacity": None,
                "budget_left": None,
                "channel_capacity": None,
                "suppressed_by": None,
                "uptake": uptakes[offer],
                "monthly_margin": margins[offer],
                "horizon_months": 12,
                "hazard_reduction": 0.0,
                "churn_probability_12m": 0.0,
                "future_value_36m": 0.0,
                "contact_cost": 0.1,
                "acceptance_cost": 0.0,
                "number": number,
            }
        )
        for offer in sorted(uptakes)
    ]
    return pd.concat(frames, ignore_index=True)


def campaign(seed: int, customers: int, persuasion: Persuasion, *, control: float = 0.2) -> pd.Series:
    """Run one campaign of one offer through arbitration and hold-out, and read its uplift."""
    ones = np.ones(customers)
    given = candidates(customers, {"offer": 0.1 * ones}, {"offer": 10 * ones})
    parameters = ArbitrationParameters(
        holdout_key=f"campaign {seed}", global_holdout_share=0.02, offer_control_share=control, exploration_share=0
    )
    decided = arbitrate(given, parameters, "2025-12-10")
    kinds = kinds_of(decided["number"].to_numpy(), "offer", persuasion, seed)
    is_treated = (decided["outcome"] == CHOSEN).to_numpy()
    accepted = accepts(kinds, is_treated)
    counts = pd.DataFrame(
        {
            "treated": [is_treated.sum()],
            "accepted": [accepted[is_treated].sum()],
            "control": [decided["is_control"].sum()],
            "control_accepted": [accepted[decided["is_control"].to_numpy()].sum()],
        }
    )
    return read_uplift(counts, ResultParameters()).iloc[0]


@dataclass(frozen=True)
class Money:
    """What contacts bring, in money, by the way the offer of each customer is chosen."""

    arbitration: float
    best_for_all: float
    random: float


def money(seed: int, customers: int) -> Money:
    """Compare arbitration that knows the uptakes by segment with the best offer for all and with a random one.

    Money is that of the potential outcomes: acceptances that a contact brings, less those that it prevents, at the
    margin of twelve months, less the cost of contacts.
    """
    draws = Draws(seed)
    number = np.arange(customers)
    segment = draws.pick("segment", number, [0.8, 0.15, 0.05])
    brings: dict[str, np.ndarray] = {}
    uptakes: dict[str, np.ndarray] = {}
    margins: dict[str, np.ndarray] = {}
    for offer, by_segment in OFFERS.items():
        gained = np.zeros(customers)
        uptakes[offer], margins[offer] = np.zeros(customers), np.zeros(customers)
        for place, name in enumerate(SEGMENTS):
            persuasion, margin = by_segment[name]
            kinds = kinds_of(number, f"{offer}/{name}", persuasion, seed)
            everybody = np.ones(customers, dtype=bool)
            effect = accepts(kinds, everybody).astype(int) - accepts(kinds, ~everybody).astype(int)
            of_segment = segment == place
            gained[of_segment] = (effect * margin * 12)[of_segment]
            uptakes[offer][of_segment], margins[offer][of_segment] = persuasion.uptake, margin
        brings[offer] = gained
    all_treated = ArbitrationParameters(
        global_holdout_share=0, offer_control_share=0, exploration_share=0, monthly_discount_rate=0
    )
    given = candidates(customers, uptakes, margins)
    chosen = arbitrate(given, all_treated, "2025-12-10").query("outcome == 'chosen'")
    cost = 0.1
    by_arbitration = sum(
        brings[str(offer)][rows["number"]].sum() - cost * len(rows) for offer, rows in chosen.groupby("offer_id")
    )
    expected = {offer: (uptakes[offer] * margins[offer]).mean() for offer in OFFERS}
    best = max(expected, key=lambda offer: expected[offer])
    at_random = draws.pick("offer", number, np.ones(len(OFFERS)))
    return Money(
        arbitration=float(by_arbitration),
        best_for_all=float(brings[best].sum() - cost * customers),
        random=float(
            sum(brings[offer][at_random == place].sum() for place, offer in enumerate(OFFERS)) - cost * customers
        ),
    )


def learned_error(seed: int, contacts: int, *, expected: float = 0.2) -> float:
    """Return how far the learned uptake of a segment is from the planted one, after contacts of each segment."""
    draws = Draws(seed)
    planted = np.array([0.02, 0.06, 0.12])
    accepted = [
        draws.flag(f"accepted/{place}", np.arange(contacts), share).sum() for place, share in enumerate(planted)
    ]
    outcomes = pd.DataFrame(
        {"offer_id": "offer", "market_segment": SEGMENTS, "treated": contacts, "accepted": accepted}
    )
    prior = pd.DataFrame([{"offer_id": "offer", "uptake": expected, "uptake_weight": 50.0}])
    learned = (
        learned_uptake(outcomes, prior, 50.0).dropna(subset="market_segment").set_index("market_segment")["uptake"]
    )
    return float(np.abs(learned.loc[list(SEGMENTS)].to_numpy() - planted).mean())


def coverage(seeds: range, customers: int, persuasion: Persuasion) -> tuple[float, float]:
    """Return how often the interval holds the planted uplift, and how often the offer is called effective."""
    read = pd.DataFrame([campaign(seed, customers, persuasion) for seed in seeds])
    covers = (read["uplift_low"] <= persuasion.uplift) & (persuasion.uplift <= read["uplift_high"])
    return float(covers.mean()), float((read["verdict"] == EFFECTIVE).mean())


def main(
    campaigns: Annotated[int, typer.Option(min=1)] = 400, customers: Annotated[int, typer.Option(min=100)] = 4_000
) -> None:
    """Print the figures that docs/actions.md states."""
    seeds = range(campaigns)
    table = Table("planted", "80% interval holds it", "called effective")
    for name, persuasion in (
        ("uplift of 0.04", PLANTED),
        ("uplift of 0.01", replace(PLANTED, persuadable=0.02)),
        ("no effect, sleeping dogs among them", WITHOUT_EFFECT),
    ):
        held, effective = coverage(seeds, customers, persuasion)
        table.add_row(name, f"{held:.1%}", f"{effective:.1%}")
    earned = pd.DataFrame([vars(money(seed, 20_000)) for seed in range(20)])
    more = Table("choice", "money per customer", "arbitration brings")
    for name in earned.columns:
        ratio = earned["arbitration"] / earned[name]
        more.add_row(
            name, f"{earned[name].mean() / 20_000:.2f}", f"{ratio.mean():.2f} times ({ratio.min():.2f} at least)"
        )
    learning = Table("contacts of each segment", "mean error of learned uptake")
    for contacts in (0, 50, 200, 1_000, 5_000):
        error = np.mean([learned_error(seed, contacts) for seed in range(50)])
        learning.add_row(f"{contacts:,}", f"{error:.4f}")
    for each in (table, more, learning):
        Console().print(each)


if __name__ == "__main__":
    typer.run(main)
