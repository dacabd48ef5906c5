{{ config(materialized='table') }}

{#- Each step doubles how far a member looks up: six steps see 64 levels, more than any group has. -#}
{%- set steps = 6 -%}

with run_months as (
    select month_end_date as as_of_date
    from {{ ref('months') }}
    where is_run_month
),

organizations as (
    select
        run_months.as_of_date,
        customers.customer_id,
        case
            when placeholders.named_id is null then nullif(customers.parent_customer_id, customers.customer_id)
        end as parent_customer_id
    from {{ ref('known_customers') }} as customers
    inner join run_months
        on customers.known_since_date <= run_months.as_of_date
    left join {{ ref('placeholder_customers_as_of') }} as placeholders
        on
            run_months.as_of_date = placeholders.as_of_date
            and customers.parent_customer_id = placeholders.named_id
            and placeholders.reference = 'parent'
    where customers.customer_type = 'organization'
),

-- From each member upward: how far it has come, and the lowest identifier on the way.
jumps_0 as (
    select
        as_of_date,
        customer_id,
        parent_customer_id as ancestor_id,
        least(customer_id, parent_customer_id) as lowest_id
    from organizations
    where parent_customer_id is not null
),

{% for step in range(1, steps + 1) -%}
jumps_{{ step }} as (
    select
        lower_half.as_of_date,
        lower_half.customer_id,
        coalesce(upper_half.ancestor_id, lower_half.ancestor_id) as ancestor_id,
        least(lower_half.lowest_id, coalesce(upper_half.lowest_id, lower_half.lowest_id)) as lowest_id
    from jumps_{{ step - 1 }} as lower_half
    left join jumps_{{ step - 1 }} as upper_half
        on
            lower_half.as_of_date = upper_half.as_of_date
            and lower_half.ancestor_id = upper_half.customer_id
),

{% endfor -%}

-- The top of a group is a member without a parent. Customers that own each other in a ring have none: their group is
-- named after the lowest identifier of the ring. A parent that is no customer names its group all the same.
subsidiaries as (
    select
        members.as_of_date,
        members.customer_id,
        coalesce(tops.lowest_id, members.ancestor_id) as group_id
    from jumps_{{ steps }} as members
    left join jumps_{{ steps }} as tops
        on
            members.as_of_date = tops.as_of_date
            and members.ancestor_id = tops.customer_id
),

members as (
    select as_of_date, customer_id, group_id
    from subsidiaries

    union

    select
        organizations.as_of_date,
        organizations.customer_id,
        subsidiaries.group_id
    from organizations
    inner join subsidiaries
        on
            organizations.as_of_date = subsidiaries.as_of_date
            and organizations.customer_id = subsidiaries.group_id
),

owners as (
    select distinct as_of_date, parent_customer_id
    from organizations
)

select
    members.as_of_date,
    members.customer_id,
    members.group_id,
    owners.parent_customer_id is not null as owns_others
from members
left join owners
    on
        members.as_of_date = owners.as_of_date
        and members.customer_id = owners.parent_customer_id
