"""A day of many customers: ``python -m benchmarks.actions_volume --customers 1000000``.

A lake with customers, contracts, two months of daily usage and a year of bills and payments; then the facts of a day
(dbt), its triggers and its decisions, each timed. As at night, the day before is looked at again.
"""

import resource
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.rules_volume import RUN, dbt
from orchestration.actions.decisions import decide
from orchestration.actions.tables import set_days
from orchestration.actions.triggers import find_triggers
from orchestration.dagster_support.action_days import days_of
from orchestration.dagster_support.dbt import parsed_manifest
from orchestration.dagster_support.dbt_assets import of_the_workspace
from orchestration.lake.migrations import migrate
from orchestration.lake.run_scope import set_scope
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import Settings, WarehouseSettings

DAY, MONTH = date(2025, 12, 10), date(2025, 11, 30)

# Hashes stand for chance.
_BASE = (
    """
    insert into raw.customers by name
    select 'C' || lpad(i::varchar, 8, '0') as customer_id, 'person' as customer_type,
        date '2018-01-01' + (hash(i) % 2800)::integer as created_date, (1940 + hash(i, 1) % 65)::integer as birth_year,
        hash(i, 2) % 4 > 0 as marketing_consent, hash(i, 3) % 50 = 0 as do_not_contact
    from range($customers) as numbers(i)
    """,
    """
    insert into raw.contracts by name
    select 'K' || customer_id as contract_id, customer_id, created_date as start_date, created_date as valid_from_date,
        'NET' as product_code, 'internet' as product_family, 20 + hash(customer_id) % 60 as monthly_fee,
        if(hash(customer_id, 4) % 8 = 0, date '2024-06-01' + (hash(customer_id, 5) % 200)::integer, null) as end_date,
        if(hash(customer_id, 6) % 2 = 0, date '2025-12-01' + (hash(customer_id, 7) % 720)::integer, null)
            as committed_until_date,
        if(hash(customer_id, 8) % 3 = 0, 200, null) as data_cap_gb, 5 as discount_amount,
        date '2025-06-01' + (hash(customer_id, 9) % 720)::integer as discount_until_date
    from raw.customers
    """,
    """
    insert into raw.usage by name
    select contract_id, date '2025-10-15' + day::integer as usage_date,
        (hash(contract_id, day) % 16000000000)::bigint as bytes_down, 100000000 as bytes_up
    from raw.contracts, range(56) as days(day) where end_date is null
    """,
    """
    insert into raw.invoices by name
    select contract_id || '-' || month as invoice_id, customer_id,
        (date '2024-12-01' + month::integer * interval 1 month)::date as invoice_date,
        (date '2024-12-15' + month::integer * interval 1 month)::date as due_date,
        (date '2024-12-01' + month::integer * interval 1 month)::date as period_start,
        (date '2024-12-28' + month::integer * interval 1 month)::date as period_end,
        monthly_fee as net_amount, 0 as tax_amount, 'EUR' as currency
    from raw.contracts, range(13) as months(month) where end_date is null
    """,
    """
    insert into raw.payments by name
    select 'P' || invoice_id as payment_id, customer_id, due_date - 3 as paid_date, net_amount as amount,
        if(hash(invoice_id) % 60 = 0, 'failed', 'settled') as status, invoice_id
    from raw.invoices where due_date - 3 <= date '2025-12-10' and hash(invoice_id, 1) % 80 > 0
    """,
    """
    insert into segments.customer_segments by name
    select '2025-11-30.1' as version_id, date '2025-11-30' as as_of_date, customer_id, hash(customer_id, 4) % 8 > 0 as
        is_open, 'consumer' as market_segment, 'mature' as lifecycle_stage, 12 as expected_monthly_margin,
        400 as future_value_36m, (hash(customer_id, 10) % 400) / 1000.0 as churn_probability_12m
    from raw.customers
    """,
)


def prepare(settings: Settings, customers: int) -> None:
    """Make a lake of so many customers, with a published month before the day."""
    with Warehouse(settings.warehouse).writer() as connection:
        migrate(connection)
        set_scope(connection, RUN, {MONTH: f"{MONTH}.1"})
    dbt(settings, "build")
    with Warehouse(settings.warehouse).writer() as connection:
        for number, statement in enumerate(_BASE):
            connection.execute(statement, {"customers": customers} if number == 0 else None)
        connection.execute(
            "insert into segments.versions (version_id, as_of_date, revision, status) values (?, ?, 1, 'published')",
            [f"{MONTH}.1", MONTH],
        )
        set_days(connection, RUN, days_of(DAY, settings.actions.recheck_days))


def cpu_seconds() -> float:
    """Return what this process and those that it waited for have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def slowest(seconds: Mapping[str, float]) -> dict[str, float]:
    """Return the models that took longest."""
    return {name: round(seconds[name], 1) for name in sorted(seconds, key=lambda name: -seconds[name])[:6]}


def main(
    customers: Annotated[int, typer.Option(min=1_000)] = 1_000_000,
    threads: Annotated[int, typer.Option(min=1)] = 2,
    folder: Annotated[Path, typer.Option(help="An existing folder to work in.")] = Path("/tmp"),
) -> None:
    """Print the seconds of each step, by the clock and of the processors."""
    table = Table("step", "seconds", "CPU seconds", "found")

    with TemporaryDirectory(dir=folder) as name:
        warehouse = WarehouseSettings(path=Path(name) / "warehouse", threads=threads)
        settings = Settings(warehouse=warehouse)

        def timed(step: str, work: Callable[[], Any]) -> None:
            started, used = time.monotonic(), cpu_seconds()
            found = work()
            seconds = time.monotonic() - started
            table.add_row(step, f"{seconds:.1f}", f"{cpu_seconds() - used:.1f}", str(found)[:600])

        models = of_the_workspace(parsed_manifest(settings), "actions")
        timed("make the lake", lambda: prepare(settings, customers))
        timed("facts of the days (dbt)", lambda: slowest(dbt(settings, "run", *models)))
        with Warehouse(settings.warehouse).writer() as connection:
            actions = settings.actions
            timed(
                "triggers", lambda: find_triggers(connection, actions.triggers, days_of(DAY, actions.recheck_days), DAY)
            )
            timed("decisions", lambda: decide(connection, actions, DAY))
    Console(width=150).print(table)


if __name__ == "__main__":
    typer.run(main)
