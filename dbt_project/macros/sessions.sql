{#-
    Session counters: their growth, and how growth is spread over days and parts of the day.
    A counter that falls has wrapped, was reset or was read out of order; settings decide which (features.sessions).
-#}

{#- The settings that the rows of session_days were built with; rows are rebuilt if these change. -#}
{% macro counter_rules() -%}
    {%- set rules = var('features')['sessions'] -%}
    wrap {{ rules['counter_wrap_bytes'] | int }} from {{ rules['wrap_fall_share'] | float }}, reset from
    {{- ' ' }}{{ rules['reset_fall_share'] | float }}, {{ rules['longest_interval_days'] | int }} days
{%- endmacro %}

{#- Whether a 32-bit counter has wrapped once since the previous report. -#}
{% macro has_wrapped(counter) -%}
    {%- set rules = var('features')['sessions'] -%}
    (
        previous_{{ counter }} < {{ rules['counter_wrap_bytes'] | int }}
        and previous_{{ counter }} - {{ counter }} >= {{ rules['wrap_fall_share'] | float }}
        * {{ rules['counter_wrap_bytes'] | int }}
    )
{%- endmacro %}

{#- Whether a counter has fallen too far to have been read out of order. -#}
{% macro has_fallen(counter) -%}
    {{ counter }} < previous_{{ counter }} * {{ 1 - (var('features')['sessions']['reset_fall_share'] | float) }}
{%- endmacro %}

{#- Share of the span from start_second to end_second that has passed at a second; a zero-length span is an instant. -#}
{% macro share_until(second) -%}
    case
        when {{ second }} > start_second and {{ second }} >= end_second then cast(1 as double)
        when {{ second }} <= start_second then cast(0 as double)
        else cast({{ second }} - start_second as double) / nullif(end_second - start_second, 0)
    end
{%- endmacro %}

{#- A counter's growth up to an hour of the day. Rounded down at each hour and differenced, so that parts add up. -#}
{% macro grown_until(growth, hour) -%}
    case
        when share_until_{{ hour }}h >= 1 then {{ growth }}
        else least({{ growth }}, cast(floor(cast({{ growth }} as double) * share_until_{{ hour }}h) as bigint))
    end
{%- endmacro %}

{% macro grown_between(growth, from_hour, until_hour) -%}
    {{ grown_until(growth, until_hour) }}
    - {{ grown_until(growth, from_hour) }}
{%- endmacro %}
