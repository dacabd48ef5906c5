{#-
    Customers in long form, one row per customer and scheme; a scheme is one way of dividing customers into segments.
    `columns` are the columns of customer_segments to keep, each a name or an expression with an alias.
-#}
{% macro scheme_memberships(relation, columns) -%}
    {%- for scheme, segment in {
        'market_segment': 'market_segment',
        'lifecycle_stage': 'lifecycle_stage',
        'value_decile': 'cast(value_decile as varchar)',
        'value_decile_fixed': 'cast(value_decile_fixed as varchar)',
        'behavior_cluster': 'cluster_id',
    }.items() %}
    select
        {{ columns | join(', ') }},
        '{{ scheme }}' as scheme,
        {{ segment }} as segment
    from {{ relation }}
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
