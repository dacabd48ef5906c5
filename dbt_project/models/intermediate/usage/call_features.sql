with run_months as (
    select
        month_end_date as as_of_date,
        month_start_date,
        month_number
    from {{ ref('months') }}
    where is_run_month
),

-- A month that the feed does not hold at all is not known, rather than a month without calls.
fed_months as (
    select distinct month_end_date
    from {{ ref('call_months') }}
),

as_of_months as (
    select
        run_months.*,
        {{ add_days(month_end(add_months('run_months.as_of_date', -4)), 1) }} as quarter_before_start_date,
        fed_months.month_end_date is not null as is_fed
    from run_months
    left join fed_months
        on run_months.as_of_date = fed_months.month_end_date
),

-- A month of calls is that of whoever held the contract at its end, before the first state of who held it first.
calls as (
    select
        states.customer_id,
        as_of_months.as_of_date,
        as_of_months.month_start_date,
        as_of_months.quarter_before_start_date,
        as_of_months.is_fed,
        as_of_months.month_number - {{ month_number('months.month_end_date') }} as months_ago,
        months.*
    from as_of_months
    inner join {{ ref('call_months') }} as months
        on as_of_months.as_of_date >= months.month_end_date
    inner join {{ ref('contract_states') }} as states
        on
            months.contract_id = states.contract_id
            and as_of_months.as_of_date >= states.valid_from_date
            and (states.is_first_state or months.month_end_date >= states.valid_from_date)
            and (states.valid_to_date is null or months.month_end_date < states.valid_to_date)
),

totals as (
    select
        customer_id,
        as_of_date,
        month_start_date,
        quarter_before_start_date,
        is_fed,
        max(months_ago) + 1 as call_history_months,
        min(first_call_date) as first_call_date,
        max(last_call_date) as last_call_date,
        sum(case when months_ago = 0 then events else 0 end) as events_1m,
        sum(case when months_ago between 1 and 3 then events else 0 end) as events_before,
        {% for measure in ('calls', 'call_minutes', 'messages') -%}
        -- Measured once, a month without a row has none.
        case
            when count({{ measure }}) > 0 then sum(case when months_ago <= 2 then coalesce({{ measure }}, 0) else 0 end)
        end as {{ measure }},
        {% endfor -%}
        {% for measure in ('incoming', 'with_direction', 'abroad', 'with_destination') -%}
        sum(case when months_ago <= 2 then weight_{{ measure }} end) as weight_{{ measure }},
        {% endfor -%}
        least(max(months_ago) + 1, 3) as months
    from calls
    group by customer_id, as_of_date, month_start_date, quarter_before_start_date, is_fed
),

windows as (
    select
        *,
        {{ days_between('greatest(first_call_date, month_start_date)', add_days('as_of_date', 1)) }} as days_now,
        {{ days_between('greatest(first_call_date, quarter_before_start_date)', 'month_start_date') }} as days_before
    from totals
)

select
    customer_id,
    as_of_date,
    is_fed,
    case when is_fed then call_history_months end as call_history_months,
    case when is_fed then {{ ratio('calls', 'months') }} end as calls_month_3m,
    case when is_fed then {{ ratio('call_minutes', 'months') }} end as call_minutes_month_3m,
    case when is_fed then {{ ratio('messages', 'months') }} end as messages_month_3m,
    case when is_fed then {{ ratio('weight_incoming', 'weight_with_direction') }} end as incoming_call_share_3m,
    case when is_fed then {{ ratio('weight_abroad', 'weight_with_destination') }} end as abroad_call_share_3m,
    case when is_fed then {{ days_between('last_call_date', 'as_of_date') }} end as days_since_last_call,
    -- Calls and messages a day, as the trend of traffic is.
    case
        when is_fed and days_before >= 28
            then {{ ratio('events_1m', 'days_now') }} / nullif({{ ratio('events_before', 'days_before') }}, 0)
    end as call_trend
from windows
