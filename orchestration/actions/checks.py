"""What must hold for the actions of a day, as SQL that finds violations."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import duckdb

from orchestration.actions.candidates import KEPT

_CHOSEN = "select * from segments.customer_actions where action_date = $day and outcome = 'chosen'"


@dataclass(frozen=True)
class ActionCheck:
    """A statement about a day; ``sql`` counts the rows that violate it, with the day as ``$day``."""

    name: str
    description: str
    sql: str


CHECKS = (
    ActionCheck(
        "nobody_is_contacted_twice_a_day",
        "At most one action is chosen per customer and per household or group.",
        f"""
        select coalesce(sum(actions - 1), 0)
        from (select count(*) as actions from ({_CHOSEN}) as chosen group by contact_unit)
        where actions > 1
        """,
    ),
    ActionCheck(
        "nobody_who_asked_not_to_be_contacted_is_chosen",
        "No customer marked do_not_contact in the raw table is chosen, unless it was handed over before.",
        f"""
        select count(*)
        from ({_CHOSEN}) as chosen
        inner join raw.customers as customers
            on chosen.customer_id = customers.customer_id
        where customers.do_not_contact and not ({KEPT})
        """,
    ),
    ActionCheck(
        "nobody_held_out_is_chosen",
        "No contact unit has an action chosen and another held out on the same day.",
        f"""
        select count(*)
        from ({_CHOSEN}) as chosen
        inner join segments.customer_actions as held_out
            on
                chosen.contact_unit = held_out.contact_unit
                and chosen.action_date = held_out.action_date
                and held_out.is_control
        """,
    ),
    ActionCheck(
        "every_action_rests_on_a_valid_trigger",
        "Every candidate names a trigger that has fired and has not been retracted, unless it was handed over before.",
        f"""
        select count(*)
        from segments.customer_actions as actions
        left join segments.triggers as triggers
            on
                actions.trigger_event_id = triggers.trigger_event_id
                and triggers.retracted_date is null
        where actions.action_date = $day and triggers.trigger_event_id is null and not ({KEPT})
        """,
    ),
)


def failures(connection: duckdb.DuckDBPyConnection, day: date) -> Iterator[tuple[ActionCheck, int]]:
    """Yield each check with the number of rows that violate it."""
    for check in CHECKS:
        row = connection.execute(check.sql, {"day": day}).fetchone()
        yield check, int(row[0]) if row else 0
