{{ config(materialized='table') }}

{%- set settings = var('actions') -%}
{%- set recent = settings['recent_usage_days'] | int -%}
{%- set before = settings['usage_days_before'] | int -%}
{#- A monthly figure is known once the month has ended, whatever day the row is dated, and says nothing about days. -#}
{%- set is_of_days = var('features')['usage_granularity'] == 'day' -%}
-- Days of usage are counted back from the last that has arrived. If that is too long ago, usage is unknown. A day on
-- which far fewer lines than usual have usage has not arrived yet: some sources are later than others.
with dates as (
    select
        days.action_date,
        {{ add_days('days.action_date', '-numbers.number') }} as usage_date
    from {{ ref('action_days') }} as days
    inner join {{ thousand_numbers() }} as numbers
        on numbers.number <= {{ settings['lookback_days'] | int }}
),

dates_with_usage as (
    select
        usage_date,
        count(*) as lines_with_usage
    from {{ ref('stg_usage') }}
    where usage_date in (select dates.usage_date from dates)
    group by usage_date
),

usual as (
    select
        dates.action_date,
        {{ quantile('dates_with_usage.lines_with_usage', 0.5) }} as usual_lines
    from dates
    inner join dates_with_usage
        on dates.usage_date = dates_with_usage.usage_date
    group by dates.action_date
),

arrived as (
    select
        dates.action_date,
        dates.usage_date,
        max(
            case
                when dates_with_usage.lines_with_usage >= usual.usual_lines * {{ settings['arrived_share'] }}
                    then dates.usage_date
            end
        ) over (partition by dates.action_date) as usage_known_date
    from dates
    inner join dates_with_usage
        on dates.usage_date = dates_with_usage.usage_date
    inner join usual
        on dates.action_date = usual.action_date
)

select
    action_date,
    usage_known_date,
    usage_date,
    case when usage_date >= {{ month_start('action_date') }} then 1 else 0 end as of_month,
    case
        when usage_date > {{ add_days('usage_known_date', -recent) }} and usage_date <= usage_known_date then 1
        else 0
    end as of_recent,
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
