"""What could be done on a day: valid triggers, the offers that respond to them, and reasons against each."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import duckdb
import pandas as pd

from orchestration.actions import permissions
from orchestration.actions.rules import FACTS, literal
from orchestration.lake.frames import read_frame
from orchestration.settings.actions import ActionSettings, Offer

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def read_candidates(
    connection: duckdb.DuckDBPyConnection, settings: ActionSettings, day: date, uptakes: pd.DataFrame
) -> pd.DataFrame:
    """Return the candidates of a day, one row per customer, trigger event, offer and channel.

    A trigger event that led to an action on an earlier day, or was held out then, gives no candidate again.

    Args:
        connection: to the lake.
        settings: offers, channels, guards, caps.
        day: the day whose facts are in ``features.customer_days``.
        uptakes: offer_id, market_segment (null for all others), uptake.

    Returns:
        The columns that ``models.actions.arbitration`` reads, and those of ``segments.customer_actions`` that are known
        before arbitration: customer, offer, texts of triggers and guards, deadlines, hours.
    """
    offers = on_sale(settings, day)
    whens = {name: trigger.when for name, trigger in settings.triggers.items()} | {"none": "false"}
    branches = [_branch(name, offer, day, whens) for name, offer in (offers or {"none": _NOTHING}).items()]
    connection.register("uptakes", uptakes)
    connection.register("channels", _channels(settings, day))
    try:
        return read_frame(
            connection,
            _SQL.format(
                offered=" union all ".join(branches),
                guard=_guards(settings, "id"),
                guard_words=_guards(settings, "because"),
                refusal=permissions.refusal("offered.kind", "consents", "customers", settings),
                consents=permissions.CONSENTS,
                contacts=permissions.CONTACTS,
                kept=KEPT,
                preferred=permissions.same_channel("customers.preferred_channel"),
                channel=permissions.same_channel("offered.channel"),
                channel_of_limit=permissions.same_channel("channels.channel"),
                distance=settings.contacts.minimum_distance_days,
                contact_days=settings.contacts.contact_days,
                most_contacts=settings.contacts.most_contacts,
                facts=FACTS,
            ),
            permissions.parameters(settings, day)
            | dict.fromkeys(("until", "withdrawn_until"), day + timedelta(days=1)),
        )
    finally:
        for name in ("uptakes", "channels"):
            connection.unregister(name)


_NOTHING = Offer(title="nothing", kind="service", triggers=["none"], channels=["none"], uptake=0)


def on_sale(settings: ActionSettings, day: date) -> dict[str, Offer]:
    """Return the offers that may be made on a day, in order of id, each with the triggers that are turned on."""
    enabled = {name for name, trigger in settings.triggers.items() if trigger.enabled}
    offers = {
        name: offer.model_copy(update={"triggers": [each for each in offer.triggers if each in enabled]})
        for name, offer in sorted(settings.offers.items())
    }
    return {name: offer for name, offer in offers.items() if offer.triggers and _is_on_sale(offer, day)}


def _is_on_sale(offer: Offer, day: date) -> bool:
    has_begun = offer.valid_from_date is None or offer.valid_from_date <= day
    return offer.enabled and has_begun and (offer.valid_until_date is None or day <= offer.valid_until_date)


def _branch(name: str, offer: Offer, day: date, whens: Mapping[str, str]) -> str:
    """Return the SQL of one offer's candidates, one row per channel; the deadline is capped at the offer's end."""
    deadline = day + timedelta(days=offer.deadline_days) if offer.deadline_days else None
    ends = min(filter(None, (deadline, offer.valid_until_date)), default=None)
    triggers = ", ".join(literal(each) for each in offer.triggers)
    channels = ", ".join(literal(each) for each in offer.channels)
    still = " ".join(f"when {literal(each)} then ({whens[each]})" for each in offer.triggers)
    return f"""
    select
        facts.*,
        events.trigger_event_id,
        events.trigger_id,
        events.priority,
        events.reason as trigger_reason,
        {literal(name)} as offer_id,
        {literal(offer.title)} as offer_title,
        {literal(offer.kind)} as kind,
        unnest([{channels}]) as channel,
        cast(({offer.monthly_margin}) as double) as monthly_margin,
        {offer.horizon_months} as horizon_months,
        {offer.hazard_reduction} as hazard_reduction,
        {offer.cost} as acceptance_cost,
        {offer.uptake} as expected_uptake,
        {"null" if offer.daily_capacity is None else offer.daily_capacity}::integer as daily_capacity,
        {"null" if offer.daily_budget is None else offer.daily_budget}::double as daily_budget,
        {"null" if offer.total_budget is None else offer.total_budget}::double as total_budget,
        {offer.response_days} as response_days,
        {f"date '{ends}'" if ends else "cast(null as date)"} as offer_deadline_date
    from facts
    inner join events
        on facts.customer_id = events.customer_id
    where
        events.trigger_id in ({triggers})
        and (events.is_in_force or case events.trigger_id {still} end)
        and ({offer.eligible})
        and ({offer.suitable})
    """


def _guards(settings: ActionSettings, part: str) -> str:
    """Return SQL for the first guard, in order of id, that forbids a candidate; null if none does."""
    whens = [
        f"when offered.kind in ({', '.join(literal(kind) for kind in guard.kinds)}) and ({guard.when})"
        f" then {literal(name if part == 'id' else guard.because)}"
        for name, guard in sorted(settings.guards.items())
        if guard.enabled
    ]
    return f"case {' '.join(whens)} end" if whens else "cast(null as varchar)"


def _channels(settings: ActionSettings, day: date) -> pd.DataFrame:
    weekday = WEEKDAYS[day.weekday()]
    rows: list[dict[str, Any]] = [
        {
            "channel": name,
            "contact_cost": channel.cost,
            "channel_capacity": channel.daily_capacity,
            "most_contacts": channel.most_contacts,
            "contact_days": channel.contact_days,
            "is_quiet": weekday in channel.quiet_weekdays,
            "contact_from": channel.contact_from,
            "contact_until": channel.contact_until,
        }
        for name, channel in settings.channels.items()
    ]
    # Typed explicitly, because a column of nulls alone would not be numeric.
    return pd.DataFrame(rows).astype({"channel_capacity": "float64"})


# Actions of a day that were handed over or carried out: whatever is decided again, they stand.
KEPT = """
action_date = $day
and outcome = 'chosen'
and (
    handed_over_at is not null
    or action_id in (select contacts.action_id from raw.contacts as contacts where contacts.action_id is not null)
)
"""

_SQL = """
with facts as (
    select * from {facts} where action_date = $day
),

