{{ config(materialized='incremental', unique_key='month_end_date', partitioned_by='month_end_date') }}

-- A month is made again when its rows are not those the model has seen: new loads, restated days, erased contracts.
with source_days as (
    select
        usage_date,
        {{ month_end('usage_date') }} as month_end_date,
        count(*) as contract_days,
        max(_load_id) as last_load_id
    from {{ ref('stg_usage') }}
    group by usage_date
),

source_months as (
    select
        month_end_date,
        sum(contract_days) as contract_days,
        max(last_load_id) as last_load_id
    from source_days
    group by month_end_date
),

{% if is_incremental() %}
known_months as (
    select month_end_date, sum(usage_days) as contract_days, max(last_load_id) as last_load_id
    from {{ this }}
    group by month_end_date
),
{% endif %}

changed_months as (
    select source_months.month_end_date
    from source_months
    {% if is_incremental() %}
    left join known_months
        on
            known_months.month_end_date = source_months.month_end_date
            and known_months.contract_days = source_months.contract_days
            and known_months.last_load_id = source_months.last_load_id
    where known_months.month_end_date is null
    {% endif %}
),

-- Joined by the day, so that the scan skips the files of other months.
changed_days as (
    select
        source_days.usage_date,
        source_days.month_end_date
    from source_days
    inner join changed_months
        on source_days.month_end_date = changed_months.month_end_date
),

usage_days as (
    select
        usage.contract_id,
        usage.usage_date,
        changed_days.month_end_date,
        usage.bytes_down,
        usage.bytes_up,
        usage.bytes_down + usage.bytes_up as bytes_total,
        usage.bytes_down_business_hours + usage.bytes_up_business_hours as bytes_business_hours,
        usage.bytes_down_evening + usage.bytes_up_evening as bytes_evening,
        usage.bytes_down_night + usage.bytes_up_night as bytes_night,
        -- Squares of whole megabytes, because integers add up to the same total in any order.
        cast(round((usage.bytes_down + usage.bytes_up) / 1000000.0) as decimal(18, 0)) as megabytes,
        usage.sessions,
        usage.devices,
        usage.peak_mbps,
        usage._load_id
    from {{ ref('stg_usage') }} as usage
    inner join changed_days
        on usage.usage_date = changed_days.usage_date
)

select
    contract_id,
    month_end_date,
    count(*) as usage_days,
    min(usage_date) as first_usage_date,
    max(case when bytes_total > 0 then usage_date end) as last_active_date,
    cast(sum(bytes_down) as bigint) as bytes_down,
    cast(sum(bytes_up) as bigint) as bytes_up,
    cast(sum(bytes_business_hours) as bigint) as bytes_business_hours,
    cast(sum(bytes_evening) as bigint) as bytes_evening,
    cast(sum(bytes_night) as bigint) as bytes_night,
    cast(sum(case when bytes_business_hours is not null then bytes_total end) as bigint) as bytes_with_business_hours,
    cast(sum(case when bytes_evening is not null then bytes_total end) as bigint) as bytes_with_evening,
    cast(sum(case when bytes_night is not null then bytes_total end) as bigint) as bytes_with_night,
    cast(sum(case when {{ is_weekend('usage_date') }} then bytes_total else 0 end) as bigint) as bytes_weekend,
    cast(sum(megabytes) as decimal(38, 0)) as megabytes,
    cast(sum(megabytes * megabytes) as decimal(38, 0)) as megabytes_squared,
    max(peak_mbps) as peak_mbps,
    cast(sum(sessions) as bigint) as sessions,
    count(sessions) as days_with_sessions,
    cast(sum(devices) as bigint) as devices,
    count(devices) as days_with_devices,
    max(_load_id) as last_load_id
from usage_days
group by contract_id, month_end_date
