{{ config(materialized='table') }}

{%- set settings = var('actions') -%}
{%- set recent = settings['recent_usage_days'] | int -%}
{%- set before = settings['usage_days_before'] | int -%}
{#- A monthly figure is known once the month has ended, whatever day the row is dated, and says nothing about days. -#}
{%- set is_of_days = var('features')['usage_granularity'] == 'day' -%}
-- Days of usage are counted back from the last day that has arrived. If that is too long ago, usage is unknown.
with dates as (
    select
        days.action_date,
        {{ add_days('days.action_date', '-numbers.number') }} as usage_date
    from {{ ref('action_days') }} as days
    inner join {{ thousand_numbers() }} as numbers
        on numbers.number <= {{ settings['lookback_days'] | int }}
),

dates_with_usage as (
    select distinct usage_date
    from {{ ref('stg_usage') }}
    where usage_date in (select dates.usage_date from dates)
),

arrived as (
    select
        dates.action_date,
        dates.usage_date,
        max(dates.usage_date) over (partition by dates.action_date) as usage_known_date
    from dates
    inner join dates_with_usage
        on dates.usage_date = dates_with_usage.usage_date
)

select
    action_date,
    usage_known_date,
    usage_date,
    case when usage_date >= {{ month_start('action_date') }} then 1 else 0 end as of_month,
    case when usage_date > {{ add_days('usage_known_date', -recent) }} then 1 else 0 end as of_recent,
    case
        when
            usage_date <= {{ add_days('usage_known_date', -recent) }}
            and usage_date > {{ add_days('usage_known_date', -(recent + before)) }}
            then 1
        else 0
    end as of_before
from arrived
where
    {{ days_between('usage_known_date', 'action_date') }} <= {{ settings['stale_after_days'] | int }}
    and {{ is_of_days | lower }}
