{#- The channel that a word of the source stands for (organizations.channels); null if no channel lists it. -#}
{% macro channel_of(column) -%}
    case
        {%- for channel, words in var('organizations')['channels'].items() | sort %}
        when lower({{ column }}) in ({{ text_list(words) }}) then {{ text_literal(channel) }}
        {%- endfor %}
    end
{%- endmacro %}

{#- The share of time that a product must be in service (organizations.agreed_uptime); null if none is agreed. -#}
{% macro agreed_uptime(product_code) -%}
    {%- set agreed = var('organizations')['agreed_uptime'] -%}
    cast(
        {%- if agreed %}
        case {{ product_code }}
            {%- for code, uptime in agreed.items() | sort %}
            when {{ text_literal(code) }} then {{ uptime }}
            {%- endfor %}
        end
        {%- else %} null
        {%- endif %} as double
    )
{%- endmacro %}
