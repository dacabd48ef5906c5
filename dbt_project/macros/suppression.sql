{#-
Whether the figures of a cell are held back. Cells below the minimum size are; so is the next smallest of their group
while those held back are together below the minimum, or a total less the cells that are shown would give them away. An
empty cell has nobody to protect. Ties go by `names`, the columns that tell the cells of a group apart.
-#}
{% macro is_held_back(size, group, names) -%}
    (
        {{ size }} < {{ var('minimum_cell_size') | int }}
        or coalesce(nullif(sum({{ size }}) over (
            partition by {{ group | join(', ') }}
            order by {{ size }}, {{ names | join(', ') }}
            rows between unbounded preceding and 1 preceding
        ), 0), {{ var('minimum_cell_size') | int }}) < {{ var('minimum_cell_size') | int }}
    )
{%- endmacro %}

{#- One row per segment in `profiles`: its customers, null where held back, for a segment has them once in any measure. -#}
{% macro shown_segments(profiles) -%}
    select
        version_id,
        scheme,
        segment,
        case
            when not {{ is_held_back('customers', ['version_id', 'scheme'], ['segment']) }} then customers
        end as customers
    from (
        select distinct
            version_id,
            scheme,
            segment,
            customers
        from {{ profiles }}
    ) as segments
{%- endmacro %}
