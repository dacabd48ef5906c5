{#- Cost to serve that the last three months let expect of the next one; the same words wherever a margin is expected. -#}

{% macro expected_usage_cost(gb_month) -%}
    {{ money('coalesce(' ~ gb_month ~ ', 0) * ' ~ var('costs')['per_gb']) }}
{%- endmacro %}

{% macro expected_care_cost(contacts_3m) -%}
    {{ money('coalesce(' ~ contacts_3m ~ ', 0) * ' ~ var('costs')['per_contact'] ~ ' / 3') }}
{%- endmacro %}
