"""Who may be contacted, as SQL: consent by channel, do-not-contact, age, and frequency of contact.

Read from the raw tables, so that a consent withdrawn a minute ago is known, whatever version is in force.
"""

from datetime import date
from typing import Any

from orchestration.settings.actions import ActionSettings

WORDS = {
    "do_not_contact": "The customer asked not to be contacted.",
    "under_age": "The customer may be under age.",
    "opted_out": "The customer has withdrawn consent to marketing.",
    "no_consent": "Nobody has recorded consent to marketing.",
    "quiet_day": "The channel rests on this day of the week.",
    "channel_frequency": "The channel has been used as often as it may be.",
    "total_frequency": "There have been as many contacts as there may be.",
    "minimum_distance": "The last contact was too few days ago.",
    "handed_over": "Another action of the day has already been handed over.",
    "decided_later": "A later day, decided before this one, has already acted.",
}
"""The text for each reason."""


def refusal(kind: str, consent: str, customer: str, settings: ActionSettings) -> str:
    """Return SQL for the reason why a customer must not be contacted; null if there is none.

    Args:
        kind: SQL of the kind of the offer.
        consent: name of a row of ``CONSENTS`` for the channel.
        customer: name of a row of ``raw.customers``.
        settings: minimum age, and what an unknown consent means.
    """
    unknown = "'no_consent'" if settings.contacts.when_consent_unknown == "suppress" else "null"
    return f"""
    case
        when {customer}.do_not_contact then 'do_not_contact'
        when
            {customer}.customer_type = 'person'
            and extract(year from $day::date) - {customer}.birth_year - 1 < {settings.contacts.minimum_age}
            then 'under_age'
        when {kind} = 'service' then null
        when not coalesce({consent}.is_granted, {customer}.marketing_consent) then 'opted_out'
        when coalesce({consent}.is_granted, {customer}.marketing_consent) is null then {unknown}
    end
    """


def same_channel(name: str) -> str:
    """Return SQL that compares names of channels by their letters and digits: E-Mail, e_mail and email are one."""
    return f"regexp_replace(lower({name}), '[^a-z0-9]', '', 'g')"


# The latest statement of each customer on each channel; of two with the same time, the withdrawal. A statement on 'all'
# counts for every channel without a later one of its own. $channels are those of the settings. Consent given from
# $until on does not count, and neither does a withdrawal from $withdrawn_until on: that is later at a hand-over, since
# the clock of the system that recorded a withdrawal may be ahead.
CONSENTS = f"""
select customer_id, channel, is_granted
from (
    select
        consents.customer_id,
        channels.channel,
        consents.is_granted,
        row_number() over (
            partition by consents.customer_id, channels.channel order by consents.changed_at desc, consents.is_granted
        ) as recency
    from raw.consents as consents
    inner join (select unnest($channels::varchar[]) as channel) as channels
        on {same_channel("consents.channel")} in ({same_channel("channels.channel")}, 'all')
    where consents.changed_at < case when consents.is_granted then $until else $withdrawn_until end::timestamp
)
where recency = 1
"""

# Contacts made up to the day, except by its own actions, and earlier chosen actions not reported as contacts: by their
# identifier or, where the campaign tool returns none, by customer and channel on the day or the $carried_out_within
# after it.
CONTACTS = f"""
select customer_id, {same_channel("channel")} as channel, cast(contacted_at as date) as contact_date
from raw.contacts
where
    cast(contacted_at as date) <= $day
    and cast(contacted_at as date) > $day - $window
    and not exists (
        select 1 from segments.customer_actions as today
        where today.action_date = $day and today.action_id = contacts.action_id
    )
union all
select actions.customer_id, {same_channel("actions.channel")} as channel, actions.action_date as contact_date
from segments.customer_actions as actions
where
    actions.outcome = 'chosen'
    and actions.action_date < $day
    and actions.action_date > $day - $window
    and not exists (select 1 from raw.contacts as contacts where contacts.action_id = actions.action_id)
    and not exists (
        select 1 from raw.contacts as contacts
        where
            contacts.action_id is null
            and contacts.customer_id = actions.customer_id
            and {same_channel("contacts.channel")} = {same_channel("actions.channel")}
            and cast(contacts.contacted_at as date) between actions.action_date
            and actions.action_date + $carried_out_within
            and cast(contacts.contacted_at as date) <= $day
    )
"""


def parameters(settings: ActionSettings, day: date) -> dict[str, Any]:
    """Return the parameters of ``CONTACTS``, and the channels for ``CONSENTS``."""
    windows = [settings.contacts.contact_days, settings.contacts.minimum_distance_days]
    return {
        "day": day,
        "channels": sorted(settings.channels),
        "carried_out_within": settings.contacts.carried_out_within_days,
        "window": max(windows + [each.contact_days for each in settings.channels.values()]),
    }
