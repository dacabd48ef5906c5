-- When an end became known: the date of the first state with it, if after the contract's start, else of the load that
-- brought it. Unknown for rows of the first load and for ends before it. Without prepaid lines, from which churn is not
-- learned: they are closed long after their last use.
with first_load as (
    select min(cast(loaded_at as date)) as first_loaded_date
    from {{ source('ops', 'loads') }}
    where source_table = 'contracts'
),

states as (
    select
        contracts.contract_id,
        contracts.start_date,
        contracts.end_date,
        contracts.valid_from_date,
        cast(loads.loaded_at as date) as loaded_date,
        last_value(contracts.end_date) over (
            partition by contracts.contract_id order by contracts.valid_from_date
            rows between unbounded preceding and unbounded following
        ) as last_end_date
    from {{ ref('stg_contracts') }} as contracts
    left join {{ source('ops', 'loads') }} as loads
        on contracts._load_id = loads.load_id
    where not coalesce(contracts.is_prepaid, false)
),

first_told as (
    select
        contract_id,
        end_date,
        min(start_date) as start_date,
        min(valid_from_date) as valid_from_date,
        min(loaded_date) as loaded_date
    from states
    where end_date = last_end_date
    group by contract_id, end_date
),

booked as (
    select
        first_told.end_date,
        case
            when first_told.valid_from_date > first_told.start_date then first_told.valid_from_date
            when
                first_told.loaded_date > first_load.first_loaded_date
                and first_told.end_date >= first_load.first_loaded_date
                then first_told.loaded_date
        end as booked_date
    from first_told
    cross join first_load
)

select
    end_date,
    booked_date,
    count(*) as endings
from booked
where booked_date is not null
group by end_date, booked_date
