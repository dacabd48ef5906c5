"""Making the checks after a load, storing their outcomes, and stopping if one blocks."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest import LoadReport
from orchestration.lake.contract import Table, load_contract
from orchestration.settings import Settings
from orchestration.source_checks.accounting import ACCOUNTING
from orchestration.source_checks.attribute_checks import ATTRIBUTES
from orchestration.source_checks.check import Check, Limits, Outcome, limits_of, measure, require_known_tables
from orchestration.source_checks.growth_checks import GROWTH
from orchestration.source_checks.history_checks import HISTORY
from orchestration.source_checks.money_checks import MONEY
from orchestration.source_checks.reference_checks import REFERENCES
from orchestration.source_checks.scope import Scope
from orchestration.source_checks.usage_checks import LIFE, PREPARE, PREPARED, USAGE

CHECKS: tuple[Check, ...] = (*ACCOUNTING, *USAGE, *LIFE, *HISTORY, *GROWTH, *MONEY, *REFERENCES, *ATTRIBUTES)
BY_NAME = {check.name: check for check in CHECKS}


def check_sources(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    reports: Sequence[LoadReport],
    checked_at: datetime,
    run_id: str | None = None,
) -> list[Outcome]:
    """Make every check of the mapped tables and store the outcomes in ``ops.source_checks``.

    Args:
        connection: a writer.
        settings: limits and actions.
        reports: what the ingestion just did.
        checked_at: now, UTC without a zone.
        run_id: the Dagster run, if any.

    Raises:
        SettingsError: limits name a table that does not exist.
    """
    contract = load_contract()
    require_known_tables(settings, contract)
    mapped = {name: table for name, table in contract.items() if name in settings.sources}
    before = {(each.source_table, each.check_name): each for each in latest(connection)}
    last_load = _last_load(connection)
    scope = Scope.of(connection, settings, mapped, checked_at, last_load)
    loaded = {report.table: report for report in reports if report.files_new}

    outcomes: list[Outcome] = []
    for check, table in _to_make(mapped.values(), settings):
        limits = limits_of(check.name, table.name, settings)
        known = before.get((table.name, check.name))
        stands = known and Outcome(table.name, check.name, known.value, limits, known.message)
        if table.name not in loaded and (check.is_of_load or _is_enough(check, stands)):
            outcomes.extend(filter(None, [stands]))
            continue
        outcomes.append(_make(connection, check, table, limits, scope, loaded.get(table.name)))
    connection.execute(f"drop table if exists temp.{PREPARED}")
    _keep(connection, outcomes, checked_at, run_id)
    return outcomes


def _is_enough(check: Check, stands: Outcome | None) -> bool:
    """Whether the result of the last load can be reused; a blocking one cannot, as changed settings may fix it."""
    return check.is_costly and stands is not None and not stands.blocks


def latest(connection: duckdb.DuckDBPyConnection) -> list[Outcome]:
    """Return the outcomes of the most recent checks; empty if none were made."""
    rows = connection.execute(
        """
        select source_table, check_name, value, action, minimum, maximum, message from ops.source_checks
        where checked_at = (select max(checked_at) from ops.source_checks)
        order by all
        """
    ).fetchall()
    return [
        Outcome(table, name, value, Limits(action, minimum, maximum), message)
        for table, name, value, action, minimum, maximum, message in rows
    ]


def require_sound_sources(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Refuse to continue with sources that a check blocks: the stored numbers, judged by the current settings.

    Quarantine is counted again, at no cost, because a load may have stopped before its checks were made.

    Raises:
        SourceError: says what was found and what to do about it.
    """
    outcomes = [
        Outcome(each.source_table, each.check_name, each.value, limits, each.message)
        for each in latest(connection)
        if each.check_name in BY_NAME
        and each.check_name != "quarantine_share"
        and each.source_table in settings.sources
        for limits in [limits_of(each.check_name, each.source_table, settings)]
    ]
    share = BY_NAME["quarantine_share"]
    parameters = {"recent_days": settings.checks.recent_days, "day_rows": settings.checks.quarantine_day_rows}
    for table in settings.sources:
        limits = limits_of(share.name, table, settings)
        outcomes.append(_judged(connection, share, load_contract()[table], limits, parameters))
    raise_if_blocked(outcomes)


def raise_if_blocked(outcomes: Collection[Outcome]) -> None:
    """Stop if a check blocks.

    Raises:
        SourceError: says what was found and what to do about it.
    """
    blocking = [each for each in outcomes if each.blocks]
    if blocking:
        listed = "\n".join(f"  raw.{each.source_table}, {each.check_name}: {said(each)}" for each in blocking)
        raise SourceError(
            "Nothing was segmented, because source checks failed. Good rows are loaded, bad rows are"
            f" in quarantine, and published versions stay as they are.\n{listed}"
        )


