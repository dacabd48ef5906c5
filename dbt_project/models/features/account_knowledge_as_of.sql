{{ config(unique_key='as_of_date', partitioned_by='as_of_date') }}

-- The latest word on each tag. Of two of the same day the one that sorts last: which was said later is not known.
with known as (
    select
        months.month_end_date as as_of_date,
        knowledge.customer_id,
        knowledge.tag,
        knowledge.tag_value,
        knowledge.valid_from_date,
        knowledge.recorded_by,
        row_number() over (
            partition by months.month_end_date, knowledge.customer_id, knowledge.tag
            order by knowledge.valid_from_date desc, knowledge.tag_value desc
        ) as recency
    from {{ ref('months') }} as months
    inner join {{ ref('stg_account_knowledge') }} as knowledge
        on months.month_end_date >= knowledge.valid_from_date
    where months.is_run_month
)

select
    as_of_date,
    customer_id,
    tag,
    tag_value,
    valid_from_date,
    recorded_by
from known
where
    recency = 1
    and tag_value is not null
