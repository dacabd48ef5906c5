"""The floor: bare DuckDB reads every source file, adds up by customer and month, and writes a row per customer once."""

from pathlib import Path

import duckdb
import typer

_USAGE_SUMS = ", ".join(
    f"sum({name}) as {name}"
    for name in (
        "bytes_down", "bytes_up", "sessions", "session_seconds", "bytes_down_business_hours", "bytes_up_business_hours",
        "bytes_down_evening", "bytes_up_evening", "bytes_down_night", "bytes_up_night",
    )
)  # fmt: skip


def main(source: Path, target: Path) -> None:
    """Read the files in ``source`` and write one Parquet file, ``target``."""
    with duckdb.connect() as connection:
        connection.execute(f"""
            copy (
                with usage as (
                    select contracts.customer_id, date_trunc('month', usage_date) as month, {_USAGE_SUMS},
                        max(peak_mbps) as peak_mbps, max(devices) as devices, count(*) as days
                    from '{source}/usage/*.parquet' as usage
                    inner join (
                        select contract_id, arg_max(customer_id, valid_from_date) as customer_id
                        from '{source}/contracts.parquet' group by all
                    ) as contracts using (contract_id)
                    group by all
                ),
                usage_of_customer as (select customer_id, list(usage) as usage_months from usage group by all),
                contracts as (
                    select customer_id, count(distinct contract_id) as contracts, sum(monthly_fee) as fees,
                        min(start_date) as first_start_date, max(end_date) as last_end_date
                    from '{source}/contracts.parquet' group by all
                ),
                billed as (
                    select customer_id, count(*) as invoices, sum(net_amount) as billed
                    from '{source}/invoices/*.parquet' group by all
                ),
                paid as (
                    select customer_id, sum(amount) as paid, count(*) filter (where status <> 'paid') as failed
                    from '{source}/payments/*.parquet' group by all
                ),
                contacts as (
                    select customer_id, count(*) as contacts from '{source}/interactions/*.parquet' group by all
                ),
                faults as (
                    select contract_id, sum(outage_minutes) as outage_minutes
                    from '{source}/service_quality/*.parquet' group by all
                )
                select *, (select sum(outage_minutes) from faults) as outage_minutes_of_all
                from '{source}/customers.parquet' as customers
                left join contracts using (customer_id)
                left join usage_of_customer using (customer_id)
                left join billed using (customer_id)
                left join paid using (customer_id)
                left join contacts using (customer_id)
            ) to '{target}' (format parquet)
        """)


if __name__ == "__main__":
    typer.run(main)
