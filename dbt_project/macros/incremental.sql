{#- A hook for models built by month: deletes months that the source no longer has. -#}
{% macro delete_vanished(month_column, source_month, source_relation) -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where {{ month_column }} not in (select {{ source_month }} from {{ source_relation }})
    {%- endif -%}
{%- endmacro %}
