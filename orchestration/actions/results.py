"""Results of actions: a funnel by offer, segment and month, and treated customers compared with those held out."""

from datetime import date

import duckdb
import numpy as np
import pandas as pd

from models.actions.parameters import ResultParameters
from models.actions.uplift import EFFECTIVE, HARMFUL, NO_CONTROL, NO_RESPONSES, NOT_SHOWN, read_uplift
from orchestration.actions.tables import RESULTS, columns_of, replace_day
from orchestration.lake.frames import read_frame
from orchestration.lake.warehouse import transaction

ALL = "all"


def write_results(connection: duckdb.DuckDBPyConnection, parameters: ResultParameters, day: date) -> pd.DataFrame:
    """Write the results as of a day to ``segments.action_results``, and return them."""
    counts = counted_outcomes(connection, parameters, day)
    results = counts.join(read_uplift(counts, parameters))
    results = results.assign(**{f"gain{end}": _gain(results, f"uplift{end}") for end in ("", "_low", "_high")})
    results["finding"] = results["verdict"].map(_FINDINGS)
    columns = [name for name in columns_of(RESULTS) if name != "action_date"]
    with transaction(connection):
        replace_day(connection, RESULTS, day, results[columns])
    return results


def counted_outcomes(connection: duckdb.DuckDBPyConnection, parameters: ResultParameters, day: date) -> pd.DataFrame:
    """Count the outcomes of the actions whose response period ended before the day and whose responses have arrived.

    A response is that of the last action of its offer before it, and one about an accepted product that is in use that
    of the action which was accepted, so that no response counts twice.

    Returns:
        One row per offer, market segment and month, and for ``ALL`` of them: eligible, treated, contacted, opened,
        accepted, active, control, control_accepted; ``worth``, the value if each of the treated accepted, and ``spent``
        on them; the moments of ``design_effect``. Null, not zero, if the deployment delivers no contacts or no
        responses.
    """
    return read_frame(connection, _COUNT, {"day": day, "late": parameters.late_response_days, "all": ALL})


def _gain(results: pd.DataFrame, uplift: str) -> pd.Series:
    """Return the gain of an uplift: additional acceptances at their mean worth, less the amount spent."""
    return (results[uplift] * results["worth"] - results["spent"]).replace([np.inf, -np.inf], np.nan).round(2)


_FINDINGS = {
    EFFECTIVE: "More of the treated accepted than of those held out; chance is ruled out, however often it is read.",
    HARMFUL: "Fewer of the treated accepted than of those held out; chance is ruled out, however often it is read.",
    NOT_SHOWN: "The difference from those held out can still be chance.",
    NO_CONTROL: "Nobody was held out, so nothing can be said of uplift.",
    NO_RESPONSES: "No responses are delivered, so its result is not known.",
}