acted as (
    select distinct trigger_event_id
    from segments.customer_actions
    where action_date < $day and (outcome = 'chosen' or is_control)
),

kept as (
    select * from segments.customer_actions where {kept}
),

-- When this day is caught up, later days may have been decided already.
acted_later as (
    select distinct trigger_event_id
    from segments.customer_actions
    where action_date > $day and (outcome = 'chosen' or is_control)
),

contacted_later as (
    select distinct customer_id
    from segments.customer_actions
    where action_date > $day and action_date < $day + {distance} and outcome = 'chosen'
),

-- What was sent costs what it costs; whether it will be accepted is expected.
spent as (
    select
        offer_id,
        cast(sum(contact_cost + uptake * acceptance_cost) as double) as spent,
        cast(sum(contact_cost + uptake * acceptance_cost) filter (where action_date = $day) as double) as spent_today,
        count(*) filter (where action_date = $day) as made_today
    from segments.customer_actions
    where outcome = 'chosen' and (action_date < $day or action_id in (select kept.action_id from kept))
    group by offer_id
),

made_by as (
    select channel, count(*) as made_today from kept group by channel
),

-- What was found under a version that has been withdrawn or replaced counts while the facts of the day say the same.
events as (
    select
        trigger_event_id,
        customer_id,
        trigger_id,
        priority,
        reason,
        version_id is null
        or version_id not in (select versions.version_id from segments.versions where status <> 'published')
            as is_in_force
    from segments.triggers
    where
        trigger_date <= $day
        and expires_date >= $day
        and retracted_date is null
        and trigger_event_id not in (select acted.trigger_event_id from acted)
),

