{#- The treatments recommended in the settings, one row per scheme and segment. -#}
{% macro treatments() -%}
    select
        cast(null as varchar) as scheme,
        cast(null as varchar) as segment,
        cast(null as varchar) as treatment,
        cast(null as varchar) as channel
    where false
    {%- for each in var('treatments') %}
    union all
    select
        {{ text_literal(each.scheme) }},
        {{ text_literal(each.segment) }},
        {{ text_literal(each.treatment) }},
        {{ text_literal(each.channel) if each.channel else 'null' }}
    {%- endfor %}
{%- endmacro %}
