{#- The published rows of a segment table, with the columns that the view declares except those it adds itself. -#}
{% macro published_rows(relation, added=[]) -%}
    select
        {%- for name in model.columns if name not in added %}
        segments.{{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ relation }} as segments
    inner join {{ ref('published_versions') }} as versions
        on segments.version_id = versions.version_id
{%- endmacro %}
