{#- A hook of a model that is made by the month: months that its source holds no more are deleted. -#}
{% macro delete_vanished(month_column, source_month, source_relation) -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where {{ month_column }} not in (select {{ source_month }} from {{ source_relation }})
    {%- endif -%}
{%- endmacro %}
