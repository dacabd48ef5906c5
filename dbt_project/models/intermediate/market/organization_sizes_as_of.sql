{%- set scheme = var('size_schemes')[var('size_scheme')] -%}
{%- set classes = scheme['classes'] -%}

with run_months as (
    select month_end_date as as_of_date
    from {{ ref('months') }}
    where is_run_month
),

organizations as (
    select
        run_months.as_of_date,
        customers.customer_id,
        customers.employee_count,
        customers.annual_revenue,
        customers.balance_sheet_total
    from {{ ref('known_customers') }} as customers
    inner join run_months
        on customers.known_since_date <= run_months.as_of_date
    where customers.customer_type = 'organization'
),

memberships as (
    select * from {{ ref('customer_groups_as_of') }}
),

-- Whether a holding reports for itself or for its group is not known. The most that one member reports, or the sum of
-- those that own no other, whichever is more, counts no company twice.
groups as (
    select
        memberships.as_of_date,
        memberships.group_id,
        count(*) as group_members,
        greatest(
            max(organizations.employee_count),
            sum(case when not memberships.owns_others then organizations.employee_count end)
        ) as group_employee_count,
        greatest(
            max(organizations.annual_revenue),
            sum(case when not memberships.owns_others then organizations.annual_revenue end)
        ) as group_annual_revenue,
        greatest(
            max(organizations.balance_sheet_total),
            sum(case when not memberships.owns_others then organizations.balance_sheet_total end)
        ) as group_balance_sheet_total
    from memberships
    inner join organizations
        on
            memberships.as_of_date = organizations.as_of_date
            and memberships.customer_id = organizations.customer_id
    group by memberships.as_of_date, memberships.group_id
),

figures as (
    select
        organizations.as_of_date,
        organizations.customer_id,
        memberships.group_id,
        coalesce(groups.group_members, 1) as group_members,
        coalesce(groups.group_employee_count, organizations.employee_count) as group_employee_count,
        coalesce(groups.group_annual_revenue, organizations.annual_revenue) as group_annual_revenue,
        coalesce(groups.group_balance_sheet_total, organizations.balance_sheet_total) as group_balance_sheet_total
    from organizations
    left join memberships
        on
            organizations.as_of_date = memberships.as_of_date
            and organizations.customer_id = memberships.customer_id
    left join groups
        on
            memberships.as_of_date = groups.as_of_date
            and memberships.group_id = groups.group_id
),

measured as (
    select
        *,
        {{ first_rule(scheme['staff'], 'segment') }} as staff_segment,
        {{ first_rule(scheme['staff'], 'id') }} as staff_rule_id,
        {{ first_rule(scheme['staff'], 'because') }} as staff_reason,
        {{ first_rule(scheme['money'], 'segment') }} as money_segment,
        {{ first_rule(scheme['money'], 'id') }} as money_rule_id,
        {{ first_rule(scheme['money'], 'because') }} as money_reason
    from figures
),

-- Where only one of the two is known it decides; where both are, the precedence of the settings.
decided as (
    select
        *,
        case
            when staff_segment is null then false
            when money_segment is null then true
            {% if var('size_precedence') == 'larger' -%}
            else
                {{ place_in('staff_segment', classes) }} <= {{ place_in('money_segment', classes) }}
            {%- else -%}
            else {{ var('size_precedence') == 'staff' }}
            {%- endif %}
        end as is_by_staff
    from measured
)

select
    as_of_date,
    customer_id,
    group_id,
    group_members,
    group_employee_count,
    group_annual_revenue,
    staff_segment,
    money_segment,
    case when is_by_staff then staff_segment else money_segment end as size_segment,
    case when is_by_staff then staff_rule_id else money_rule_id end as size_rule_id,
    case when is_by_staff then staff_reason else money_reason end as size_reason
from decided
