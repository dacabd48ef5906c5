{{ config(materialized='table') }}

-- Lines held, and how many of them are prepaid, from the states that begin and end on each day: a fleet of thousands of
-- lines costs no more than as many customers with one line each.
with lines as (
    select
        customer_id,
        opens_on_date as changed_date,
        1 as lines,
        case when is_prepaid then 1 else 0 end as prepaid_lines
    from {{ ref('contract_states') }}
    where is_served

    union all

    select
        customer_id,
        closes_on_date as changed_date,
        -1 as lines,
        case when is_prepaid then -1 else 0 end as prepaid_lines
    from {{ ref('contract_states') }}
    where is_served and closes_on_date is not null
),

ever_prepaid as (
    select distinct customer_id
    from lines
    where prepaid_lines > 0
),

days as (
    select
        lines.customer_id,
        lines.changed_date,
        sum(lines.lines) as lines,
        sum(lines.prepaid_lines) as prepaid_lines
    from lines
    inner join ever_prepaid
        on lines.customer_id = ever_prepaid.customer_id
    group by lines.customer_id, lines.changed_date
),

held as (
    select
        customer_id,
        changed_date,
        sum(lines) over so_far as lines,
        sum(prepaid_lines) over so_far as prepaid_lines
    from days
    window so_far as (
        partition by customer_id order by changed_date
        rows between unbounded preceding and current row
    )
),

-- Without any line, a customer stays what it was.
judged as (
    select
        customer_id,
        changed_date,
        lines = prepaid_lines as is_prepaid,
        lag(lines = prepaid_lines) over (partition by customer_id order by changed_date) as was_prepaid
    from held
    where lines > 0
),

changes as (
    select
        customer_id,
        changed_date,
        is_prepaid,
        was_prepaid is null as is_first
    from judged
    where was_prepaid is null or was_prepaid <> is_prepaid
)

-- Dates without nulls, since engines join by hash on plain comparisons alone.
select
    customer_id,
    is_prepaid,
    -- The first known value also counts for the time before it, once it is known.
    case when is_first then {{ first_date() }} else changed_date end as from_date,
    coalesce(
        lead(changed_date) over (partition by customer_id order by changed_date),
        {{ last_date() }}
    ) as to_date,
    changed_date as known_from_date
from changes