def warnings(outcomes: Collection[Outcome]) -> list[str]:
    """Return a sentence for each check that warns."""
    return [
        f"Warning: raw.{each.source_table}, {each.check_name}: {said(each)}"
        for each in outcomes
        if not each.passed and not each.blocks
    ]


def tally(outcomes: Collection[Outcome], settings: Settings) -> str:
    """Say how many checks passed, and which were skipped because the tables they compare are not mapped."""
    passed = sum(each.passed for each in outcomes)
    mapped = settings.sources.keys()
    left_out = [check.name for check in CHECKS if not (mapped & set(check.tables) and mapped >= set(check.needs))]
    return f"Source checks: {passed} of {len(outcomes)} passed." + (
        f" Skipped, as their tables are not mapped: {', '.join(sorted(left_out))}." if left_out else ""
    )


def said(outcome: Outcome) -> str:
    """Return what was found and, if the check failed, the limits and what to do."""
    if outcome.passed:
        return outcome.message
    return f"{outcome.message} Allowed: {outcome.limits}. {advice_of(outcome)}"


def _to_make(mapped: Collection[Table], settings: Settings) -> list[tuple[Check, Table]]:
    names = {table.name for table in mapped}
    is_monthly = settings.features.usage_granularity == "month"
    return [
        (check, table)
        for check in CHECKS
        for table in mapped
        if table.name in check.tables
        and names.issuperset(check.needs)
        and not (check.is_of_days and is_monthly and table.name == "usage")
        and limits_of(check.name, table.name, settings).action != "off"
    ]


def _make(
    connection: duckdb.DuckDBPyConnection,
    check: Check,
    table: Table,
    limits: Limits,
    scope: Scope,
    report: LoadReport | None,
) -> Outcome:
    if scope.newest[table.name] is None and check not in ACCOUNTING:
        return Outcome(table.name, check.name, None, limits, "The table is empty.")
    parameters = scope.parameters(table.name, report) | {"source_table": table.name}
    if PREPARED in check.sql:
        _prepare(connection, parameters)
    if check.find is not None:
        value, message = check.find(connection, scope.settings, parameters)
        return Outcome(table.name, check.name, value, limits, message)
    return _judged(connection, check, table, limits, parameters)


def _judged(
    connection: duckdb.DuckDBPyConnection, check: Check, table: Table, limits: Limits, parameters: Mapping[str, Any]
) -> Outcome:
    value, message = measure(connection, check, table.name, f'"{table.time_column}"', parameters)
    if check.details is not None and not limits.hold(value):
        message = f"{message} {check.details(connection, table.name)}"
    return Outcome(table.name, check.name, value, limits, message)


def _prepare(connection: duckdb.DuckDBPyConnection, parameters: Mapping[str, Any]) -> None:
    """Aggregate the recent usage, once for all checks that need it."""
    made = connection.execute(
        "select 1 from information_schema.tables where table_catalog = 'temp' and table_name = ?", [PREPARED]
    ).fetchall()
    if not made:
        connection.execute(PREPARE, {name: each for name, each in parameters.items() if f"${name}" in PREPARE})


def _last_load(connection: duckdb.DuckDBPyConnection) -> int:
    query = "select coalesce(max(last_load_id), 0) from ops.source_checks"
    return int(connection.execute(query).fetchall()[0][0])


def _keep(
    connection: duckdb.DuckDBPyConnection, outcomes: Sequence[Outcome], checked_at: datetime, run_id: str | None
) -> None:
    if not outcomes:
        return
    last_load = connection.execute("select coalesce(max(load_id), 0) from ops.loads").fetchall()[0][0]
    rows = [
        [
            checked_at, run_id, last_load, each.source_table, each.check_name, each.passed, each.action,
            each.value, each.limits.minimum, each.limits.maximum, each.message, advice_of(each),
        ]
        for each in outcomes
    ]  # fmt: skip
    # One statement, because each is a separate write to the lake.
    placeholders = ", ".join([f"({', '.join('?' * len(rows[0]))})"] * len(rows))
    connection.execute(
        "insert into ops.source_checks (checked_at, run_id, last_load_id, source_table, check_name, passed, action,"
        f" value, minimum, maximum, message, advice) values {placeholders}",
        [value for row in rows for value in row],
    )


def advice_of(outcome: Outcome) -> str | None:
    """Return what to do about a failed check, None for one that passed."""
    if outcome.passed:
        return None
    return BY_NAME[outcome.check_name].remedy.replace("{table}", outcome.source_table)
