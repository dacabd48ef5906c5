{%- set billing = var('billing') -%}

-- Amounts billed in advance are revenue of the months they pay for. The rest is not yet past value, since the service
-- was not yet given, and the future value already counts those months. A month gets its share of the period by days, as
-- product cost does. Amounts billed in arrears are revenue from the day they are billed.
with months as (
    select month_end_date
    from {{ ref('months') }}
    where is_in_books
),

entries as (
    select
        *,
        {{ month_end('entry_date') }} as first_month_end_date,
        {% if billing['recognition'] == 'period' -%}
        case
            when {{ is_believable_period('period_start', 'period_end') }}
                then greatest({{ month_end('entry_date') }}, {{ month_end('period_end') }})
            else {{ month_end('entry_date') }}
        end as last_month_end_date
        {%- else -%}
        {{ month_end('entry_date') }} as last_month_end_date
        {%- endif %}
    from {{ ref('billing_entries') }}
),

spread as (
    select
        entries.*,
        months.month_end_date,
        {{ months_between('entries.period_start', 'entries.period_end') }}
        + {{ share_of_month('entries.period_end') }}
        - {{ share_of_month('entries.period_start', before=true) }} as period_months,
        {{ months_between('entries.period_start', 'months.month_end_date') }} + 1
        - {{ share_of_month('entries.period_start', before=true) }} as months_given
    from entries
    inner join months
        on
            entries.first_month_end_date <= months.month_end_date
            and entries.last_month_end_date >= months.month_end_date
    where entries.first_month_end_date < entries.last_month_end_date
),

-- As known in each month. No more service is due once it has ended or passed to another customer: what was paid for it
-- is earned, unless a credit note returns it.
contract_states as (
    select
        spread.invoice_id,
        spread.component,
        spread.entry_date,
        spread.month_end_date,
        spread.customer_id = states.customer_id as is_held,
        coalesce(states.end_date <= spread.month_end_date, false) as has_ended,
        states.valid_to_date is null or spread.month_end_date < states.valid_to_date as is_latest
    from spread
    inner join {{ ref('contract_states') }} as states
        on
            spread.contract_id = states.contract_id
            and spread.month_end_date >= states.valid_from_date
),

-- A payer who never held the contract keeps paying for whoever does.
contract_ends as (
    select
        invoice_id,
        component,
        entry_date,
        month_end_date,
        greatest(
            max(case when is_latest and has_ended then 1 else 0 end),
            max(case when is_held then 1 else 0 end) * max(case when is_latest and not is_held then 1 else 0 end)
        ) as has_ended
    from contract_states
    group by invoice_id, component, entry_date, month_end_date
),

-- A bill over several contracts, or over an unknown one, ends when the customer has no contract left.
customer_months as (
    select distinct
        spread.customer_id,
        spread.month_end_date
    from spread
),

customer_ends as (
    select
        customer_months.customer_id,
        customer_months.month_end_date,
        min(case when states.end_date <= customer_months.month_end_date then 1 else 0 end) as has_ended
    from customer_months
    inner join {{ ref('contract_states') }} as states
        on
            customer_months.customer_id = states.customer_id
            and customer_months.month_end_date >= states.valid_from_date
            and (states.valid_to_date is null or customer_months.month_end_date < states.valid_to_date)
    group by customer_months.customer_id, customer_months.month_end_date
),

recognized as (
    select
        spread.invoice_id,
        spread.customer_id,
        spread.component,
        spread.entry_date,
        spread.month_end_date,
        case
            when
                spread.month_end_date = spread.last_month_end_date
                or coalesce(contract_ends.has_ended, customer_ends.has_ended, 0) = 1
                then spread.amount
            when spread.month_end_date < spread.period_start then 0
            else {{ money('spread.amount * spread.months_given / spread.period_months') }}
        end as amount_to_date
    from spread
    left join contract_ends
        on
            spread.invoice_id = contract_ends.invoice_id
            and spread.component = contract_ends.component
            and spread.entry_date = contract_ends.entry_date
            and spread.month_end_date = contract_ends.month_end_date
    left join customer_ends
        on
            spread.customer_id = customer_ends.customer_id
            and spread.month_end_date = customer_ends.month_end_date
),

changes as (
    select
        customer_id,
        component,
        month_end_date,
        amount_to_date - lag(amount_to_date, 1, 0) over (
            partition by invoice_id, component, entry_date order by month_end_date
        ) as amount
    from recognized
)

select
    customer_id,
    month_end_date,
    component,
    {{ money('amount') }} as amount
from changes
where amount <> 0

union all

select
    entries.customer_id,
    months.month_end_date,
    entries.component,
    {{ money('entries.amount') }} as amount
from entries
inner join months
    on entries.first_month_end_date = months.month_end_date
where entries.first_month_end_date = entries.last_month_end_date
