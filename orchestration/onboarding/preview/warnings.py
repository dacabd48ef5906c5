"""Warnings about the samples: figures that are possible, and more likely a mistake of the mapping.

Those of the source checks that mean something on a sample are made as after a load, within the limits of the settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb

from orchestration.lake.contract import load_contract
from orchestration.months import as_of_date, month_of, operators_day
from orchestration.onboarding.preview.findings import ENDINGS, TableCheck
from orchestration.settings import Settings
from orchestration.source_checks import Outcome, said
from orchestration.source_checks.check import Check, limits_of, measure
from orchestration.source_checks.endings import look_at_endings
from orchestration.source_checks.run import BY_NAME
from orchestration.source_checks.usage_checks import PREPARE, PREPARED

_OF_A_SAMPLE = ("upload_share", "sold_mbps", "attributes_unlike_settings")
# A sample is judged whole, whatever days it is of.
_ALWAYS = {"recent_start": date.min, "table_newest": date.max}


@dataclass(frozen=True)
class _Doubt:
    """Rows of a sample that are possible and more likely a mistake, and what they suggest.

    ``condition`` is about a row of ``rows``; more than ``above`` of them (a share) must hold it. ``row`` is SQL of what
    to show of the first such row. Every row of ``of_all``, a table, must have been looked at.
    """

    table: str
    condition: str
    row: str
    says: str
    rows: str = ""
    above: float = 0.0
    of_all: str = ""


_AFTER_END = """
    (select facts.*, ends.end_date from raw.{table} as facts inner join
        (select {key}, max(coalesce(end_date, date '9999-12-31')) as end_date from raw.contracts group by all) as ends
        using ({key}))
"""
_BILLED = """
    (with billed as (select distinct customer_id from raw.invoices),
     holders as (select distinct customer_id from raw.contracts),
     sites as (select parent_customer_id as customer_id, min(customer_id) as site_id
               from raw.customers semi join holders using (customer_id) group by all)
     select billed.*, sites.site_id, holders.customer_id is null as has_no_contract
     from billed left join holders using (customer_id) left join sites using (customer_id))
"""
_OF_LINES = r"""
    (select payments.payment_id, payments.invoice_id, min(lines.invoice_id) as line_id
     from (from raw.payments where invoice_id is not null and invoice_id not in (select invoice_id from raw.invoices))
        as payments
     left join (select *, regexp_extract(invoice_id, '^(.+)[^0-9A-Za-z]\w{1,4}$', 1) as bill_id from raw.invoices)
        as lines on payments.invoice_id = lines.bill_id
     group by all)
"""
# Ended contracts, with the one that follows if the end is the last day served and not the first day without service.
_ENDED = """
    (with ended as materialized (
        select contract_id, customer_id, max(end_date) as end_date from raw.contracts group by all
        having max(end_date) < date '9999-01-01'),
     started as (select customer_id, start_date, min(contract_id) as next_id from raw.contracts group by all)
     select ended.*, started.next_id from ended left join started
        on ended.customer_id = started.customer_id and ended.end_date + 1 = started.start_date
     where (select count(*) from ended) >= 20)
"""
_LAST_DAY = "end_date is the first day without service, so add a day if the source gives the last day served"
# What databases and spreadsheets write for a day that is missing: their first day, or that of Unix.
_STAND_INS = "'0001-01-01', '1753-01-01', '1899-12-30', '1899-12-31', '1900-01-01', '1901-01-01', '1970-01-01'"
_DOUBTS = (
    _Doubt(
        "contracts",
        "next_id is not null",
        "contract_id || ' on ' || end_date || ', followed by ' || next_id",
        f"end the day before another contract of the customer begins: {_LAST_DAY}",
        rows=_ENDED,
        above=0.05,
    ),
    _Doubt(
        "contracts",
        "end_date = last_day(end_date)",
        "contract_id || ' on ' || end_date",
        f"end on the last day of a month: {_LAST_DAY}",
        rows=_ENDED,
        above=0.5,
    ),
    _Doubt(
        "contracts",
        "end_date < start_date",
        "contract_id || ' from ' || start_date || ' to ' || end_date",
        "end before they start",
    ),
    _Doubt(
        "contracts",
        f"start_date in ({_STAND_INS})",
        "contract_id || ' on ' || start_date",
        "start on a day that usually stands for an unknown one, and count as customers of that age: map a day on which"
        " they were certainly served, such as that of the first bill",
    ),
    _Doubt(
        "contracts",
        "discount_amount > monthly_fee",
        "contract_id || ' with ' || discount_amount || ' off ' || monthly_fee",
        "have a discount above their fee: is discount_amount a percentage, or the price after it?",
    ),
    _Doubt(
        "contracts",
        "most_of_day > 0.5 * endings and endings >= 20",
        "most_of_day || ' of ' || endings || ' on ' || end_date",
        "days has more than half of all endings: is it the day of a migration, or of the export?",
        rows="""
            (with ended as (select end_date from raw.contracts where end_date < date '9999-01-01')
             select end_date, count(*) as most_of_day, (select count(*) from ended) as endings
             from ended group by end_date)
        """,
    ),
    _Doubt(
        "usage",
        "usage_date >= end_date",
        "contract_id || ' on ' || usage_date || ', ended ' || end_date",
        "are dated on or after the end of their contract",
        rows=_AFTER_END.format(table="usage", key="contract_id"),
        above=0.01,
    ),
    _Doubt(
        "invoices",
        "coalesce(period_start, invoice_date) >= end_date",
        "invoice_id || ' for ' || period_start || ', ended ' || end_date",
        "are for a time after the last contract of the customer has ended",
        rows=_AFTER_END.format(table="invoices", key="customer_id"),
        above=0.01,
    ),
    _Doubt(
        "invoices",
        "period_end < period_start",
        "invoice_id || ' for ' || period_start || ' to ' || period_end",
        "end their period before it starts; such a bill counts on its own day",
    ),
    _Doubt(
        "invoices",
        "due_date < invoice_date",
        "invoice_id || ' of ' || invoice_date || ', due ' || due_date",
        "are due before they are issued: are invoice_date and due_date swapped?",
        above=0.5,
    ),
    _Doubt(
        "invoices",
        "net_amount > 0 and tax_amount > net_amount",
        "invoice_id || ' with ' || tax_amount || ' on ' || net_amount",
        "have more tax than net amount: is tax_amount the gross amount?",
        above=0.5,
    ),
    _Doubt(
        "invoices",
        "has_no_contract",
        "customer_id || coalesce(', to which ' || site_id || ' with a contract belongs', '')",
        "customers with bills have no contract: if one account is billed for several, give their contracts the"
        " customer_id that is billed",
        rows=_BILLED,
        above=0.3,
        of_all="contracts",
    ),
    _Doubt(
        "payments",
        "line_id is not null",
        "payment_id || ' for ' || invoice_id || ', of which ' || line_id || ' is a line'",
        "name bills whose lines are the invoices: add the lines up by bill, or the bills stay unpaid",
        rows=_OF_LINES,
        above=0.1,
    ),
    _Doubt(
        "service_quality",
        "packet_loss_ratio > 1",
        "contract_id || ' with ' || packet_loss_ratio",
        "have a packet_loss_ratio above 1: is it in percent?",
    ),
)
# Starts may lie ahead, and so may planned ends.
_NEWEST = """
    select least(max(greatest(start_date, coalesce(end_date, start_date))), $today) from raw.contracts
