"""The actions of a day: candidates, arbitration, and the reasons in words."""

from dataclasses import dataclass
from datetime import date

import duckdb
import pandas as pd

from models.actions import arbitration
from models.actions.uptake import learned_uptake
from orchestration.actions import permissions
from orchestration.actions.candidates import KEPT, read_candidates
from orchestration.actions.results import ALL, counted_outcomes
from orchestration.actions.tables import ACTIONS, columns_of, replace_day
from orchestration.lake.warehouse import transaction
from orchestration.settings.actions import ActionSettings


@dataclass(frozen=True)
class DecisionReport:
    """What was decided on a day: candidates, actions chosen, held out, and suppressed by reason.

    ``kept`` are the actions of an earlier decision that had been handed over; they are not among the others.
    """

    kept: int
    candidates: int
    chosen: int
    held_out: int
    suppressed: dict[str, int]
    expected_value: float


def decide(connection: duckdb.DuckDBPyConnection, settings: ActionSettings, day: date) -> DecisionReport:
    """Choose the actions of a day and write every candidate to ``segments.customer_actions``.

    If the day is decided again, this replaces its rows except actions that have been handed over or carried out.
    """
    candidates = read_candidates(connection, settings, day, uptakes(connection, settings, day))
    decided = arbitration.arbitrate(candidates, settings.arbitration, day.isoformat())
    decided = _without_later(decided)
    decided["reason"] = _reasons(decided)
    decided["handed_over_at"] = pd.NaT
    columns = [name for name in columns_of(ACTIONS) if name != "action_date"]
    with transaction(connection):
        kept = connection.execute(f"select count(*) from segments.{ACTIONS} where {KEPT}", {"day": day}).fetchone()
        replace_day(connection, ACTIONS, day, decided[columns], kept=KEPT)
    is_chosen = decided["outcome"] == arbitration.CHOSEN
    return DecisionReport(
        kept=int(kept[0]) if kept else 0,
        candidates=len(decided),
        chosen=int(is_chosen.sum()),
        held_out=int(decided["is_control"].sum()),
        suppressed={str(name): int(rows) for name, rows in decided["suppressed_by"].value_counts().items()},
        expected_value=float(decided.loc[is_chosen, "expected_value"].sum()),
    )


def uptakes(connection: duckdb.DuckDBPyConnection, settings: ActionSettings, day: date) -> pd.DataFrame:
    """Return the uptake of each offer and segment: the expected one, corrected by observed outcomes."""
    expected = pd.DataFrame(
        [(name, offer.uptake, offer.uptake_weight) for name, offer in settings.offers.items()],
        columns=["offer_id", "uptake", "uptake_weight"],
    )
    outcomes = counted_outcomes(connection, settings.results, day)
    # Without delivered responses, the number of acceptances is unknown and not zero.
    by_segment = (outcomes["market_segment"] != ALL) & (outcomes["period"] == ALL)
    totals = outcomes[by_segment & outcomes["accepted"].notna() & (outcomes["treated"] > 0)]
    totals = totals[["offer_id", "market_segment", "treated", "accepted"]].astype({"treated": float, "accepted": float})
    return learned_uptake(totals, expected, settings.results.segment_weight)


def _without_later(decided: pd.DataFrame) -> pd.DataFrame:
    """Suppress what a later day has already acted on; a day that is decided again in order has none."""
    acts = (decided["outcome"] == arbitration.CHOSEN) | decided["is_control"]
    is_late = acts & decided["is_decided_later"].astype(bool)
    return decided.assign(
        outcome=decided["outcome"].mask(is_late, arbitration.SUPPRESSED),
        suppressed_by=decided["suppressed_by"].mask(is_late, "decided_later"),
        is_control=decided["is_control"] & ~is_late,
        is_exploration=decided["is_exploration"] & ~is_late,
    )


def _reasons(decided: pd.DataFrame) -> pd.Series:
    """Return in words why each candidate was chosen or not."""
    # Cast to text, because columns without rows would have no type.
    texts = decided[["trigger_reason", "offer_title", "guard_reason"]].astype("str")
    why_not = decided["suppressed_by"].map(arbitration.WORDS | permissions.WORDS).astype("str")
    why_not = why_not.where(decided["suppressed_by"] != decided["guard_id"], texts["guard_reason"])
    value = decided["expected_value"].map("{:,.2f}".format).astype("str")
    why = texts["offer_title"] + ": expected to bring " + value + " after cost."
    why = why.mask(decided["is_exploration"], texts["offer_title"] + ": tried at random, to learn what comes of it.")
    return texts["trigger_reason"] + " " + why_not.where(decided["suppressed_by"].notna(), why)
