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

_OF_A_SAMPLE = ("upload_share", "sold_mbps")
# A sample is judged whole, whatever days it is of.
_ALWAYS = {"recent_start": date.min, "table_newest": date.max}


@dataclass(frozen=True)
class _Doubt:
    """A condition on the accepted rows of a sample, and what it suggests."""

    table: str
    sql: str
    says: str


_DOUBTS = (
    _Doubt(
        "contracts",
        "select count(*) filter (end_date < start_date) > 0 from raw.contracts",
        "some contracts end before they start.",
    ),
    _Doubt(
        "invoices",
        "select median(due_date - invoice_date) < 0 from raw.invoices",
        "most invoices are due before they are issued: are invoice_date and due_date swapped?",
    ),
    _Doubt(
        "invoices",
        "select median(tax_amount) > median(net_amount) from raw.invoices where net_amount > 0",
        "tax is more than the net amount: is tax_amount the gross amount?",
    ),
    _Doubt(
        "service_quality",
        "select max(packet_loss_ratio) > 1 from raw.service_quality",
        "packet_loss_ratio is above 1: is it in percent?",
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


def warn(connection: duckdb.DuckDBPyConnection, settings: Settings, checks: Mapping[str, TableCheck]) -> None:
    """Add what the samples in ``raw`` give reason to doubt."""
    connection.execute(PREPARE, _ALWAYS)
    for name in _OF_A_SAMPLE:
        for table in BY_NAME[name].tables:
            if checks[table].accepted:
                _make(connection, settings, BY_NAME[name], checks[table])
    connection.execute(f"drop table temp.{PREPARED}")
    if checks["usage"].accepted:
        _doubt_volume(connection, settings, checks["usage"])
    if checks["contracts"].accepted:
        _tell_window(connection, settings, checks["contracts"])
    for doubt in _DOUBTS:
        check = checks[doubt.table]
        if check.accepted and connection.execute(doubt.sql).fetchall()[0][0]:
            check.warnings.append(doubt.says)


def _tell_window(connection: duckdb.DuckDBPyConnection, settings: Settings, check: TableCheck) -> None:
    """Say from when on the contracts looked at have their endings on record."""
    today = operators_day(datetime.now(UTC), settings.schedule.timezone)
    newest = connection.execute(_NEWEST, {"today": today}).fetchall()[0][0]
    if newest is None:
        return
    window = look_at_endings(connection, as_of_date(month_of(newest)), settings.observation)
    told = check.notes if window.is_learnable_ else check.warnings
    told.append(f"{ENDINGS}{window.decision_}")


def _make(connection: duckdb.DuckDBPyConnection, settings: Settings, made: Check, check: TableCheck) -> None:
    limits = limits_of(made.name, check.table, settings)
    date_column = load_contract()[check.table].time_column
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
