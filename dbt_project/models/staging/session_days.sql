{{ config(
    database='lake',
    materialized='incremental',
    unique_key='report_month_end_date',
    partitioned_by='report_month_end_date, is_standing',
    post_hook="{{ delete_vanished('report_month_end_date', month_end('reported_date'), ref('stg_usage_sessions')) }}"
) }}

{%- set in_order = 'partition by contract_id, session_id order by is_report, report_order, reported_at' -%}
{%- set counters = ('bytes_down', 'bytes_up') -%}
{%- set compared_columns = counters + ('reported_date', 'counted_until', 'has_ended', 'session_seconds') -%}
{%- set rules = var('features')['sessions'] %}

-- A month of reports is rebuilt if its reports differ from those the model has seen.
with source_days as (
    select
        reported_date,
        {{ month_end('reported_date') }} as report_month_end_date,
        count(*) as reports,
        max(_load_id) as last_load_id
    from {{ ref('stg_usage_sessions') }}
    group by reported_date
),

source_months as (
    select
        report_month_end_date,
        sum(reports) as reports,
        max(last_load_id) as last_load_id
    from source_days
    group by report_month_end_date
),

{% if is_incremental() %}
known_months as (
    select
        report_month_end_date,
        sum(reports) as reports,
        max(report_load_id) as last_load_id
    from {{ this }}
    where counted_by = {{ text_literal(counter_rules()) }}
    group by report_month_end_date
),
{% endif %}

-- The months after it are rebuilt too, because a counter's growth depends on its previous value.
first_changed_month as (
    {% if is_incremental() %}
    select min(report_month_end_date) as report_month_end_date
    from source_months
    full join known_months using (report_month_end_date)
    where
        source_months.reports is null
        or known_months.reports is null
        or source_months.reports <> known_months.reports
        or source_months.last_load_id <> known_months.last_load_id
    {% else %}
    select min(report_month_end_date) as report_month_end_date
    from source_months
    {% endif %}
),

-- Joined by day, so that the scan skips the files of other months.
changed_days as (
    select
        source_days.reported_date,
        source_days.report_month_end_date
    from source_days
    inner join first_changed_month
        on source_days.report_month_end_date >= first_changed_month.report_month_end_date
),

reports as (
    select
        sessions.contract_id,
        sessions.session_id,
        1 as is_report,
        changed_days.report_month_end_date,
        sessions.reported_date,
        sessions.reported_at,
        -- Ordered by session seconds where the clock was set back and would put a later report first.
        greatest(
            {{ seconds_between("timestamp '1970-01-01 00:00:00'", 'sessions.reported_at') }},
            {{ seconds_between("timestamp '1970-01-01 00:00:00'", 'sessions.started_at') }} + sessions.session_seconds
        ) as report_order,
        sessions.started_at,
        coalesce(sessions.ended_at, sessions.reported_at) as counted_until,
        sessions.ended_at is not null as has_ended,
        sessions.bytes_down,
        sessions.bytes_up,
        sessions.session_seconds,
        sessions.device_id,
        sessions._load_id
    from {{ ref('stg_usage_sessions') }} as sessions
    inner join changed_days
        on sessions.reported_date = changed_days.reported_date
),

{% if is_incremental() %}
-- Counters of sessions that were open before the first changed month.
standing as (
    select
        days.*,
        row_number() over (
            partition by days.contract_id, days.session_id order by days.report_month_end_date desc
        ) as position
    from {{ this }} as days
    inner join first_changed_month
        on days.report_month_end_date < first_changed_month.report_month_end_date
    where days.is_standing
),

{% endif %}
readings as (
    select * from reports
    {%- if is_incremental() %}
    union all
    select
        contract_id,
        session_id,
        0 as is_report,
        report_month_end_date,
        last_reported_date as reported_date,
        last_counted_until as reported_at,
        0 as report_order,
        last_counted_until as started_at,
        last_counted_until as counted_until,
        last_has_ended as has_ended,
        last_bytes_down as bytes_down,
        last_bytes_up as bytes_up,
        last_session_seconds as session_seconds,
        cast(null as varchar) as device_id,
        last_load_id as _load_id
    from standing
    where position = 1
    {%- endif %}
),

compared as (
    select
        {% for column in compared_columns -%}
        lag({{ column }}) over ({{ in_order }}) as previous_{{ column }},
        {% endfor -%}
        lag(_load_id) over ({{ in_order }}) as previous_load_id,
        *
    from readings
),

-- Counters restart with a new session, with a reused session identifier, after a stop more than a day ago, after a gap
-- too long to bridge, and if any of them was reset.
judged as (
    select
        {% for counter in counters -%}
        case when {{ has_wrapped(counter) }} then {{ rules['counter_wrap_bytes'] | int }} else 0 end
            as wrapped_{{ counter }},
        {% endfor -%}
        case
            when
                previous_reported_date is null
                or started_at >= previous_counted_until
                or {{ days_between('previous_reported_date', 'reported_date') }}
                > case when previous_has_ended then 1 else {{ rules['longest_interval_days'] | int }} end
                or ({{ has_fallen('bytes_down') }} and not {{ has_wrapped('bytes_down') }})
                or ({{ has_fallen('bytes_up') }} and not {{ has_wrapped('bytes_up') }})
                or {{ has_fallen('session_seconds') }}
                then 1
            else 0
        end as begins_anew,
        *
    from compared
),

