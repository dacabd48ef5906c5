"""Choose one action per customer, household and day among all candidates; every candidate keeps its outcome."""

import numpy as np
import pandas as pd

from models.actions.expected_value import VALUE_COLUMNS, expected_value
from models.actions.holdout import drawn_by_group, keyed_uniform
from models.actions.parameters import ArbitrationParameters

CHOSEN, SUPPRESSED = "chosen", "suppressed"
KEY_COLUMNS = (
    *("action_id", "customer_id", "contact_unit", "trigger_event_id", "priority"),
    *("offer_id", "channel", "is_preferred", "daily_capacity", "budget_left", "channel_capacity", "suppressed_by"),
)
INPUT_COLUMNS = KEY_COLUMNS + VALUE_COLUMNS
"""Columns of a candidate. ``suppressed_by`` holds the reason that already forbids it, if any; ``daily_capacity`` and
``channel_capacity`` are the day's maximum contacts by offer and by channel, ``budget_left`` the money that the offer
may still cost. Null means no limit."""

_VALUE_UNKNOWN, _NO_VALUE = "value_unknown", "no_value"
_PREFERRED_CHANNEL, _BETTER_ACTION, _UNIT_CONTACTED = "preferred_channel", "better_action", "household_contacted"
_CAPACITY, _BUDGET, _CHANNEL_CAPACITY = "capacity", "budget", "channel_capacity"
_GLOBAL_HOLDOUT, _CONTROL_GROUP = "global_holdout", "control_group"
WORDS = {
    _VALUE_UNKNOWN: "What it would bring is not known.",
    _NO_VALUE: "It costs more than it is expected to bring.",
    _PREFERRED_CHANNEL: "The customer prefers another channel, which is open.",
    _BETTER_ACTION: "Another action is worth more to this customer today.",
    _UNIT_CONTACTED: "Another member of the household or group is contacted today.",
    _CAPACITY: "The offer's capacity of the day is used up by actions of more value.",
    _BUDGET: "The offer's budget is used up by actions of more value.",
    _CHANNEL_CAPACITY: "The channel's capacity of the day is used up by actions of more value.",
    _GLOBAL_HOLDOUT: "Held out of all actions, to measure what they bring.",
    _CONTROL_GROUP: "Held out of this offer, to measure what it brings.",
}
"""Published reasons for what arbitration suppresses, by `suppressed_by`."""


def arbitrate(candidates: pd.DataFrame, parameters: ArbitrationParameters, day: str) -> pd.DataFrame:
    """Choose at most one action per customer and contact unit, by the highest expected value after cost.

    The hold-out is drawn last, among those that would be chosen, so that treated and control groups are comparable. It
    is drawn by contact unit: members of a household are all treated or all held out. If the customer's preferred
    channel is open for an offer, no other channel is used for it. Ties are broken by priority, offer, channel, occasion
    and customer, so neither the order of rows nor that of rules matters.

    Args:
        candidates: ``INPUT_COLUMNS``, one row per customer, occasion, offer and channel of one day.
        parameters: shares and key of the draws.
        day: the day, as text; exploration is drawn anew each day.

    Returns:
        The candidates ordered by action_id, with margin_gain, avoided_loss, expected_value, outcome, suppressed_by,
        is_control and is_exploration.
    """
    frame = candidates.sort_values("action_id", ignore_index=True)
    frame = frame.join(expected_value(frame, parameters.monthly_discount_rate))
    blocked = frame["suppressed_by"].astype(object).where(frame["suppressed_by"].notna(), None)
    blocked = _where(blocked, frame["expected_value"].isna(), _VALUE_UNKNOWN)
    blocked = _where(blocked, frame["expected_value"] <= 0, _NO_VALUE)
    is_open = blocked.isna()
    same_offer = ["customer_id", "trigger_event_id", "offer_id"]
    is_preferred = frame["is_preferred"].astype(bool)
    has_preferred = (is_open & is_preferred).groupby([frame[name] for name in same_offer]).transform("any")
    blocked = _where(blocked, has_preferred & ~is_preferred, _PREFERRED_CHANNEL)

    explores = keyed_uniform(frame["contact_unit"], parameters.holdout_key, f"explore\x1f{day}")
    frame["is_exploration"] = explores < parameters.exploration_share
    drawn = keyed_uniform(frame["action_id"], parameters.holdout_key, "exploration order")
    ranked = frame.assign(
        rank_value=np.where(frame["is_exploration"], drawn, frame["expected_value"]), blocked=blocked
    )[blocked.isna()].sort_values(
        ["rank_value", "priority", "offer_id", "channel", "trigger_event_id", "customer_id"],
        ascending=[False, True, True, True, True, True],
    )
    is_other = ranked.duplicated("customer_id")
    blocked.loc[ranked.index[is_other]] = _BETTER_ACTION
    best = ranked[~is_other]
    is_later = best.duplicated("contact_unit")
    blocked.loc[best.index[is_later]] = _UNIT_CONTACTED
    winners = best[~is_later]

    held = _held_out(winners, parameters)
    blocked.loc[winners.index] = _within_limits(winners, held)
    frame["suppressed_by"] = blocked.astype(object).where(blocked.notna(), None)
    frame["is_control"] = blocked.isin([_GLOBAL_HOLDOUT, _CONTROL_GROUP])
    frame["outcome"] = np.where(blocked.isna(), CHOSEN, SUPPRESSED)
    frame["is_exploration"] &= frame["is_control"] | blocked.isna()
    return frame


def _where(blocked: pd.Series, condition: pd.Series, reason: str) -> pd.Series:
    """Set ``reason`` where the condition holds and nothing is suppressed yet."""
    return blocked.mask(blocked.isna() & condition, reason)


def _within_limits(winners: pd.DataFrame, held: pd.Series) -> pd.Series:
    """Return the limit that stops each winner; limits apply one after another, each to those the earlier ones left.

    Both arms stop where a limit is reached, so that they stay comparable. Expected spending counts against the budget:
    the cost of the contact, and the cost of an acceptance times the expected uptake.
    """
    money = winners[["contact_cost", "uptake", "acceptance_cost"]].astype(float)
    spent = money["contact_cost"] + money["uptake"] * money["acceptance_cost"]
    limits = (
        (_CAPACITY, "offer_id", "daily_capacity", pd.Series(1.0, index=winners.index)),
        (_BUDGET, "offer_id", "budget_left", spent),
        (_CHANNEL_CAPACITY, "channel", "channel_capacity", pd.Series(1.0, index=winners.index)),
    )
    decided = held.copy()
    for reason, by, most, weight in limits:
        is_left = decided.isna() | decided.isin([_GLOBAL_HOLDOUT, _CONTROL_GROUP])
        used = weight.where(decided.isna(), 0.0).groupby(winners[by]).cumsum()
        beyond = used.round(6) > winners[most].astype(float)
        decided = decided.mask(is_left & beyond, reason)
    return decided


def _held_out(winners: pd.DataFrame, parameters: ArbitrationParameters) -> pd.Series:
    """Return why a winner is held out; null for the treated. ``winners`` are in order of value."""
    units = winners["contact_unit"]
    held = pd.Series(None, index=winners.index, dtype=object)
    globally = keyed_uniform(units, parameters.holdout_key, "global hold-out") < parameters.global_holdout_share
    held[globally] = _GLOBAL_HOLDOUT
    drawn = drawn_by_group(units, winners["offer_id"], parameters.holdout_key, "control group")
    return _where(held, pd.Series(drawn < parameters.offer_control_share, index=winners.index), _CONTROL_GROUP)
