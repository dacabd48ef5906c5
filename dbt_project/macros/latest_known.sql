{#-
What was known of each customer on the last day of each of the run's months: for every `name` the latest `value` among
the rows of `relation` known by then (`known_from`), with the columns `others`. Of two values of the same day the one
that sorts last wins, because it is not known which came later. A null revokes the earlier value.
-#}
{% macro latest_known(relation, name, value, known_from, others=[]) -%}
    select
        as_of_date,
        customer_id,
        {{ name }},
        {{ value }},
        {{ ([known_from] + others) | join(',\n        ') }}
    from (
        select
            months.month_end_date as as_of_date,
            statements.*,
            row_number() over (
                partition by months.month_end_date, statements.customer_id, statements.{{ name }}
                order by statements.{{ known_from }} desc, statements.{{ value }} desc
            ) as recency
        from {{ ref('months') }} as months
        inner join {{ relation }} as statements
            on months.month_end_date >= statements.{{ known_from }}
        where months.is_run_month
    ) as ranked
    where
        recency = 1
        and {{ value }} is not null
{%- endmacro %}
