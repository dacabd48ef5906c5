"""Reconciliation: invoices against contracts, payments against invoices, over the last complete months."""

from orchestration.source_checks.check import Check

# What each contract should be billed in each of the recent months: the state that held at the month's end.
_FEES = """
    months as (
        select cast(unnest(generate_series($months_start, $last_month, interval 1 month)) as date) as first_day
    ),
    states as (
        select
            last_day(months.first_day) as month, contracts.customer_id, contracts.contract_id, contracts.start_date,
            contracts.end_date, contracts.valid_from_date, contracts.monthly_fee, contracts.currency,
            case
                when contracts.discount_until_date is null or contracts.discount_until_date >= last_day(first_day)
                    then coalesce(contracts.discount_amount, 0)
                else 0
            end as discount
        from months
        inner join raw.contracts as contracts on contracts.valid_from_date <= last_day(months.first_day)
        qualify row_number() over (
            partition by months.first_day, contracts.contract_id order by contracts.valid_from_date desc
        ) = 1
    ),
    fees as (
        select month, customer_id, start_date, greatest(monthly_fee - discount, 0) as fee, currency
        from states
        where start_date <= month and (end_date is null or end_date > month)
    ),
    -- What can be compared with bills: amounts in other currencies are no amounts of this one.
    own_fees as (
        select * from fees where coalesce(currency, $currency) = $currency
    )
"""
# Recurring bills as amounts per month: one for several months counts in as many, from the month it is issued in.
_RECURRING = """
    bills as (
        select
            customer_id, date_trunc('month', invoice_date) as first_month, net_amount,
            greatest(round((period_end - period_start + 1) / 30.4375), 1)::integer as months
        from raw.invoices
        where invoice_date >= $past_start and invoice_date < $next_month
            and coalesce(kind, 'recurring') = 'recurring' and currency = $currency
    ),
    billed as (
        select months.month, bills.customer_id, bills.net_amount / bills.months as net_amount
        from (select last_day(first_day) as month from months) as months
        inner join bills
            on months.month > bills.first_month
            and months.month < bills.first_month + to_months(bills.months)
    )
"""

