{#-
    Each table is created by one statement under its own name. dbt-duckdb creates it under a temporary name, so that
    readers keep the old one, renames it and looks for leftovers to drop; but the workspace has no other readers, and in
    the lake all of this is one commit (dbt_session.py).
-#}
{% materialization table, adapter='duckdb' -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {#- Exists if a step is repeated in the same run. -#}
    {{ drop_relation_if_exists(existing_relation) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% call statement('main') -%}
        {{ create_table_as(False, target_relation, sql) }}
    {%- endcall %}

    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