unwrapped as (
    select
        {% for counter in counters -%}
        cast(sum(case when begins_anew = 0 then wrapped_{{ counter }} else 0 end) over (
            {{ in_order }} rows between unbounded preceding and current row
        ) as bigint) as offset_{{ counter }},
        {% endfor -%}
        sum(begins_anew) over ({{ in_order }} rows between unbounded preceding and current row) as run_number,
        *
    from judged
),

-- The highest value of each counter so far: a report read out of order adds nothing, and nothing is counted twice.
highest as (
    select
        {% for counter in counters -%}
        max({{ counter }} + offset_{{ counter }}) over (
            partition by contract_id, session_id, run_number
            order by is_report, report_order, reported_at
            rows between unbounded preceding and current row
        ) as highest_{{ counter }},
        {% endfor -%}
        *
    from unwrapped
),

grown as (
    select
        {% for counter in counters -%}
        case
            when begins_anew = 1 then {{ counter }}
            else highest_{{ counter }} - lag(highest_{{ counter }}) over ({{ in_order }})
        end as grown_{{ counter }},
        {% endfor -%}
        case
            when previous_session_seconds is null or started_at >= previous_counted_until then session_seconds
            when session_seconds >= previous_session_seconds then session_seconds - previous_session_seconds
            when {{ has_fallen('session_seconds') }} then session_seconds
            when session_seconds is not null then 0
        end as grown_network_seconds,
        least(counted_until, greatest(started_at, previous_counted_until)) as grown_since,
        row_number() over (
            partition by contract_id, session_id, report_month_end_date order by report_order desc, reported_at desc
        ) as position_from_last,
        *
    from highest
),

bounded as (
    select
        *,
        case
            when {{ days_between('grown_since', 'counted_until') }} > {{ rules['longest_interval_days'] | int }}
                then counted_until
            else grown_since
        end as span_start
    from grown
    where is_report = 1
),

spans as (
    select
        *,
        cast(span_start as date) as first_date,
        {{ seconds_between('cast(cast(span_start as date) as timestamp)', 'span_start') }} as start_second,
        {{ seconds_between('cast(cast(span_start as date) as timestamp)', 'counted_until') }} as end_second
    from bounded
),

-- A span that ends at midnight does not extend into the next day.
measured as (
    select
        *,
        coalesce(grown_network_seconds, end_second - start_second) as grown_session_seconds,
        cast(floor((greatest(end_second, start_second + 1) - 1) / 86400.0) as integer) as last_day_number
    from spans
),

touched_days as (
    select
        measured.*,
        numbers.number as day_number
    from measured
    inner join {{ thousand_numbers() }} as numbers
        on measured.last_day_number >= numbers.number
),

pieces as (
    select
        {% for hour in (0, 6, 9, 17, 18, 24) -%}
        {{ share_until('day_number * 86400 + ' ~ hour * 3600) }} as share_until_{{ hour }}h,
        {% endfor -%}
        {{ add_days('first_date', 'day_number') }} as usage_date,
        position_from_last = 1 and day_number = last_day_number as is_last,
        *
    from touched_days
)

select
    contract_id,
    session_id,
    usage_date,
    report_month_end_date,
    max(device_id) as device_id,
    {% for counter in ('bytes_down', 'bytes_up', 'session_seconds') -%}
    cast(sum({{ grown_between('grown_' ~ counter, 0, 24) }}) as bigint) as {{ counter }},
    {% endfor -%}
    {% for counter in counters -%}
    cast(sum(
        case when {{ is_weekend('usage_date') }} then 0 else {{ grown_between('grown_' ~ counter, 9, 17) }} end
    ) as bigint) as {{ counter }}_business_hours,
    cast(sum({{ grown_between('grown_' ~ counter, 18, 24) }}) as bigint) as {{ counter }}_evening,
    cast(sum({{ grown_between('grown_' ~ counter, 0, 6) }}) as bigint) as {{ counter }}_night,
    {% endfor -%}
    -- Growth also depends on the previous report, so a later version of that one is a change too.
    max(greatest(_load_id, previous_load_id)) as _load_id,
    sum(case when day_number = 0 then 1 else 0 end) as reports,
    max(_load_id) as report_load_id,
    -- The session's counters at the end of the month, kept if the session extends beyond it on either side.
    max(case
        when is_last and (
            not has_ended
            or reported_date = report_month_end_date
            or started_at < {{ month_start('report_month_end_date') }}
        ) then 1
        else 0
    end) = 1 as is_standing,
    max(case when is_last then reported_date end) as last_reported_date,
    max(case when is_last then counted_until end) as last_counted_until,
    max(case when is_last and has_ended then 1 else 0 end) = 1 as last_has_ended,
    {% for counter in counters -%}
    max(case when is_last then highest_{{ counter }} - offset_{{ counter }} end) as last_{{ counter }},
    {% endfor -%}
    max(case when is_last then session_seconds end) as last_session_seconds,
    max(case when is_last then _load_id end) as last_load_id,
    {{ text_literal(counter_rules()) }} as counted_by
from pieces
group by contract_id, session_id, usage_date, report_month_end_date
