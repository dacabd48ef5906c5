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
    counts = counted_outcomes(connection, day)
    grouped = pd.concat([_summed(counts, by) for by in _GROUPINGS], ignore_index=True)
    results = grouped.join(read_uplift(grouped, parameters))
    results = results.assign(**{f"gain{end}": _gain(results, f"uplift{end}") for end in ("", "_low", "_high")})
    results["finding"] = results["verdict"].map(_FINDINGS)
    columns = [name for name in columns_of(RESULTS) if name != "action_date"]
    with transaction(connection):
        replace_day(connection, RESULTS, day, results[columns])
    return results


def counted_outcomes(connection: duckdb.DuckDBPyConnection, day: date) -> pd.DataFrame:
    """Count the outcomes of the actions whose response period ended before the day.

    Returns:
        One row per offer, market segment and month: eligible, treated, contacted, opened, accepted, active, control,
        control_accepted; ``worth``, the value if each of the treated accepted, and ``spent`` on them. Null, not zero,
        if the deployment delivers no contacts or no responses.
    """
    return read_frame(connection, _COUNT, {"day": day})


_COUNTS = ("eligible", "treated", "contacted", "opened", "accepted", "active", "control", "control_accepted")
_SUMS = ("worth", "spent")
_GROUPINGS = (("offer_id",), ("offer_id", "market_segment"), ("offer_id", "market_segment", "period"))


def _summed(counts: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    summed = counts.groupby(list(by), as_index=False)[[*_COUNTS, *_SUMS]].sum(min_count=1)
    for name in ("market_segment", "period"):
        if name not in by:
            summed[name] = ALL
    return summed


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
with delivered as (
    select
        exists (select 1 from raw.contacts) as has_contacts,
        exists (select 1 from raw.responses) as has_responses
),

actions as (
    select *
    from segments.customer_actions
    where
        (outcome = 'chosen' or is_control)
        and action_date + response_days * interval 1 day < $day
),

contacts as (
    select action_id, max(opened_at) is not null as is_opened, sum(cost) as cost
    from raw.contacts
    where action_id is not null and cast(contacted_at as date) <= $day
    group by action_id
),

answers as (
    select
        actions.action_id,
        max(case when responses.response in ('accepted', 'active') then 1 else 0 end) as is_accepted,
        max(case when responses.response = 'active' then 1 else 0 end) as is_active
    from actions
    inner join raw.responses as responses
        on
            actions.customer_id = responses.customer_id
            and actions.offer_id = responses.offer_id
            and cast(responses.responded_at as date) between actions.action_date
            and actions.action_date + actions.response_days * interval 1 day
    group by actions.action_id
),

told as (
    select
        actions.offer_id,
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
)

select
    offer_id,
    market_segment,
    period,
    count(*) as eligible,
    count(*) filter (where not is_control) as treated,
    case when bool_or(has_contacts) then count(*) filter (where not is_control and is_contacted) end as contacted,
    case when bool_or(has_contacts) then count(*) filter (where not is_control and is_opened) end as opened,
    case when bool_or(has_responses) then count(*) filter (where not is_control and is_accepted = 1) end as accepted,
    case when bool_or(has_responses) then count(*) filter (where not is_control and is_active = 1) end as active,
    count(*) filter (where is_control) as control,
    case when bool_or(has_responses) then count(*) filter (where is_control and is_accepted = 1) end
        as control_accepted,
    coalesce(sum(worth) filter (where not is_control), 0)::double as worth,
    -- Who would have accepted anyway costs what an acceptance costs too.
    coalesce(sum(contact_cost + acceptance_cost * is_accepted) filter (where not is_control), 0)::double as spent
from told
group by offer_id, market_segment, period
"""
