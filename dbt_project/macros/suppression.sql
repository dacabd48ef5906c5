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

{#-
Whether the figures of a cell are held back where some of its group are already (`held_back`): those, and the next smallest
until they are at least two and together at least the minimum. A group that holds back nothing goes on doing so. Cells that
`give_no_cover`, for they are known anyway, come last; ties go by `names`.
-#}
{% macro is_held_back_too(size, held_back, give_no_cover, group, names) -%}
    {%- set of_group = 'partition by ' ~ group | join(', ') -%}
    {%- set before -%}
        over (
            {{ of_group }}
            order by case when {{ held_back }} then 0 else 1 end, {{ give_no_cover }}, {{ size }}, {{ names | join(', ') }}
            rows between unbounded preceding and 1 preceding
        )
    {%- endset %}
    (
        {{ held_back }}
        or (
            max(case when {{ held_back }} then 1 else 0 end) over ({{ of_group }}) = 1
            and (
                count(*) {{ before }} < 2
                or sum({{ size }}) {{ before }} < {{ var('minimum_cell_size') | int }}
            )
        )
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
