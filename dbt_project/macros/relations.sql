{#- Found by their columns, for the reason given in orchestration/lake/relations.py. -#}
{% macro duckdb__list_relations_without_caching(schema_relation) -%}
    {%- call statement('list_relations_without_caching', fetch_result=True) -%}
        select distinct
            columns.database_name as database,
            columns.table_name as name,
            columns.schema_name as schema,
            case when views.view_name is null then 'table' else 'view' end as type
        from duckdb_columns() as columns
        left join duckdb_views() as views
            on
                columns.database_name = views.database_name
                and columns.schema_name = views.schema_name
                and columns.table_name = views.view_name
        where
            lower(columns.schema_name) = '{{ schema_relation.schema | lower }}'
            and lower(columns.database_name) = '{{ schema_relation.database | lower }}'
    {%- endcall -%}
    {{ return(load_result('list_relations_without_caching').table) }}
{%- endmacro %}

{#-
    DuckLake treats every comment as a change of its table, after which each connection reads the whole catalog again,
    so only comments that differ are written. The table's own comment is read from the catalog, for the reason above.
-#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- if relation.database != target.database -%}
        {#- Nobody browses the workspace. -#}
        {{ return('') }}
    {%- elif relation.is_view -%}
        {{ return(default__persist_docs(relation, model, for_relation, for_columns)) }}
    {%- endif -%}
    {%- set catalog = '__ducklake_metadata_' ~ relation.database -%}
    {%- set described -%}
        select '' as column_name, tags.value as comment
        from {{ catalog }}.ducklake_tag as tags
        inner join {{ catalog }}.ducklake_table as tables on tags.object_id = tables.table_id
        inner join {{ catalog }}.ducklake_schema as schemas on tables.schema_id = schemas.schema_id
        where
            tags.key = 'comment'
            and tags.end_snapshot is null
            and tables.end_snapshot is null
            and schemas.end_snapshot is null
            and schemas.schema_name = {{ text_literal(relation.schema) }}
            and tables.table_name = {{ text_literal(relation.identifier) }}
        union all
        select column_name, comment
        from duckdb_columns()
        where
            database_name = {{ text_literal(relation.database) }}
            and schema_name = {{ text_literal(relation.schema) }}
            and table_name = {{ text_literal(relation.identifier) }}
    {%- endset -%}
    {%- set known = {} -%}
    {%- for name, comment in run_query(described).rows -%}
        {% do known.update({name: comment}) %}
    {%- endfor -%}
    {%- if for_relation and config.persist_relation_docs() and known.get('') != model.description -%}
        {% do run_query(alter_relation_comment(relation, model.description)) %}
    {%- endif -%}
    {%- if for_columns and config.persist_column_docs() -%}
        {%- set changed = {} -%}
        {%- for name, column in model.columns.items() if name in known and known[name] != column.description -%}
            {% do changed.update({name: column}) %}
        {%- endfor -%}
        {%- if changed -%}
            {% do run_query(alter_column_comment(relation, changed)) %}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
