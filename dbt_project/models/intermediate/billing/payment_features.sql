with run_months as (
    select
        month_end_date as as_of_date,
        month_number,
        {{ month_end(add_months('month_end_date', -12)) }} as year_before_date
    from {{ ref('months') }}
    where is_run_month
),

payments_begin as (
    select min(paid_date) as first_paid_date
    from {{ ref('stg_payments') }}
),

-- Each bill as of the as-of date. Bills that are older than a year and written off no longer matter.
bills as (
    select
        run_months.as_of_date,
        run_months.year_before_date,
        bills.invoice_id,
        bills.customer_id,
        bills.invoice_date,
        bills.due_date,
        bills.gross_amount,
        bills.is_judged,
        bills.write_off_date > run_months.as_of_date as is_collectable,
        sum(settlements.settled_amount) as settled_to_date,
        -- Money may be paid back: the bill has been settled since the last change that left it so.
        case
            when sum(settlements.settled_amount) > bills.gross_amount - 0.01 then max(settlements.settled_date)
        end as settled_date
    from run_months
    inner join {{ ref('bills') }} as bills
        on
            bills.invoice_date <= run_months.as_of_date
            and (bills.invoice_date > run_months.year_before_date or bills.write_off_date > run_months.as_of_date)
    left join {{ ref('bill_settlements') }} as settlements
        on
            bills.invoice_id = settlements.invoice_id
            and run_months.as_of_date >= settlements.settled_date
    group by
        run_months.as_of_date,
        run_months.year_before_date,
        bills.invoice_id,
        bills.customer_id,
        bills.invoice_date,
        bills.due_date,
        bills.gross_amount,
        bills.is_judged,
        bills.write_off_date
),

judged as (
    select
        *,
        due_date < as_of_date and due_date > year_before_date and is_judged and gross_amount > 0 as is_due_in_year,
        {{ days_between('due_date', 'coalesce(settled_date, as_of_date)') }} as days_late,
        is_judged and is_collectable and due_date < as_of_date and settled_date is null and gross_amount > 0
            as is_overdue
    from bills
),

bill_features as (
    select
        customer_id,
        as_of_date,
        sum(case when invoice_date > year_before_date then 1 else 0 end) as invoices_12m,
        {{ ratio(
            'sum(case when is_due_in_year and days_late > 0 then 1 else 0 end)',
            'sum(case when is_due_in_year then 1 else 0 end)'
        ) }} as late_share_12m,
        {{ ratio(
            'sum(case when is_due_in_year then greatest(days_late, 0) end)',
            'sum(case when is_due_in_year then 1 else 0 end)'
        ) }} as mean_days_late_12m,
        sum(case when is_overdue then gross_amount - coalesce(settled_to_date, 0) else 0 end) as overdue_amount,
        max(case when is_overdue then days_late else 0 end) as overdue_days
    from judged
    group by customer_id, as_of_date
),

payments as (
    select
        run_months.as_of_date,
        payments.customer_id,
        payments.status = 'failed' and payments.paid_date > run_months.year_before_date as is_failed_in_year,
        payments.method,
        row_number() over (
            partition by run_months.as_of_date, payments.customer_id
            order by
                case when payments.method is null then 1 else 0 end,
                payments.paid_date desc,
                payments.payment_id desc
        ) as latest_rank
    from run_months
    inner join {{ ref('stg_payments') }} as payments
        on run_months.as_of_date >= payments.paid_date
),

payment_features as (
    select
        customer_id,
        as_of_date,
        sum(case when is_failed_in_year then 1 else 0 end) as failed_payments_12m,
        max(
            case
                when latest_rank = 1 and method in ({{ text_list(var('features')['autopay_methods']) }}) then 1
                when latest_rank = 1 and method is not null then 0
            end
        ) as has_autopay
    from payments
    group by customer_id, as_of_date
)

select
    customer_id,
    as_of_date,
    bills.invoices_12m,
    bills.late_share_12m,
    bills.mean_days_late_12m,
    case
        when payments_begin.first_paid_date <= as_of_date then coalesce(payments.failed_payments_12m, 0)
    end as failed_payments_12m,
    case
        when payments_begin.first_paid_date <= as_of_date then coalesce(bills.overdue_amount, 0)
    end as overdue_amount,
    case
        when payments_begin.first_paid_date <= as_of_date then coalesce(bills.overdue_days, 0)
    end as overdue_days,
    payments.has_autopay = 1 as has_autopay
from bill_features as bills
full outer join payment_features as payments using (customer_id, as_of_date)
cross join payments_begin
