"""Source checks as Dagster asset checks: one per check and raw table, evaluated in the step that loads."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from orchestration.ingest import LoadReport
from orchestration.lake import quarantine
from orchestration.lake.contract import load_contract
from orchestration.source_checks import CHECKS, Outcome, said


def check_specs() -> list[dg.AssetCheckSpec]:
    """Return the specs; a failed check stops later steps only if the settings say block."""
    return [
        dg.AssetCheckSpec(check.name, asset=["raw", table], description=check.description, blocking=True)
        for check in CHECKS
        for table in check.tables
        if table in load_contract()
    ]


def check_results(outcomes: Sequence[Outcome]) -> Iterator[dg.AssetCheckResult]:
    """Yield a result for every spec; a check that was not evaluated passes and says so."""
    made = {(each.source_table, each.check_name): each for each in outcomes}
    for spec in check_specs():
        outcome = made.get((spec.asset_key.path[-1], spec.name))
        found: dict[str, Any] = {}
        if outcome is not None and outcome.value is not None:
            found = {"found": outcome.value, "allowed": str(outcome.limits)}
        yield dg.AssetCheckResult(
            asset_key=spec.asset_key,
            check_name=spec.name,
            passed=outcome is None or outcome.passed,
            severity=dg.AssetCheckSeverity.ERROR
            if outcome is not None and outcome.action == "block"
            else dg.AssetCheckSeverity.WARN,
            description=said(outcome) if outcome else "Skipped: disabled, not mapped, or nothing loaded yet.",
            metadata=found,
        )


def metadata(
    report: LoadReport, in_quarantine: Sequence[Sequence[Any]], outcomes: Sequence[Outcome]
) -> dict[str, dg.MetadataValue | int | float]:
    """Return what the UI shows and plots over time: one table's load, and its whole quarantine."""
    share = next(
        (each.value for each in outcomes
         if (each.source_table, each.check_name) == (report.table, "quarantine_share") and each.value is not None),
        0.0,
    )  # fmt: skip
    return {
        "dagster/row_count": report.rows_in_table,
        "files_new": report.files_new,
        "files_known": report.files_known,
        "rows_read": report.rows_read,
        "rows_accepted": report.rows_accepted,
        "rows_quarantined": report.rows_quarantined,
        "rows_duplicate": report.rows_duplicate,
        "rows_superseded": report.rows_superseded,
        "rows_deleted": report.rows_deleted,
        "rows_in_quarantine": sum(row[3] for row in in_quarantine),
        "quarantine_share": share,
        "quarantine": dg.MetadataValue.md(quarantine.as_markdown(in_quarantine)),
        "seconds": report.seconds,
    }
