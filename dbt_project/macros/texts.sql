{#- A name or a code as it is looked up: lower case, without the marks and spaces that each system sets in its own way. -#}
{% macro plain_text(column) -%}
    {%- set marks = [' ', '.', ',', '-', '_', '/', '&', '(', ')', "'", '’'] -%}
    {%- for mark in marks -%} replace( {%- endfor -%}
    lower({{ column }})
    {%- for mark in marks -%} , {{ text_literal(mark) }}, '') {%- endfor -%}
{%- endmacro %}

{#- The place of a segment in a list of them, 1 for the first. -#}
{% macro place_in(segment, segments) -%}
    case {{ segment }}
        {%- for each in segments %}
        when {{ text_literal(each) }} then {{ loop.index }}
        {%- endfor %}
    end
{%- endmacro %}

{#- Whether a source of evidence says another market segment than the one that was found. -#}
{% macro speaks_against(source) -%}
    {{ source }} <> market_segment
    {%- if source in ('staff_segment', 'money_segment') %}
    and market_segment in ({{ text_list(var('size_schemes')[var('size_scheme')]['classes']) }})
    {%- else %}
    and not (market_segment = 'education' and {{ source }} = 'government')
    {%- endif %}
{%- endmacro %}

{#- The values of a group as one text, in an order. -#}
{% macro listed(expression, order_by) -%}
    {{ return(adapter.dispatch('listed')(expression, order_by)) }}
{%- endmacro %}

{% macro default__listed(expression, order_by) -%}
    string_agg({{ expression }}, '; ' order by {{ order_by }})
{%- endmacro %}

{% macro spark__listed(expression, order_by) -%}
    concat_ws('; ', array_sort(collect_list({{ expression }})))
{%- endmacro %}