offered as ({offered}),

guarded as (
    select
        offered.*,
        md5(concat_ws(
            chr(31), customer_id, cast($day as date), offer_id, trigger_event_id, channel
        )) as action_id,
        coalesce('household ' || household_id, 'group ' || group_id, 'customer ' || customer_id) as contact_unit,
        {guard} as guard_id,
        {guard_words} as guard_reason
    from offered
),

consents as ({consents}),

contacts as ({contacts}),

contacted as (
    select
        customer_id,
        max(contact_date) as last_contact_date,
        count(*) filter (where contact_date > $day - {contact_days}) as contacts
    from contacts
    group by customer_id
),

contacted_by as (
    select
        contacts.customer_id,
        contacts.channel,
        count(*) filter (where contacts.contact_date > $day - cast(channels.contact_days as integer)) as contacts
    from contacts
    inner join channels
        on contacts.channel = {channel_of_limit}
    group by contacts.customer_id, contacts.channel
)

select
    offered.action_id,
    offered.customer_id,
    offered.contact_unit,
    offered.trigger_event_id,
    offered.trigger_id,
    offered.priority,
    offered.trigger_reason,
    offered.offer_id,
    offered.offer_title,
    offered.channel,
    coalesce({preferred} = {channel}, false) as is_preferred,
    offered.daily_capacity - coalesce(spent.made_today, 0) as daily_capacity,
    -- Of two that are null or not, the lesser that is known.
    least(
        offered.daily_budget - coalesce(spent.spent_today, 0), offered.total_budget - coalesce(spent.spent, 0)
    ) as budget_left,
    channels.channel_capacity - coalesce(made_by.made_today, 0) as channel_capacity,
    coalesce(
        {refusal},
        offered.guard_id,
        case
            when
                offered.customer_id in (select kept.customer_id from kept)
                or offered.contact_unit in (select kept.contact_unit from kept)
                then 'handed_over'
            when channels.is_quiet then 'quiet_day'
            when contacted.last_contact_date > $day - {distance} then 'minimum_distance'
            when contacted.contacts >= {most_contacts} then 'total_frequency'
            when contacted_by.contacts >= channels.most_contacts then 'channel_frequency'
        end
    ) as suppressed_by,
    offered.trigger_event_id in (select acted_later.trigger_event_id from acted_later)
    or offered.customer_id in (select contacted_later.customer_id from contacted_later) as is_decided_later,
    offered.guard_id,
    offered.guard_reason,
    coalesce(of_segment.uptake, of_offer.uptake, offered.expected_uptake) as uptake,
    offered.monthly_margin,
    offered.horizon_months,
    offered.hazard_reduction,
    offered.churn_probability_12m,
    cast(offered.future_value_36m as double) as future_value_36m,
    channels.contact_cost,
    offered.acceptance_cost,
    offered.version_id,
    offered.market_segment,
    offered.response_days,
    offered.offer_deadline_date,
    channels.contact_from,
    channels.contact_until
from guarded as offered
inner join channels
    on offered.channel = channels.channel
inner join raw.customers as customers
    on offered.customer_id = customers.customer_id
left join consents
    on
        offered.customer_id = consents.customer_id
        and offered.channel = consents.channel
left join spent
    on offered.offer_id = spent.offer_id
left join contacted
    on offered.customer_id = contacted.customer_id
left join contacted_by
    on
        offered.customer_id = contacted_by.customer_id
        and {channel} = contacted_by.channel
left join made_by
    on offered.channel = made_by.channel
left join uptakes as of_segment
    on
        offered.offer_id = of_segment.offer_id
        and offered.market_segment = of_segment.market_segment
left join uptakes as of_offer
    on
        offered.offer_id = of_offer.offer_id
        and of_offer.market_segment is null
where offered.action_id not in (select kept.action_id from kept)
"""
