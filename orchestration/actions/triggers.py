"""Triggers: events found in the facts of a run's days, each written once, whatever is run again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from orchestration.actions.rules import FACTS, literal
from orchestration.lake.warehouse import transaction
from orchestration.settings.actions import Trigger


@dataclass(frozen=True)
class TriggerReport:
    """What a run has found.

    Attributes:
        fired: events written, by trigger; 0 for a trigger without any.
        retracted: events that the facts of their day no longer support.
        restored: retracted events that the facts support again.
        silent: triggers that were not evaluated, with the source tables that are missing.
    """

    fired: Mapping[str, int]
    retracted: int
    restored: int
    silent: Mapping[str, str]


def find_triggers(
    connection: duckdb.DuckDBPyConnection, triggers: Mapping[str, Trigger], days: Sequence[date], found_date: date
) -> TriggerReport:
    """Evaluate the triggers over ``features.customer_days`` and write new events to ``segments.triggers``.

    An event is a customer, a trigger and a period, and its identifier is their digest: it is written once, with the
    first day whose facts support it. Within its cooldown, before or after, a trigger does not fire again for a
    customer. Events that the facts of their day no longer support are marked as retracted, and unmarked if the facts
    come back.

    Args:
        connection: to the lake, for writing.
        triggers: of the settings, by id.
        days: the days whose facts are available.
        found_date: the day that the run is for.
    """
    silent = _without_sources(connection, triggers)
    evaluated = {name: each for name, each in sorted(triggers.items()) if each.enabled and name not in silent}
    fired = dict.fromkeys(evaluated, 0)
    if not evaluated:
        return TriggerReport(fired, 0, 0, silent)
    connection.execute(f"create or replace temp table trigger_hits as {_hits(evaluated)}")
    try:
        with transaction(connection):
            # Oldest first: an event belongs to the first day that supports it.
            for day in sorted(days):
                connection.execute(_FIRE, {"day": day})
                for trigger_id, rows in connection.execute(_COUNT).fetchall():
                    fired[trigger_id] += rows
                connection.execute(_WRITE, {"found": found_date})
            scope = {"days": list(days), "evaluated": list(evaluated)}
            retracted = _changed(connection, _RETRACT, scope | {"found": found_date})
            restored = _changed(connection, _RESTORE, {})
    finally:
        for table in ("trigger_hits", "new_triggers"):
            connection.execute(f"drop table if exists temp.{table}")
    return TriggerReport(fired, retracted, restored, silent)


def _changed(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object]) -> int:
    row = connection.execute(sql, dict(parameters)).fetchone()
    return int(row[0]) if row else 0


def _without_sources(connection: duckdb.DuckDBPyConnection, triggers: Mapping[str, Trigger]) -> dict[str, str]:
    needed = sorted({table for each in triggers.values() for table in each.needs})
    # Daily usage may be derived from sessions.
    either = {"usage": ["usage", "usage_sessions"], "usage_or_calls": ["usage", "usage_sessions", "calls"]}
    reading = {table: either.get(table, [table]) for table in needed}
    missing = {
        table
        for table, names in reading.items()
        if not any(connection.execute(f"select 1 from raw.{name} limit 1").fetchone() for name in names)
    }
    return {
        name: ", ".join(sorted(missing & set(each.needs)))
        for name, each in sorted(triggers.items())
        if each.enabled and missing & set(each.needs)
    }


def _hits(triggers: Mapping[str, Trigger]) -> str:
    """Return the SQL of all events that hold on the days; an event with an unknown period is left out."""
    return " union all ".join(
        f"""
        select
            md5(concat_ws(chr(31), customer_id, {literal(name)}, cast(({each.period}) as varchar))) as trigger_event_id,
            customer_id,
            {literal(name)} as trigger_id,
            cast(({each.period}) as varchar) as period,
            action_date as trigger_date,
            cast(action_date + {each.valid_days} * interval 1 day as date) as expires_date,
            version_id,
            {each.priority} as priority,
            {literal(each.because)} as reason,
            {each.cooldown_days} as cooldown_days
        from {FACTS}
        where ({each.when}) and ({each.period}) is not null
        """
        for name, each in triggers.items()
    )


_FIRE = """
create or replace temp table new_triggers as
select hits.*
from temp.trigger_hits as hits
where
    hits.trigger_date = $day
    and not exists (
        select 1 from segments.triggers as known where known.trigger_event_id = hits.trigger_event_id
    )
    and not exists (
        select 1 from segments.triggers as recent
        where
            recent.customer_id = hits.customer_id
            and recent.trigger_id = hits.trigger_id
            and recent.retracted_date is null
            and abs(date_diff('day', recent.trigger_date, hits.trigger_date)) < hits.cooldown_days
    )
"""
_COUNT = "select trigger_id, count(*) from temp.new_triggers group by trigger_id"
_WRITE = """
insert into segments.triggers (
    trigger_event_id, customer_id, trigger_id, period, trigger_date, expires_date, found_date, version_id, priority,
    reason, retracted_date
)
select
    trigger_event_id, customer_id, trigger_id, period, trigger_date, expires_date, $found, version_id, priority,
    reason, null
from temp.new_triggers
"""
_RETRACT = """
update segments.triggers set retracted_date = $found
where
    trigger_date in (select unnest($days::date[]))
    and trigger_id in (select unnest($evaluated::varchar[]))
    and retracted_date is null
    and not exists (
        select 1 from temp.trigger_hits as hits
        where
            hits.trigger_event_id = triggers.trigger_event_id
            and hits.trigger_date >= triggers.trigger_date
    )
"""
# For any day whose facts support it: its identifier is taken, so it could not fire again otherwise.
_RESTORE = """
update segments.triggers
set retracted_date = null, expires_date = greatest(triggers.expires_date, hits.expires_date)
from (
    select trigger_event_id, max(expires_date) as expires_date from temp.trigger_hits group by trigger_event_id
) as hits
where
    hits.trigger_event_id = triggers.trigger_event_id
    and triggers.retracted_date is not null
"""
