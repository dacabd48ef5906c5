{#- Settings as SQL. -#}

{% macro text_literal(value) -%}
    '{{ value | replace("'", "''") }}'
{%- endmacro %}

{#- A list of settings as the contents of `in (…)`; an empty list matches nothing. -#}
{% macro text_list(values) -%}
    {%- for value in values -%}
    {{ text_literal(value) }}{{ ', ' if not loop.last }}
    {%- else -%}
    null
    {%- endfor -%}
{%- endmacro %}
