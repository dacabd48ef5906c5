-- What is named as a customer by many and is none: no parent, employer or reseller, but a word for "there is none".
with run_months as (
    select month_end_date as as_of_date
    from {{ ref('months') }}
    where is_run_month
),

named as (
    select customer_id, known_since_date as named_since_date, 'parent' as reference, parent_customer_id as named_id
    from {{ ref('known_customers') }}

    union all

    select customer_id, known_since_date as named_since_date, 'employer' as reference, employer_customer_id as named_id
    from {{ ref('known_customers') }}

    union all

    select customer_id, valid_from_date as named_since_date, 'reseller' as reference, reseller_customer_id as named_id
    from {{ ref('stg_contracts') }}
)

select
    run_months.as_of_date,
    named.reference,
    named.named_id
from named
inner join run_months
    on named.named_since_date <= run_months.as_of_date
left join {{ ref('known_customers') }} as customers
    on
        named.named_id = customers.customer_id
        and run_months.as_of_date >= customers.known_since_date
where
    named.named_id is not null
    and customers.customer_id is null
group by run_months.as_of_date, named.reference, named.named_id
having count(distinct named.customer_id) > {{ var('most_of_unknown_customer') | int }}
