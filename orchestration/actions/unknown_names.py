"""Names in the data that no setting knows: what they concern counts for nothing, so it is said."""

from collections.abc import Iterator
from datetime import date

import duckdb

from orchestration.actions.permissions import same_channel
from orchestration.settings.actions import ActionSettings


def unknown_names(connection: duckdb.DuckDBPyConnection, settings: ActionSettings, day: date) -> Iterator[str]:
    """Yield a sentence for each way in which consents, contacts and responses do not reach the actions they are about.

    Args:
        connection: to the lake.
        settings: channels and offers.
        day: of the results.
    """
    channels = [name.replace("_", "") for name in settings.channels]
    if found := _list(connection, _CHANNELS, {"known": [*channels, "all"]}):
        yield (
            f"Consents name channels that actions.channels does not: {found}. If one of them is another name of a"
            " channel there, its withdrawals are not honored; map it in the source."
        )
    if found := _list(connection, _OFFERS, {"known": sorted(settings.offers)}):
        yield f"Responses name offers that have never been made: {found}. They count for no offer."
    identified, matched, last = connection.execute(_ROWS).fetchone() or (0, 0, None)
    if identified and not matched:
        yield f"None of the {identified:,} action_id in contacts is of an action, so no action counts as contacted."
    if last is not None and (day - last).days > settings.results.late_response_days:
        yield f"The last response is of {last}. Results take it that nobody has accepted since."


def _list(connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, list[str]]) -> str:
    return ", ".join(f"{name!r} ({rows:,})" for name, rows in connection.execute(sql, parameters).fetchall())


_CHANNELS = f"""
select channel, count(*) as statements
from raw.consents
where {same_channel("channel")} not in (select unnest($known::varchar[]))
group by channel
order by statements desc, channel
limit 5
"""
_OFFERS = """
select offer_id, count(*) as responses
from raw.responses
where
    offer_id not in (select unnest($known::varchar[]))
    and offer_id not in (select actions.offer_id from segments.customer_actions as actions)
group by offer_id
order by responses desc, offer_id
limit 5
"""
_ROWS = """
select
    (select count(*) from raw.contacts where action_id is not null),
    (
        select count(*) from raw.contacts as contacts
        inner join segments.customer_actions as actions
            on contacts.action_id = actions.action_id
    ),
    (select cast(max(responded_at) as date) from raw.responses)
"""
