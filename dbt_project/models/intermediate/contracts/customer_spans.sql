{{ config(materialized='table') }}

-- Everything here is on the grid of month ends, numbered year * 12 + month: a state is open from the first to the last
-- month end during its service. Its committed and its free months are separate pieces.
with open_states as (
    select
        contract_id,
        customer_id,
        product_family,
        family_rank,
        monthly_fee,
        term_months,
        is_prepaid,
        opens_on_date,
        service_start_date,
        {{ month_number('opens_on_date') }} as first_month,
        coalesce({{ month_number('closes_on_date') }} - 1, {{ far_month() }}) as last_month,
        coalesce({{ last_month_through('committed_until_date') }}, 0) as last_committed_month
    from {{ ref('contract_states') }}
    where
        status <> 'pending'
        and (closes_on_date is null or closes_on_date > opens_on_date)
),

pieces as (
    select
        *,
        true as is_committed,
        first_month as piece_first_month,
        least(last_month, last_committed_month) as piece_last_month
    from open_states
    where least(last_month, last_committed_month) >= first_month

    union all

    select
        *,
        false as is_committed,
        greatest(first_month, last_committed_month + 1) as piece_first_month,
        last_month as piece_last_month
    from open_states
    where greatest(first_month, last_committed_month + 1) <= last_month
),

-- Between two neighboring cuts nothing changes for the customer.
cuts as (
    select customer_id, piece_first_month as cut_month from pieces
    union
    select customer_id, piece_last_month + 1 as cut_month from pieces
),

intervals as (
    select
        customer_id,
        cut_month as first_month,
        lead(cut_month) over (partition by customer_id order by cut_month) - 1 as last_month
    from cuts
),

-- The main contract of each interval; intervals without a piece are times without any product.
ranked as (
    select
        intervals.customer_id,
        intervals.first_month,
        intervals.last_month,
        pieces.product_family,
        pieces.term_months,
        pieces.is_committed,
        min(case when pieces.is_prepaid then 1 else 0 end) over (
            partition by intervals.customer_id, intervals.first_month
        ) = 1 as is_prepaid,
        min(pieces.opens_on_date) over (partition by intervals.customer_id, intervals.first_month) as opens_on_date,
        min(pieces.service_start_date) over (
            partition by intervals.customer_id, intervals.first_month
        ) as service_start_date,
        row_number() over (
            partition by intervals.customer_id, intervals.first_month
            order by pieces.family_rank asc, pieces.monthly_fee desc, pieces.contract_id asc
        ) as contract_rank
    from intervals
    inner join pieces
        on
            intervals.customer_id = pieces.customer_id
            and intervals.first_month >= pieces.piece_first_month
            and intervals.first_month <= pieces.piece_last_month
    where intervals.last_month is not null
),

covered as (
    select
        customer_id,
        first_month,
        last_month,
        -- Time before the first recorded state is tenure, although nobody could be seen to leave during it.
        case
            when lag(last_month) over (partition by customer_id order by first_month) is null
                then coalesce(service_start_date, opens_on_date)
            else opens_on_date
        end as since_date,
        product_family,
        term_months,
        is_committed,
        is_prepaid,
        coalesce(
            first_month > lag(last_month) over (partition by customer_id order by first_month) + 1, true
        ) as starts_spell,
        coalesce(
            last_month + 1 < lead(first_month) over (partition by customer_id order by first_month),
            last_month < {{ far_month() }}
        ) as ends_spell
    from ranked
    where contract_rank = 1
)

select
    customer_id,
    cast(first_month as integer) as first_month,
    cast(last_month as integer) as last_month,
    cast(sum(case when starts_spell then 1 else 0 end) over spells_so_far as integer) as spell_number,
    -- Spells follow one another, so the latest start so far is that of this spell.
    cast(
        {{ month_number('max(case when starts_spell then since_date end) over spells_so_far') }} as integer
    ) as spell_first_month,
    max(case when starts_spell then since_date end) over spells_so_far as spell_start_date,
    ends_spell,
    {{ retention_product('product_family') }} as retention_product,
    {{ retention_term('term_months') }} as retention_term,
    is_committed,
    is_prepaid
from covered
window spells_so_far as (
    partition by customer_id order by first_month
    rows between unbounded preceding and current row
)
