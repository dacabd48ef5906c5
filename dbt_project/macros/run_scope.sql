{#- Rows of this run only, so that testing a table with years of data costs the same every night. -#}
{% macro in_run_scope(scope) -%}
    {%- if scope == 'run_months' -%}
        as_of_date in (select as_of_date from {{ source('ops', 'run_scope') }} where run_id = {{ run_id() }})
    {%- elif scope == 'run_versions' -%}
        version_id in (
            select version_id from {{ source('ops', 'run_scope') }}
            where run_id = {{ run_id() }} and version_id is not null
        )
    {%- elif scope is none -%}
        true
    {%- else -%}
        {{ exceptions.raise_compiler_error("scope is 'run_months', 'run_versions' or none, found " ~ scope) }}
    {%- endif -%}
{%- endmacro %}

{#- The building run: a session variable, so that neither the code nor dbt's parsed project changes with it. -#}
{% macro run_id() -%}
    {{ return(adapter.dispatch('run_id')()) }}
{%- endmacro %}

{% macro default__run_id() -%}
    getvariable('segmentation_run_id')
{%- endmacro %}

{% macro spark__run_id() -%}
    segmentation_run_id
{%- endmacro %}
