"""What real systems keep of the past, less than all: finished source files with parts of it taken away again.

The truth stays whole. Each loss is what an export shows years later, and no bad row: files still keep their contract.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from simulator.dirt import TABLES, reader
from simulator.months import Window
from simulator.parameters import SimulationParameters
from simulator.randomness import Draws
from simulator.write import Writer

# One row per contract that is still on file, with the day its customer was gone and the day its own end was booked.
_KEPT = """
create temp table kept as
with contract_ends as (
    select contract_id, customer_id, max(end_date::date) as end_date
    from {contracts}
    group by contract_id, customer_id
),

customer_ends as (
    select
        *,
        max(coalesce(end_date, date 'infinity')) over (partition by customer_id) as gone_date,
        (1 + hash(customer_id, end_date, getvariable('booking_key'))) / 18446744073709551616.0 as chance
    from contract_ends
)

select
    contract_id,
    customer_id,
    gone_date,
    end_date + cast(-getvariable('booking_delay_days') * ln(chance) as integer) as booked_date,
    coalesce(end_date, date 'infinity') >= getvariable('labels_recorded_from') as has_labels
from customer_ends
where
    gone_date >= getvariable('purged_before')
    and coalesce(end_date, date 'infinity') > getvariable('migrated_on')
"""

# Of the states before a migration the one in force is what was taken along, and it began that day.
_CONTRACTS = """
select file.* replace (
    greatest(file.start_date::date, getvariable('migrated_on')) as start_date,
    greatest(file.valid_from_date::date, getvariable('migrated_on')) as valid_from_date,
    case when kept.has_labels then file.term_months end as term_months,
    case when kept.has_labels then file.committed_until_date end as committed_until_date,
    case when file.reseller_customer_id in (select customer_id from kept) then file.reseller_customer_id end
        as reseller_customer_id
)
from {file} as file
inner join kept using (contract_id)
where file.end_date is null or (
    file.end_date::date >= getvariable('endings_recorded_from') and kept.booked_date <= getvariable('last_day')
)
qualify file.valid_from_date::date >= coalesce(
    max(file.valid_from_date::date) filter (where file.valid_from_date::date <= getvariable('migrated_on'))
        over (partition by contract_id),
    date '-infinity'
)
"""

_CUSTOMERS = """
select file.* replace (
    greatest(file.created_date::date, getvariable('migrated_on')) as created_date,
    case when parent_customer_id in (select customer_id from kept) then parent_customer_id end as parent_customer_id,
    case when employer_customer_id in (select customer_id from kept) then employer_customer_id end
        as employer_customer_id,
    case when kept.gone_date >= getvariable('labels_recorded_from') then employee_count end as employee_count,
    case when kept.gone_date >= getvariable('labels_recorded_from') then annual_revenue end as annual_revenue,
    case when kept.gone_date >= getvariable('labels_recorded_from') then industry_code end as industry_code,
    case when kept.gone_date >= getvariable('labels_recorded_from') then industry_scheme end as industry_scheme,
    case when kept.gone_date >= getvariable('labels_recorded_from') then legal_form end as legal_form
)
from {file} as file
inner join (select distinct customer_id, gone_date from kept) as kept using (customer_id)
"""

_OF_CONTRACT = "select * from {file} semi join kept using (contract_id)"
_OF_CUSTOMER = "select * from {file} semi join kept using (customer_id)"
_QUERIES = {
    "contracts": _CONTRACTS,
    "customers": _CUSTOMERS,
    "usage": _OF_CONTRACT,
    "service_quality": _OF_CONTRACT,
    "invoices": _OF_CUSTOMER,
    "payments": _OF_CUSTOMER,
    "interactions": _OF_CUSTOMER,
}


def forget(parameters: SimulationParameters, connection: duckdb.DuckDBPyConnection, source: Writer) -> dict[str, int]:
    """Rewrite finished source files as `parameters.history` says; return the rows left of each table."""
    history, window = parameters.history, Window.of(parameters)
    for name in ("purged_before", "endings_recorded_from", "migrated_on", "labels_recorded_from"):
        day = getattr(history, name) or "-infinity"
        connection.execute(f"set variable {name} = date '{day}'")
    connection.execute(f"set variable last_day = date '1970-01-01' + {window.last_day}")
    connection.execute(f"set variable booking_delay_days = {history.booking_delay_days}::double")
    connection.execute(f"set variable booking_key = {Draws(parameters.seed).key('booking delay')}::ubigint")
    connection.execute(_KEPT.format(contracts=reader(source.file_format)(source.path("contracts"))))
    rows = {}
    for name, query in _QUERIES.items():
        months = window.months if TABLES[name].is_monthly else (None,)
        rows[name] = sum(_rewrite(connection, source, source.path(name, month), query, name) for month in months)
    return rows


def _rewrite(connection: duckdb.DuckDBPyConnection, source: Writer, path: Path, query: str, name: str) -> int:
    rewritten = path.with_suffix(".rewritten")
    left = query.format(file=reader(source.file_format)(path))
    options = "format parquet, compression zstd" if source.file_format == "parquet" else "format csv, header"
    order = ", ".join(TABLES[name].key)
    copied = connection.execute(f"copy (from ({left}) order by {order}) to '{rewritten}' ({options})").fetchone()
    rewritten.replace(path)
    return int(copied[0]) if copied else 0
