{{ config(materialized='table') }}

-- The months that the hazard model learns from, and three before them for comparisons with a quarter ago.
with training as (
    select min(month_number) - {{ var('hazard')['training_months'] | int }} as last_month_before
    from {{ ref('months') }}
    where is_run_month
)

select
    months.month_end_date,
    months.month_start_date,
    months.month_number,
    months.month_number > training.last_month_before as is_in_training
from {{ ref('months') }} as months
cross join training
where
    months.is_in_books
    and training.last_month_before - 3 < months.month_number