"""
# A sample rarely has a contract's whole month, so what a day comes to stands for it.
_USAGE_OF_DAYS = """
    select median(bytes_down + bytes_up) * 30 / 1e9 as value from raw.usage where bytes_down + bytes_up > 0
"""


def warn(
    connection: duckdb.DuckDBPyConnection, settings: Settings, checks: Mapping[str, TableCheck], sample_rows: int
) -> None:
    """Add what the samples in ``raw``, of up to ``sample_rows`` each, give reason to doubt."""
    connection.execute(PREPARE, _ALWAYS)
    for name in _OF_A_SAMPLE:
        for table in BY_NAME[name].tables:
            if checks[table].accepted:
                _make(connection, settings, BY_NAME[name], checks[table])
    connection.execute(f"drop table temp.{PREPARED}")
    if checks["usage"].accepted and settings.features.usage_granularity == "day":
        _doubt_volume(connection, settings, checks["usage"])
    if checks["contracts"].accepted:
        _tell_window(connection, settings, checks["contracts"], is_whole=checks["contracts"].is_whole(sample_rows))
    for doubt in _DOUBTS:
        check = checks[doubt.table]
        if not check.accepted or (doubt.of_all and not checks[doubt.of_all].is_whole(sample_rows)):
            continue
        count, rows, example = connection.execute(f"""
            select count(*) filter ({doubt.condition}), count(*), min({doubt.row}) filter ({doubt.condition})
            from {doubt.rows or f"raw.{doubt.table}"}
        """).fetchall()[0]
        if count > doubt.above * rows:
            check.warnings.append(f"{count:,} of {rows:,} {doubt.says} (for example {example}).")


def _tell_window(
    connection: duckdb.DuckDBPyConnection, settings: Settings, check: TableCheck, *, is_whole: bool
) -> None:
    """Say from when on the contracts looked at have their endings on record.

    That there are none is said only if all were looked at: the beginning of a table may hold the states before the end.
    """
    today = operators_day(datetime.now(UTC), settings.schedule.timezone)
    newest = connection.execute(_NEWEST, {"today": today}).fetchall()[0][0]
    if newest is None:
        return
    window = look_at_endings(connection, as_of_date(month_of(newest)), settings.observation)
    if not (window.is_learnable_ or is_whole):
        return
    told = check.notes if window.is_learnable_ else check.warnings
    told.append(f"{ENDINGS}{window.decision_}")


def _make(connection: duckdb.DuckDBPyConnection, settings: Settings, made: Check, check: TableCheck) -> None:
    limits = limits_of(made.name, check.table, settings)
    date_column = load_contract()[check.table].time_column
    if made.find is not None:
        value, message = made.find(connection, settings, {"source_table": check.table})
    else:
        value, message = measure(connection, made, check.table, f'"{date_column}"', _ALWAYS)
    outcome = Outcome(check.table, made.name, value, limits, message)
    if limits.action != "off" and not outcome.passed:
        check.warnings.append(said(outcome))


def _doubt_volume(connection: duckdb.DuckDBPyConnection, settings: Settings, check: TableCheck) -> None:
    limits = limits_of("usage_gb_month", "usage", settings)
    value = connection.execute(_USAGE_OF_DAYS).fetchall()[0][0]
    if limits.action != "off" and not limits.hold(value):
        check.warnings.append(
            f"at a median day's rate a contract would have {value:,.3g} GB a month; allowed: {limits}. "
            f"{BY_NAME['usage_gb_month'].remedy}"
        )
