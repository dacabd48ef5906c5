{#- The ways in which customers are divided, and the column of customer_segments that says where one belongs. -#}
{% macro segment_schemes() -%}
    {{ return([
        {'name': 'market_segment', 'segment': 'market_segment'},
        {'name': 'lifecycle_stage', 'segment': 'lifecycle_stage'},
        {'name': 'value_decile', 'segment': 'cast(value_decile as varchar)'},
        {'name': 'behavior_cluster', 'segment': 'cluster_id'},
    ]) }}
{%- endmacro %}