_COUNT = """
with responded as (
    select customer_id, offer_id, responded_at, response from raw.responses where responded_at < $day
),

delivered as (
    select
        exists (select 1 from raw.contacts) as has_contacts,
        exists (select 1 from responded) as has_responses
),

acted as (
    select *
    from segments.customer_actions
    where outcome = 'chosen' or is_control
),

actions as (
    select *
    from acted
    where
        action_date + response_days * interval 1 day < $day
        -- A response can arrive late: later ones, or the days to wait for them, show that it will not.
        and coalesce(
            action_date + response_days * interval 1 day < (select cast(max(responded_at) as date) from responded)
            or action_date + (response_days + $late) * interval 1 day < $day,
            true
        )
),

contacts as (
    select action_id, max(opened_at) is not null as is_opened, sum(cost) as cost
    from raw.contacts
    where action_id is not null and cast(contacted_at as date) <= $day
    group by action_id
),

accepted as (
    select customer_id, offer_id, cast(responded_at as date) as accepted_date
    from responded
    where response = 'accepted'
),

attributed as (
    select
        acted.action_id,
        responded.response,
        row_number() over (
            partition by responded.customer_id, responded.offer_id, responded.responded_at, responded.response
            order by
                case when responded.response = 'active' and exists (
                    select 1 from accepted
                    where
                        accepted.customer_id = responded.customer_id
                        and accepted.offer_id = responded.offer_id
                        and accepted.accepted_date between acted.action_date and cast(responded.responded_at as date)
                ) then 0 else 1 end,
                acted.action_date desc,
                acted.action_id
        ) as place
    from acted
    inner join responded
        on
            acted.customer_id = responded.customer_id
            and acted.offer_id = responded.offer_id
            and cast(responded.responded_at as date) between acted.action_date
            and acted.action_date + acted.response_days * interval 1 day
),

answers as (
    select
        action_id,
        max(case when response in ('accepted', 'active') then 1 else 0 end) as is_accepted,
        max(case when response = 'active' then 1 else 0 end) as is_active
    from attributed
    where place = 1
    group by action_id
),

told as (
    select
        actions.offer_id,
        coalesce(actions.contact_unit, actions.customer_id) as contact_unit,
        coalesce(actions.market_segment, 'unknown') as market_segment,
        strftime(actions.action_date, '%Y-%m') as period,
        actions.is_control,
        delivered.has_contacts,
        delivered.has_responses,
        contacts.action_id is not null as is_contacted,
        coalesce(contacts.is_opened, false) as is_opened,
        coalesce(answers.is_accepted, 0) as is_accepted,
        coalesce(answers.is_active, 0) as is_active,
        actions.margin_gain + actions.avoided_loss as worth,
        coalesce(contacts.cost, actions.contact_cost) as contact_cost,
        actions.acceptance_cost
    from actions
    cross join delivered
    left join contacts
        on actions.action_id = contacts.action_id
    left join answers
        on actions.action_id = answers.action_id
),

by_unit as (
    select
        offer_id,
        case when grouping(market_segment) = 1 then $all else market_segment end as market_segment,
        case when grouping(period) = 1 then $all else period end as period,
        is_control,
        contact_unit,
        bool_or(has_contacts) as has_contacts,
        bool_or(has_responses) as has_responses,
        count(*) as actions,
        count(*) filter (where is_contacted) as contacted,
        count(*) filter (where is_opened) as opened,
        count(*) filter (where is_accepted = 1) as accepted,
        count(*) filter (where is_active = 1) as active,
        sum(worth) as worth,
        -- Who would have accepted anyway costs what an acceptance costs too.
        sum(contact_cost + acceptance_cost * is_accepted) as spent
    from told
    group by grouping sets (
        (offer_id, is_control, contact_unit),
        (offer_id, market_segment, is_control, contact_unit),
        (offer_id, market_segment, period, is_control, contact_unit)
    )
)

select
    offer_id,
    market_segment,
    period,
    sum(actions) as eligible,
    coalesce(sum(actions) filter (where not is_control), 0) as treated,
    case when bool_or(has_contacts) then coalesce(sum(contacted) filter (where not is_control), 0) end as contacted,
    case when bool_or(has_contacts) then coalesce(sum(opened) filter (where not is_control), 0) end as opened,
    case when bool_or(has_responses) then coalesce(sum(accepted) filter (where not is_control), 0) end as accepted,
    case when bool_or(has_responses) then coalesce(sum(active) filter (where not is_control), 0) end as active,
    coalesce(sum(actions) filter (where is_control), 0) as control,
    case when bool_or(has_responses) then coalesce(sum(accepted) filter (where is_control), 0) end as control_accepted,
    coalesce(sum(worth) filter (where not is_control), 0)::double as worth,
    coalesce(sum(spent) filter (where not is_control), 0)::double as spent,
    count(*) filter (where not is_control) as treated_units,
    sum(actions * actions) filter (where not is_control) as treated_actions_squared,
    sum(accepted * actions) filter (where not is_control) as treated_accepted_actions,
    sum(accepted * accepted) filter (where not is_control) as treated_accepted_squared,
    count(*) filter (where is_control) as control_units,
    sum(actions * actions) filter (where is_control) as control_actions_squared,
    sum(accepted * actions) filter (where is_control) as control_accepted_actions,
    sum(accepted * accepted) filter (where is_control) as control_accepted_squared
from by_unit
group by offer_id, market_segment, period
order by offer_id, market_segment, period
"""
