with run_months as (
    select
        month_end_date as as_of_date,
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
        run_months.as_of_date,
        run_months.month_number
    from run_months
    inner join fed_months
        on run_months.as_of_date = fed_months.month_end_date
),

-- A month of calls is that of whoever held the contract at its end, before the first state of who held it first.
calls as (
    select
        states.customer_id,
        as_of_months.as_of_date,
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
        max(months_ago) + 1 as call_history_months,
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
    group by customer_id, as_of_date
)

select
    customer_id,
    as_of_date,
    call_history_months,
    {{ ratio('calls', 'months') }} as calls_month_3m,
    {{ ratio('call_minutes', 'months') }} as call_minutes_month_3m,
    {{ ratio('messages', 'months') }} as messages_month_3m,
    {{ ratio('weight_incoming', 'weight_with_direction') }} as incoming_call_share_3m,
    {{ ratio('weight_abroad', 'weight_with_destination') }} as abroad_call_share_3m
from totals
