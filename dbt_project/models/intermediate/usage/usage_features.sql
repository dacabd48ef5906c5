with {{ held_months(ref('usage_months'), where='months.usage_days > 0', state_columns=['data_cap_gb']) }},

-- Days per customer rather than per contract: in each month, those of the contract with the most.
days_with_records as (
    select
        customer_id,
        as_of_date,
        months_ago,
        max(usage_days) as usage_days
    from held_months
    where months_ago <= 2
    group by customer_id, as_of_date, months_ago
),

recorded_days as (
    select
        customer_id,
        as_of_date,
        sum(case when months_ago = 0 then usage_days else 0 end) as usage_days_1m,
        sum(usage_days) as usage_days_3m
    from days_with_records
    group by customer_id, as_of_date
),

totals as (
    select
        customer_id,
        as_of_date,
        month_start_date,
        quarter_before_start_date,
        is_fed,
        min(first_usage_date) as first_usage_date,
        max(last_active_date) as last_active_date,
        sum(case when months_ago <= 2 then usage_days else 0 end) as contract_days_3m,
        sum(case when months_ago = 0 then bytes_down else 0 end) as bytes_down_1m,
        sum(case when months_ago = 0 then bytes_up else 0 end) as bytes_up_1m,
        -- The contract closest to its own cap: other contracts' traffic does not count against it.
        max(case when months_ago = 0 then (bytes_down + bytes_up) / 1e9 / nullif(data_cap_gb, 0) end) as cap_use_1m,
        sum(case when months_ago between 1 and 3 then bytes_down + bytes_up else 0 end) as bytes_before,
        {% for months in (3, 12) -%}
        sum(case when months_ago < {{ months }} then bytes_down + bytes_up else 0 end) as bytes_{{ months }}m,
        sum(case when months_ago < {{ months }} then bytes_up else 0 end) as bytes_up_{{ months }}m,
        sum(case when months_ago < {{ months }} then bytes_weekend end) as bytes_weekend_{{ months }}m,
        {% for part in ('business_hours', 'evening', 'night') -%}
        sum(case when months_ago < {{ months }} then bytes_{{ part }} end) as bytes_{{ part }}_{{ months }}m,
        sum(case when months_ago < {{ months }} then bytes_with_{{ part }} end) as bytes_with_{{ part }}_{{ months }}m,
        {% endfor -%}
        {% endfor -%}
        sum(case when months_ago <= 2 then megabytes end) as megabytes_3m,
        sum(case when months_ago <= 2 then megabytes_squared end) as megabytes_squared_3m,
        max(case when months_ago <= 2 then peak_mbps end) as peak_mbps_3m,
        sum(case when months_ago <= 2 then sessions end) as sessions_3m,
        sum(case when months_ago <= 2 then days_with_sessions end) as days_with_sessions_3m,
        sum(case when months_ago <= 2 then devices end) as devices_3m,
        sum(case when months_ago <= 2 then days_with_devices end) as days_with_devices_3m
    from held_months
    group by customer_id, as_of_date, month_start_date, quarter_before_start_date, is_fed
),

windows as (
    select
        totals.*,
        recorded_days.usage_days_1m,
        recorded_days.usage_days_3m,
        {{ months_between('totals.first_usage_date', 'totals.as_of_date') }} + 1 as usage_history_months,
        {{ days_between(
            'greatest(totals.first_usage_date, totals.month_start_date)', add_days('totals.as_of_date', 1)
        ) }} as days_now,
        {{ days_between(
            'greatest(totals.first_usage_date, totals.quarter_before_start_date)', 'totals.month_start_date'
        ) }} as days_before
    from totals
    left join recorded_days
        on
            totals.customer_id = recorded_days.customer_id
            and totals.as_of_date = recorded_days.as_of_date
)

select
    customer_id,
    as_of_date,
    usage_history_months,
    case when is_fed then coalesce(usage_days_1m, 0) end as usage_days_1m,
    case when is_fed then coalesce(usage_days_3m, 0) end as usage_days_3m,
    case when is_fed then bytes_down_1m / 1e9 end as gb_down_1m,
    case when is_fed then bytes_up_1m / 1e9 end as gb_up_1m,
    cap_use_1m,
    {% for months in (3, 12) -%}
    case
        when is_fed then bytes_{{ months }}m / 1e9 / least(usage_history_months, {{ months }})
    end as gb_month_{{ months }}m,
    {{ ratio('bytes_up_' ~ months ~ 'm', 'bytes_' ~ months ~ 'm') }} as upload_share_{{ months }}m,
    {% for part in ('business_hours', 'evening', 'night') -%}
    {{ ratio('bytes_' ~ part ~ '_' ~ months ~ 'm', 'bytes_with_' ~ part ~ '_' ~ months ~ 'm') }}
        as {{ part }}_share_{{ months }}m,
    {% endfor -%}
    {{ ratio('bytes_weekend_' ~ months ~ 'm', 'bytes_' ~ months ~ 'm') }} as weekend_share_{{ months }}m,
    {% endfor -%}
    -- Population standard deviation over mean, from exact totals; a single day says nothing about volatility.
    case
        when contract_days_3m > 1 and megabytes_3m > 0
            then sqrt(
                greatest(
                    cast(megabytes_squared_3m as double) / contract_days_3m
                    - power(cast(megabytes_3m as double) / contract_days_3m, 2),
                    0
                )
            ) / (cast(megabytes_3m as double) / contract_days_3m)
    end as usage_volatility_3m,
    -- Traffic per day, so that short or first months do not look like a collapse or a rise.
    case
        when is_fed and days_before >= 28
            then
                {{ ratio('bytes_down_1m + bytes_up_1m', 'days_now') }}
                / nullif({{ ratio('bytes_before', 'days_before') }}, 0)
    end as traffic_trend,
    -- For the trend of the whole base.
    case when is_fed and days_before >= 28 then bytes_down_1m + bytes_up_1m end as compared_bytes,
    case when is_fed and days_before >= 28 then days_now end as compared_days,
    case when is_fed and days_before >= 28 then bytes_before end as compared_bytes_before,
    case when is_fed and days_before >= 28 then days_before end as compared_days_before,
    peak_mbps_3m,
    {{ ratio('sessions_3m', 'days_with_sessions_3m') }} as sessions_day_3m,
    {{ ratio('devices_3m', 'days_with_devices_3m') }} as devices_3m,
    case when is_fed then {{ days_between('last_active_date', 'as_of_date') }} end as days_since_last_traffic
from windows