MONEY: tuple[Check, ...] = (
    Check(
        name="invoice_to_fee",
        tables=("invoices",),
        needs=("contracts",),
        description="Monthly invoices of a customer (median, net) compared with the fees of the customer's "
        "contracts (median).",
        sql=f"""
            with {_FEES}, {_RECURRING},
            invoiced as (
                select median(amount) as amount from (
                    select sum(net_amount) as amount from billed where month = $last_month group by customer_id
                )
            ),
            contracted as (
                select median(fee) as fee from (
                    select sum(fee) as fee from own_fees
                    where month = $last_month group by customer_id having sum(fee) > 0
                )
            )
            select amount / nullif(fee, 0) as value, amount, fee from invoiced, contracted
        """,
        says="The median customer is invoiced {amount:,.2f} a month and has fees of {fee:,.2f}: {value:.2f} times.",
        otherwise="No recurring invoice in the reporting currency, or no open contract, in the last complete month.",
        remedy="About 100 or 0.01 means that one of the two is in cents: divide net_amount and tax_amount, or"
        " monthly_fee, by 100. About 12 means that fees are yearly, or that yearly bills give one month as their"
        " period.",
    ),
    Check(
        name="invoiced_to_contracted",
        tables=("invoices",),
        needs=("contracts",),
        description="Recurring net invoices of a month against the fees of open contracts: of the recent months, the"
        " one furthest off.",
        sql=f"""
            with {_FEES}, {_RECURRING},
            compared as (
                select month, contracted, coalesce(invoiced, 0) as invoiced, coalesce(invoiced, 0) / contracted as ratio
                from (select month, sum(fee) as contracted from own_fees group by all having sum(fee) > 0)
                left join (select month, sum(net_amount) as invoiced from billed group by all) using (month)
            )
            select
                arg_max(ratio, abs(ln(greatest(ratio, 1e-9)))) as value,
                string_agg(
                    strftime(month, '%Y-%m') || ' '
                    || format('{{:,.0f}} of {{:,.0f}}', invoiced::double, contracted::double),
                    ', ' order by month
                ) as months
            from compared
            having (select count(*) from raw.invoices where invoice_date < $next_month and currency = $currency) > 0
        """,
        says="Invoiced against contracted, net: {months}; the month furthest off has {value:.0%}.",
        otherwise="No invoice in the reporting currency in a complete month, or no open contract.",
        remedy="Below: invoices or their lines are missing, or fees are with tax. Above: invoices are counted twice"
        " (bill and lines), or contracts are missing. Bills for several months count in all of them: see"
        " whether period_start and period_end are right.",
    ),
    Check(
        name="not_invoiced_share",
        tables=("invoices",),
        needs=("contracts",),
        description="Share of customers with a paid contract open through the recent months who had no invoice in the"
        " past months.",
        sql=f"""
            with {_FEES},
            due as (
                select customer_id from fees where month = $last_month and start_date < $months_start
                group by all having sum(fee) > 0
            ),
            billed as (
                select distinct customer_id from raw.invoices where invoice_date >= $past_start
            )
            select
                count(*) filter (billed.customer_id is null) / nullif(count(*), 0) as value,
                count(*) filter (billed.customer_id is null) as never, count(*) as customers,
                coalesce(', for example ' || min(due.customer_id) filter (billed.customer_id is null), '') as example
            from due left join billed using (customer_id)
        """,
        says="{value:.1%} of customers with a paid contract have no invoice: {never:,} of {customers:,}{example}.",
        otherwise="No customer has a paid contract through the recent months.",
        remedy="See whether a billing system is not mapped, or customer_id differs between contracts and invoices."
        " If one account is billed for several, give their contracts the customer_id that is billed.",
    ),
    Check(
        name="invoices_without_contract_share",
        tables=("invoices",),
        needs=("contracts",),
        description="Share of recent invoices for a contract that does not exist.",
        sql="""
            select
                count(*) filter (contracts.contract_id is null) / nullif(count(*), 0) as value,
                count(*) filter (contracts.contract_id is null) as unknown, count(*) as invoices,
                coalesce(', for example contract ' || min(invoices.contract_id)
                    filter (contracts.contract_id is null), '') as example
            from raw.invoices as invoices
            left join (select distinct contract_id from raw.contracts) as contracts using (contract_id)
            where invoices.invoice_date >= $months_start and invoices.contract_id is not null
        """,
        says="{value:.1%} of invoices name a contract that does not exist: {unknown:,} of {invoices:,}{example}.",
        otherwise="No recent invoice names a contract.",
        remedy="See whether both use the same contract numbers, or ended contracts are missing from the export.",
    ),
    Check(
        name="long_period_share",
        tables=("invoices",),
        description="Share of everything invoiced that is for a period which ends before it starts, or is longer than"
        " billing.longest_period_months. It counts as revenue of the day of the bill.",
        sql="""
            with odd as (
                select
                    *,
                    period_end < period_start
                    or period_end > period_start + to_months($longest_period_months::integer) as is_odd
                from raw.invoices
            )
            select
                coalesce(sum(abs(net_amount)) filter (is_odd), 0) / nullif(sum(abs(net_amount)), 0) as value,
                coalesce(sum(abs(net_amount)) filter (is_odd), 0) as amount, count(*) filter (is_odd) as bills,
                $longest_period_months as months,
                coalesce(', for example ' || arg_max(invoice_id, abs(net_amount)) filter (is_odd), '') as example
            from odd
        """,
        says="{bills:,} bills over {amount:,.0f} ({value:.1%} of all) are for more than {months} months, or for a"
        " period that ends before it starts{example}.",
        otherwise="Nothing was invoiced.",
        remedy="If service is really paid so far ahead (rights of use, framework contracts), raise"
        " billing.longest_period_months: the bill is then revenue of the months it pays for. Otherwise correct"
        " period_start and period_end.",
        is_costly=True,
    ),
    Check(
        name="settled_to_invoiced",
        tables=("payments",),
        needs=("invoices",),
        description="Settled payments less refunds against invoices with tax, over the recent complete months.",
        sql="""
            with invoiced as (
                select sum(net_amount + tax_amount) as amount from raw.invoices
                where invoice_date >= $months_start and invoice_date < $next_month
            ),
            paid as (
                select coalesce(sum(case status when 'settled' then amount when 'refunded' then -amount end), 0) as paid
                from raw.payments
                where paid_date >= $months_start and paid_date < $next_month
            )
            select case when amount > 0 then paid / amount end as value, paid, amount from invoiced, paid
        """,
        says="Customers paid {paid:,.0f} of {amount:,.0f} invoiced with tax: {value:.0%}.",
        otherwise="Nothing was invoiced in the recent complete months.",
        remedy="Below: payments are missing, or invoices are counted twice. Above: payments are counted twice, or"
        " amounts are in another unit.",
    ),
    Check(
        name="payments_without_invoice_share",
        tables=("payments",),
        needs=("invoices",),
        description="Share of recent payments that name an invoice that does not exist.",
        sql="""
            select
                count(*) filter (invoices.invoice_id is null) / nullif(count(*), 0) as value,
                count(*) filter (invoices.invoice_id is null) as orphans, count(*) as payments,
                coalesce(', for example invoice ' || min(payments.invoice_id)
                    filter (invoices.invoice_id is null), '') as example
            from raw.payments as payments
            left join (
                select invoice_id from raw.invoices where invoice_date >= $past_start
            ) as invoices using (invoice_id)
            where payments.paid_date >= $months_start and payments.invoice_id is not null
        """,
        says="{value:.1%} of payments name an invoice that does not exist: {orphans:,} of {payments:,}{example}.",
        otherwise="No recent payment names an invoice.",
        remedy="See whether both use the same invoice numbers, and whether the invoices of the past months are all"
        " loaded.",
    ),
    Check(
        name="money_without_invoice_share",
        tables=("payments",),
        needs=("invoices",),
        description="Share of recent settled money that names an invoice that does not exist. It is treated as money on"
        " account and pays the oldest bill.",
        sql="""
            select
                coalesce(sum(payments.amount) filter (
                    payments.invoice_id is not null and invoices.invoice_id is null
                ), 0) / nullif(sum(payments.amount), 0) as value,
                coalesce(sum(payments.amount) filter (
                    payments.invoice_id is not null and invoices.invoice_id is null
                ), 0) as unnamed,
                sum(payments.amount) as paid,
                coalesce(', for example payment ' || min(payments.payment_id) filter (
                    payments.invoice_id is not null and invoices.invoice_id is null
                ), '') as example
            from raw.payments as payments left join raw.invoices as invoices using (invoice_id)
            where payments.paid_date >= $months_start and payments.status = 'settled'
        """,
        says="{unnamed:,.0f} of {paid:,.0f} paid name an invoice that does not exist{example}.",
        otherwise="Nothing was paid, or all of it found its invoice.",
        remedy="invoice_id must be written alike in invoices and payments: where invoices are lines of the bills that"
        " are paid, add them up by bill. Where the invoices are not delivered at all, leave invoice_id of payments"
        " unmapped.",
    ),
)
