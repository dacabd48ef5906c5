{#- A name or code normalized for look-up: lower case, without the punctuation that each system sets differently. -#}
{% macro plain_text(column) -%}
    {%- set marks = [' ', '.', ',', '-', '_', '/', '&', '(', ')', "'", '’'] -%}
    {%- for mark in marks -%} replace( {%- endfor -%}
    lower({{ column }})
    {%- for mark in marks -%} , {{ text_literal(mark) }}, '') {%- endfor -%}
{%- endmacro %}

{#- The position of a segment in a list, 1 for the first. -#}
{% macro place_in(segment, segments) -%}
    case {{ segment }}
        {%- for each in segments %}
        when {{ text_literal(each) }} then {{ loop.index }}
        {%- endfor %}
    end
{%- endmacro %}

{#- Whether a source of evidence indicates another market segment than the assigned one. -#}
{% macro speaks_against(source) -%}
    {{ source }} <> market_segment
    {%- if source in ('staff_segment', 'money_segment') %}
    and market_segment in ({{ text_list(var('size_schemes')[var('size_scheme')]['classes']) }})
    {%- else %}
    and not (market_segment = 'education' and {{ source }} = 'government')
    {%- endif %}
{%- endmacro %}

{#- The values of a group as one text, in the given order. -#}
{% macro listed(expression, order_by) -%}
    {{ return(adapter.dispatch('listed')(expression, order_by)) }}
{%- endmacro %}

{% macro default__listed(expression, order_by) -%}
    string_agg({{ expression }}, '; ' order by {{ order_by }})
{%- endmacro %}

{% macro spark__listed(expression, order_by) -%}
    concat_ws('; ', array_sort(collect_list({{ expression }})))
{%- endmacro %}
