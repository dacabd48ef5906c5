with {{ held_months(ref('call_months')) }},

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
        -- If the measure is known at all, months without a row are zero.
        case
            when count({{ measure }}) > 0 then sum(case when months_ago <= 2 then coalesce({{ measure }}, 0) else 0 end)
        end as {{ measure }},
        {% endfor -%}
        {% for measure in ('incoming', 'with_direction', 'abroad', 'with_destination') -%}
        sum(case when months_ago <= 2 then weight_{{ measure }} end) as weight_{{ measure }},
        {% endfor -%}
        least(max(months_ago) + 1, 3) as months
    from held_months
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
    -- Calls and messages per day, like the trend of traffic.
    case
        when is_fed and days_before >= 28
            then {{ ratio('events_1m', 'days_now') }} / nullif({{ ratio('events_before', 'days_before') }}, 0)
    end as call_trend
from windows
