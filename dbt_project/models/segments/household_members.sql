{{ config(unique_key='version_id', partitioned_by='as_of_date') }}

select
    versions.version_id,
    versions.as_of_date,
    members.customer_id,
    members.household_id,
    members.household_basis,
    members.address_customers
from {{ ref('household_members_as_of') }} as members
inner join {{ ref('versions_in_force') }} as versions
    on
        members.as_of_date = versions.as_of_date
        and versions.is_candidate
