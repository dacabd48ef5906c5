{#-
    Views are replaced in place, in one commit, and only if they have changed. dbt-duckdb creates a second view, renames
    both and drops the old one: three commits to the lake's catalog for each of sixty views every night, and a moment at
    which readers find no view.
-#}
{% materialization view, adapter='duckdb' -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif -%}

    {%- if existing_relation is not none and existing_relation.is_view and is_the_view_there(existing_relation, sql) -%}
        {% do store_raw_result('main', message='UNCHANGED', code='UNCHANGED', rows_affected='-1') %}
    {%- else -%}
        {{ run_hooks(pre_hooks, inside_transaction=False) }}
        {%- if existing_relation is not none and not existing_relation.is_view -%}
            {{ drop_relation_if_exists(existing_relation) }}
        {%- endif -%}
        {{ run_hooks(pre_hooks, inside_transaction=True) }}

        {% call statement('main') -%}
            {{ get_create_view_as_sql(target_relation, sql) }}
        {%- endcall %}

        {% do persist_docs(target_relation, model) %}
        {{ run_hooks(post_hooks, inside_transaction=True) }}
        {{ adapter.commit() }}
        {{ run_hooks(post_hooks, inside_transaction=False) }}
    {%- endif -%}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{#- Whether the lake has this view with this text and description. Texts are compared as printed by the parser. -#}
{% macro is_the_view_there(relation, sql) -%}
    {%- set same -%}
        select count(*)
        from duckdb_views()
        where
            database_name = {{ text_literal(relation.database) }}
            and schema_name = {{ text_literal(relation.schema) }}
            and view_name = {{ text_literal(relation.identifier) }}
            and comment = {{ text_literal(model.description) }}
            and try(json_deserialize_sql(json_serialize_sql(regexp_replace(sql, '^CREATE VIEW \S+ AS ', ''))))
            = try(json_deserialize_sql(json_serialize_sql({{ text_literal(sql) }})))
    {%- endset -%}
    {{ return(run_query(same).rows[0][0] == 1) }}
{%- endmacro %}

{% macro duckdb__create_view_as(relation, sql) -%}
    create or replace view {{ relation }} as (
        {{ sql }}
    );
{%- endmacro %}
