"""What customers do about an offer, contacted or not: planted persuasion, so that uplift has a truth.

Customers are of four kinds towards each offer (Radcliffe and Surry, "Real-World Uplift Modelling with Significance-
Based Uplift Trees", 2011): persuadables accept only when contacted, sure things accept either way, lost causes never,
and sleeping dogs accept unless they are contacted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulator.randomness import Draws, Flags, Integers

KINDS = ("persuadable", "sure_thing", "lost_cause", "sleeping_dog")
_PERSUADABLE, _SURE_THING, _LOST_CAUSE, _SLEEPING_DOG = range(len(KINDS))


@dataclass(frozen=True)
class Persuasion:
    """How many customers are of which kind towards an offer; the rest are lost causes."""

    persuadable: float = 0.05
    sure_thing: float = 0.03
    sleeping_dog: float = 0.01

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        shares = (self.persuadable, self.sure_thing, self.sleeping_dog)
        if min(shares) < 0 or sum(shares) > 1:
            raise ValueError(f"shares must be at least 0 and at most 1 together, found {shares}")

    @property
    def weights(self) -> tuple[float, ...]:
        """The shares in the order of ``KINDS``."""
        rest = 1 - self.persuadable - self.sure_thing - self.sleeping_dog
        return (self.persuadable, self.sure_thing, rest, self.sleeping_dog)

    @property
    def uptake(self) -> float:
        """Share of the contacted who accept."""
        return self.persuadable + self.sure_thing

    @property
    def uplift(self) -> float:
        """By how much a contact raises the share that accepts."""
        return self.persuadable - self.sleeping_dog


def kinds_of(customers: Integers, offer: str, persuasion: Persuasion, seed: int) -> Integers:
    """Return the kind (a place in ``KINDS``) of each customer towards an offer; it never changes."""
    return Draws(seed).pick(f"persuasion/{offer}", customers, persuasion.weights)


def accepts(kinds: Integers, is_contacted: Flags) -> Flags:
    """Return who accepts."""
    return np.asarray(
        (kinds == _SURE_THING) | ((kinds == _PERSUADABLE) & is_contacted) | ((kinds == _SLEEPING_DOG) & ~is_contacted)
    )


def answer(
    actions: pd.DataFrame, persuasion: dict[str, Persuasion], seed: int, *, opened_share: float = 0.4
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Carry out the actions of a provider and return its tables ``contacts`` and ``responses``.

    Args:
        actions: customer_id, offer_id, action_id, action_date, channel, is_control: those chosen and those held out.
        persuasion: by offer; of an offer that is not in it nobody accepts anything.
        seed: of the draws.
        opened_share: share of messages that are opened by customers who do not accept; whoever accepts has opened it.

    Returns:
        The tables, with the columns of the source contract. Responses hold the acceptances of the held out too.
    """
    customers = pd.util.hash_array(actions["customer_id"].astype(object).to_numpy()).astype(np.int64)
    is_contacted = ~actions["is_control"].to_numpy(dtype=bool)
    accepted = np.zeros(len(actions), dtype=bool)
    for offer, rows in actions.groupby("offer_id", sort=True).indices.items():
        if planted := persuasion.get(str(offer)):
            accepted[rows] = accepts(kinds_of(customers[rows], str(offer), planted, seed), is_contacted[rows])
    draws = Draws(seed)
    moment = pd.to_datetime(actions["action_date"])
    is_opened = is_contacted & (accepted | draws.flag("opened", customers, opened_share))
    contacts = pd.DataFrame(
        {
            "contact_id": "contact " + actions["action_id"],
            "customer_id": actions["customer_id"],
            "contacted_at": moment + pd.Timedelta(hours=10),
            "channel": actions["channel"],
            "action_id": actions["action_id"],
            "opened_at": (moment + pd.Timedelta(hours=12)).where(is_opened),
        }
    )[is_contacted]
    responses = pd.DataFrame(
        {
            "response_id": "response " + actions["action_id"],
            "customer_id": actions["customer_id"],
            "responded_at": moment
            + pd.to_timedelta(draws.integer("days to respond", customers, 0, 6), unit="D")
            + pd.Timedelta(hours=14),
            "offer_id": actions["offer_id"],
            "response": np.where(draws.flag("active", customers, 0.8), "active", "accepted"),
        }
    )[accepted]
    return contacts.reset_index(drop=True), responses.reset_index(drop=True)
