{#- Schemas are named after the stages of the flow, without a target prefix. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}

{#- Model names are unique in dbt, table names only within a schema: bi__customer_segments is bi.customer_segments. -#}
{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
    {{ custom_alias_name or node.name.split('__')[-1] }}
{%- endmacro %}
