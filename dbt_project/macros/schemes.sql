{#-
    Customers in long form, one row per customer and scheme: the ways in which customers are divided.
    `columns` are columns of customer_segments to keep; each may be a name or an expression with a name.
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
