{{ config(
    database='lake',
    materialized='incremental',
    unique_key='month_end_date',
    partitioned_by='month_end_date',
    post_hook="{{ delete_vanished('month_end_date', month_end('usage_date'), ref('session_days')) }}"
) }}

{%- set totals = (
    'bytes_down', 'bytes_up', 'session_seconds', 'bytes_down_business_hours', 'bytes_up_business_hours',
    'bytes_down_evening', 'bytes_up_evening', 'bytes_down_night', 'bytes_up_night'
) %}

-- A month is rebuilt if the sums of its sessions differ from those the model has seen.
with source_days as (
    select
        usage_date,
        {{ month_end('usage_date') }} as month_end_date,
        count(*) as session_days,
        sum(bytes_down + bytes_up) as bytes_total,
        max(_load_id) as last_load_id
    from {{ ref('session_days') }}
    group by usage_date
),

source_months as (
    select
        month_end_date,
        sum(session_days) as session_days,
        sum(bytes_total) as bytes_total,
        max(last_load_id) as last_load_id
    from source_days
    group by month_end_date
),

{% if is_incremental() %}
known_months as (
    select
        month_end_date,
        sum(session_days) as session_days,
        sum(bytes_down + bytes_up) as bytes_total,
        max(_load_id) as last_load_id
    from {{ this }}
    where counted_by = {{ text_literal(counter_rules()) }}
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
            and known_months.session_days = source_months.session_days
            and known_months.bytes_total = source_months.bytes_total
            and known_months.last_load_id = source_months.last_load_id
    where known_months.month_end_date is null
    {% endif %}
),

changed_days as (
    select
        source_days.usage_date,
        source_days.month_end_date
    from source_days
    inner join changed_months
        on source_days.month_end_date = changed_months.month_end_date
)

select
    days.contract_id,
    days.usage_date,
    changed_days.month_end_date,
    cast(count(distinct days.session_id) as integer) as sessions,
    {% for total in totals -%}
    cast(sum(days.{{ total }}) as bigint) as {{ total }},
    {% endfor -%}
    -- Unknown is not zero.
    cast(nullif(count(distinct days.device_id), 0) as integer) as devices,
    max(days._load_id) as _load_id,
    count(*) as session_days,
    {{ text_literal(counter_rules()) }} as counted_by
from {{ ref('session_days') }} as days
inner join changed_days
    on days.usage_date = changed_days.usage_date
group by days.contract_id, days.usage_date, changed_days.month_end_date
