{#- The rows of a segment table that are published, with the columns that the view declares. -#}
{% macro published_rows(relation) -%}
    select
        {%- for name in model.columns %}
        segments.{{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ relation }} as segments
    inner join {{ ref('published_versions') }} as versions
        on segments.version_id = versions.version_id
{%- endmacro %}
