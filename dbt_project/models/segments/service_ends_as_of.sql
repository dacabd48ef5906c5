{{ config(
    materialized='view',
    database='workspace',
    schema='intermediate',
    persist_docs={'relation': true, 'columns': false}
) }}

with features as (
    select
        features.customer_id,
        features.as_of_date,
        features.is_open,
        features.spells,
        features.spell_start_date
    from {{ ref('customer_features') }} as features
    inner join {{ ref('versions_in_force') }} as versions
        on
            features.as_of_date = versions.as_of_date
            and versions.is_candidate
    where
        features.first_start_date is not null
        and (not features.is_open or features.spells > 1)
),

-- Contracts that had ended by the as-of date, as known then; for an open customer, those before it came back.
ends as (
    select
        features.customer_id,
        features.as_of_date,
        features.is_open,
        features.spell_start_date,
        contracts.end_date,
        contracts.end_reason,
        row_number() over (
            partition by features.customer_id, features.as_of_date
            order by
                contracts.end_date desc,
                contracts.family_rank asc,
                contracts.monthly_fee desc,
                contracts.contract_id asc
        ) as end_rank
    from features
    inner join {{ ref('contracts_as_of') }} as contracts
        on
            features.customer_id = contracts.customer_id
            and features.as_of_date = contracts.as_of_date
            and features.as_of_date >= contracts.end_date
    where not features.is_open or features.spell_start_date >= contracts.end_date
)

select
    ends.customer_id,
    ends.as_of_date,
    case when ends.is_open then {{ days_between('ends.end_date', 'ends.spell_start_date') }} end as days_away,
    case when not ends.is_open then coalesce(kinds.churn_kind, 'unknown') end as churn_kind
from ends
left join {{ ref('churn_kinds') }} as kinds
    on ends.end_reason = kinds.end_reason
where ends.end_rank = 1
