{#- A hook of a model that is made by the month: months that its source holds no more are deleted. -#}
{% macro delete_vanished(month_column, source_month, source_relation) -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where {{ month_column }} not in (select {{ source_month }} from {{ source_relation }})
    {%- endif -%}
{%- endmacro %}

{#- A hook of an incremental model that reads a column of itself, which a table made before the column was may lack. -#}
{% macro add_missing_column(name, type) -%}
    {%- if is_incremental() and name not in (adapter.get_columns_in_relation(this) | map(attribute='name') | list) -%}
    alter table {{ this }} add column {{ name }} {{ type }}
    {%- endif -%}
{%- endmacro %}
