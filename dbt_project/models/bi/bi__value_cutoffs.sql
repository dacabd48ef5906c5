with deciles as (
    select numbers.number as value_decile
    from {{ thousand_numbers() }} as numbers
    where numbers.number between 1 and 10
),

references_in_force as (
    select
        cutoffs.version_id,
        cutoffs.as_of_date,
        cutoffs.reference_version_id,
        cutoffs.reference_as_of_date,
        coalesce(cutoffs.rank_by, 'total') as rank_by
    from {{ source('segments', 'value_cutoffs') }} as cutoffs
    inner join {{ ref('published_versions') }} as versions
        on cutoffs.version_id = versions.version_id
    group by
        cutoffs.version_id, cutoffs.as_of_date, cutoffs.reference_version_id, cutoffs.reference_as_of_date,
        cutoffs.rank_by
),

customers as (
    select
        version_id,
        value_decile_fixed,
        count(*) as customers,
        sum(total_value) as total_value
    from {{ ref('customer_segments') }}
    where value_decile_fixed is not null
    group by version_id, value_decile_fixed
)

select
    in_force.version_id,
    in_force.as_of_date,
    in_force.reference_version_id,
    in_force.reference_as_of_date,
    cast(deciles.value_decile as integer) as value_decile_fixed,
    in_force.rank_by,
    cutoffs.min_ranked_value,
    coalesce(customers.customers, 0) as customers,
    {{ ratio(
        'coalesce(customers.customers, 0)', 'sum(customers.customers) over (partition by in_force.version_id)'
    ) }} as share,
    cast(coalesce(customers.total_value, 0) as decimal(18, 2)) as total_value
from references_in_force as in_force
cross join deciles
left join {{ source('segments', 'value_cutoffs') }} as cutoffs
    on
        in_force.version_id = cutoffs.version_id
        and deciles.value_decile = cutoffs.value_decile
left join customers
    on
        in_force.version_id = customers.version_id
        and deciles.value_decile = customers.value_decile_fixed
