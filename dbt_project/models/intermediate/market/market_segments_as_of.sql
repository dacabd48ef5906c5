{{ config(materialized='table') }}

{#- Where evidence of the market comes from, in the order in which the rules believe it. -#}
{%- set sources = {
    'explicit_segment': 'the record itself',
    'industry_segment': 'the industry code',
    'legal_form_segment': 'the legal form',
    'product_segment': 'the products held',
    'staff_segment': 'the number of employees',
    'money_segment': 'the revenue',
} -%}

with run_months as (
    select month_end_date as as_of_date
    from {{ ref('months') }}
    where is_run_month
),

customers as (
    select
        customers.*,
        run_months.as_of_date,
        customers.employer_customer_id is not null and placeholders.named_id is null as has_employer,
        case
            when
                coalesce(customers.market_segment_override_from_date <= run_months.as_of_date, true)
                and coalesce(customers.market_segment_override_until_date >= run_months.as_of_date, true)
                then customers.market_segment_override
        end as override_segment
    from {{ ref('known_customers') }} as customers
    inner join run_months
        on customers.known_since_date <= run_months.as_of_date
    left join {{ ref('placeholder_customers_as_of') }} as placeholders
        on
            run_months.as_of_date = placeholders.as_of_date
            and customers.employer_customer_id = placeholders.named_id
            and placeholders.reference = 'employer'
),

-- Each code is judged once, however many contracts have it.
product_codes as (
    select distinct product_code
    from {{ ref('contract_states') }}
),

wholesale_codes as (
    select distinct product_codes.product_code
    from product_codes
    inner join {{ ref('wholesale_products') }} as sold
        on {{ plain_text('product_codes.product_code') }} like sold.code_prefix || '%'
),

-- What a customer has ever held says what it is, also after it has left.
wholesale_customers as (
    select states.customer_id, min(states.opens_on_date) as wholesale_since_date
    from {{ ref('contract_states') }} as states
    left join wholesale_codes
        on states.product_code = wholesale_codes.product_code
    where states.product_family = 'wholesale' or wholesale_codes.product_code is not null
    group by states.customer_id
),

rule_inputs as (
    select
        customers.*,
        sizes.group_id,
        sizes.group_members,
        sizes.group_employee_count,
        sizes.group_annual_revenue,
        sizes.staff_segment,
        sizes.money_segment,
        sizes.size_segment,
        sizes.size_rule_id,
        sizes.size_reason,
        evidence.industry_segment,
        evidence.legal_form_segment,
        evidence.legal_form_kind,
        case
            when customers.is_reseller then 'wholesale'
            when customers.customer_type = 'person' and customers.has_employer then 'employee'
            when customers.customer_type = 'person' then 'consumer'
            when customers.is_education then 'education'
            when customers.is_public_sector then 'government'
        end as explicit_segment,
        case when wholesale_customers.wholesale_since_date <= customers.as_of_date then 'wholesale' end
            as product_segment,
        coalesce(wholesale_customers.wholesale_since_date <= customers.as_of_date, false) as has_wholesale
    from customers
    left join {{ ref('organization_sizes_as_of') }} as sizes
        on
            customers.customer_id = sizes.customer_id
            and customers.as_of_date = sizes.as_of_date
    left join {{ ref('organization_evidence') }} as evidence
        on customers.customer_id = evidence.customer_id
    left join wholesale_customers
        on customers.customer_id = wholesale_customers.customer_id
),

classified as (
    select
        *,
        {{ first_rule(
            var('market_rules'), 'segment', {'override': 'override_segment', 'size': 'size_segment'}
        ) }} as market_segment,
        {{ first_rule(var('market_rules'), 'id', {'size': 'size_rule_id'}) }} as rule_id,
        {{ first_rule(var('market_rules'), 'because', {'size': 'size_reason'}) }} as reason
    from rule_inputs
),

-- Evidence for another segment is a conflict. A school may well be a public body, and only among sizes does a size say
-- something else.
weighed as (
    select
        {% for source in sources -%}
        {{ source }} = market_segment as agrees_{{ source }},
        {{ speaks_against(source) }} as conflicts_{{ source }},
        {% endfor -%}
        *
    from classified
),

explained as (
    select
        *,
        {% for source in sources %}case when agrees_{{ source }} then 1 else 0 end{{ ' + ' if not loop.last }}{% endfor %} as agreements, -- noqa: LT02, LT05
        nullif(
            concat_ws(
                ', ',
                {% for source, words in sources.items() -%}
                case when agrees_{{ source }} then {{ text_literal(words) }} end {{- ', ' if not loop.last }}
                {% endfor %}
            ), ''
        ) as evidence,
        nullif(
            concat_ws(
                '; ',
                {% for source, words in sources.items() -%}
                case when conflicts_{{ source }} then {{ text_literal(words ~ ' says ') }} || {{ source }} end
                {{- ', ' if not loop.last }}
                {% endfor %}
            ), ''
        ) as conflicts
    from weighed
)

select
    customer_id,
    as_of_date,
    customer_type,
    source_system,
    is_reseller,
    market_segment,
    rule_id,
    reason,
    coalesce(market_segment = override_segment and rule_id = 'override', false) as is_override,
    evidence,
    conflicts,
    case
        when rule_id = 'override' then 'high'
        when market_segment = 'unclassified_business' then 'low'
        when conflicts is null and (agreements >= 2 or coalesce(agrees_explicit_segment, false)) then 'high'
        when conflicts is null or agreements >= 2 or coalesce(agrees_explicit_segment, false) then 'medium'
        -- Schemes of size hold by either figure, so one that says less takes little away.
        when coalesce(conflicts_staff_segment, false) or coalesce(conflicts_money_segment, false) then 'medium'
        else 'low'
    end as confidence,
    size_segment,
    group_id,
    group_members,
    group_employee_count,
    group_annual_revenue,
    {{ population('market_segment') }} as population
from explained
