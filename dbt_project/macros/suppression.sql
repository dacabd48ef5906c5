{#-
Whether the figures of a cell are suppressed. Cells below the minimum size are, and so is the next smallest of their
group while the suppressed cells together are below the minimum: otherwise the total less the published cells would
reveal them. An empty cell has nobody to protect. Ties are broken by `names`, the columns that identify a cell within
its group.
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
Whether the figures of a cell are suppressed given that some cells of its group already are (`held_back`): those, and
the next smallest until they are at least two and together at least the minimum. A group without suppressed cells stays
so. Cells that `give_no_cover`, because their figures are known anyway, come last; ties are broken by `names`.
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

{#- One row per segment of `profiles`, with its customers, null if suppressed; they are the same for every measure. -#}
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
