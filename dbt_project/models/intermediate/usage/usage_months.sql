{{ config(database='lake', materialized='incremental', unique_key='month_end_date', partitioned_by='month_end_date') }}

{#- How many days a row stands for: in monthly data, all days of its month, whatever day the row is dated. -#}
{%- set is_monthly = var('features')['usage_granularity'] == 'month' -%}
{#- The first day that a row covers. -#}
{%- set first_day = month_start('usage.usage_date') if is_monthly else 'usage.usage_date' -%}

-- A month is rebuilt if its rows differ from those the model has seen (new loads, restated days, erased contracts), or
-- if a contract with traffic in it is now known to have ended on another day.
with source_days as (
    select
        usage_date,
        {{ month_end('usage_date') }} as month_end_date,
        {{ is_weekend('usage_date') }} as is_weekend,
        {{ 'count(*) * extract(day from ' ~ month_end('usage_date') ~ ')' if is_monthly else 'count(*)' }}
            as contract_days,
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

-- End dates as known at the end of a month: those of the state in force then.
ends as (
    select
        contract_id,
        end_date,
        greatest(valid_from_date, end_date) as known_from_date,
        -- Never null: an outer join on plain comparisons is a hash join, one on a condition with "or" is not.
        coalesce(valid_to_date, date '9999-12-31') as known_to_date
    from {{ ref('contract_states') }}
    where end_date is not null
),

{% if is_incremental() %}
known_months as (
    select
        known.month_end_date,
        sum(known.usage_days + known.usage_days_after_end) as contract_days,
        max(known.last_load_id) as last_load_id,
        count(
            case
                when coalesce(known.end_date, date '9999-12-31') <> coalesce(ends.end_date, date '9999-12-31') then 1
            end
        ) as changed_ends
    from {{ this }} as known
    left join ends
        on
            known.contract_id = ends.contract_id
            and known.month_end_date >= ends.known_from_date
            and known.month_end_date < ends.known_to_date
    group by known.month_end_date
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
            and known_months.changed_ends = 0
    where known_months.month_end_date is null
    {% endif %}
),

-- Joined by day, so that the scan skips the files of other months and dates are computed once per day.
changed_days as (
    select
        source_days.usage_date,
        source_days.month_end_date,
        source_days.is_weekend
    from source_days
    inner join changed_months
        on source_days.month_end_date = changed_months.month_end_date
),

-- Traffic after the end of the contract is counted separately and left out of all volumes.
usage_days as (
    select
        usage.contract_id,
        {{ first_day }} as first_date,
        {{ 'changed_days.month_end_date' if is_monthly else 'usage.usage_date' }} as last_date,
        {{ 'extract(day from changed_days.month_end_date)' if is_monthly else '1' }} as days,
        changed_days.month_end_date,
        changed_days.is_weekend,
        ends.end_date,
        {% for measure in (
            'bytes_down', 'bytes_up', 'bytes_down_business_hours', 'bytes_up_business_hours', 'bytes_down_evening',
            'bytes_up_evening', 'bytes_down_night', 'bytes_up_night', 'peak_mbps', 'sessions', 'devices'
        ) -%}
        case when {{ first_day }} >= ends.end_date then null else usage.{{ measure }} end as {{ measure }},
        {% endfor -%}
        coalesce({{ first_day }} < ends.end_date, true) as is_served,
        usage._load_id
    from {{ ref('stg_usage') }} as usage
    inner join changed_days
        on usage.usage_date = changed_days.usage_date
    left join ends
        on
            usage.contract_id = ends.contract_id
            and changed_days.month_end_date >= ends.known_from_date
            and changed_days.month_end_date < ends.known_to_date
),

measured as (
    select
        *,
        bytes_down + bytes_up as bytes_total,
        bytes_down_business_hours + bytes_up_business_hours as bytes_business_hours,
        bytes_down_evening + bytes_up_evening as bytes_evening,
        bytes_down_night + bytes_up_night as bytes_night,
        -- Squares of whole megabytes, because integers add up to the same total in any order.
        cast(round((bytes_down + bytes_up) / 1000000.0) as decimal(18, 0)) as megabytes
    from usage_days
)

select
    contract_id,
    month_end_date,
    cast(coalesce(sum(case when is_served then days end), 0) as bigint) as usage_days,
    cast(coalesce(sum(case when not is_served then days end), 0) as bigint) as usage_days_after_end,
    max(end_date) as end_date,
    min(case when is_served then first_date end) as first_usage_date,
    max(case when bytes_total > 0 then last_date end) as last_active_date,
    cast(coalesce(sum(bytes_down), 0) as bigint) as bytes_down,
    cast(coalesce(sum(bytes_up), 0) as bigint) as bytes_up,
    cast(sum(bytes_business_hours) as bigint) as bytes_business_hours,
    cast(sum(bytes_evening) as bigint) as bytes_evening,
    cast(sum(bytes_night) as bigint) as bytes_night,
    cast(sum(case when bytes_business_hours is not null then bytes_total end) as bigint) as bytes_with_business_hours,
    cast(sum(case when bytes_evening is not null then bytes_total end) as bigint) as bytes_with_evening,
    cast(sum(case when bytes_night is not null then bytes_total end) as bigint) as bytes_with_night,
    {% if is_monthly -%}
    -- Monthly data say nothing about weekends, or about how days differ.
    cast(null as bigint) as bytes_weekend,
    cast(null as decimal(38, 0)) as megabytes,
    cast(null as decimal(38, 0)) as megabytes_squared,
    {% else -%}
    cast(coalesce(sum(case when is_weekend then bytes_total end), 0) as bigint) as bytes_weekend,
    cast(coalesce(sum(megabytes), 0) as decimal(38, 0)) as megabytes,
    cast(coalesce(sum(megabytes * megabytes), 0) as decimal(38, 0)) as megabytes_squared,
    {% endif -%}
    max(peak_mbps) as peak_mbps,
    cast(sum(sessions) as bigint) as sessions,
    {{ 'count(sessions)' if not is_monthly else 'cast(sum(case when sessions is not null then days end) as bigint)' }}
        as days_with_sessions,
    cast(sum(devices) as bigint) as devices,
    count(devices) as days_with_devices,
    max(_load_id) as last_load_id
from measured
group by contract_id, month_end_date
