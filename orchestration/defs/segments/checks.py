"""Blocking checks: a candidate that fails one is never published."""

from collections.abc import Iterator

import dagster as dg

from orchestration.dagster_support.deployment import MONTHS, WRITER_POOL, Deployment
from orchestration.dagster_support.segment_assets import candidates_of
from orchestration.lake.warehouse import transaction
from orchestration.segments.checks import CANDIDATE_CHECKS, count_rows, run_check
from orchestration.segments.versions import record_outcome


@dg.multi_asset_check(
    name="candidate_checks",
    specs=[
        dg.AssetCheckSpec(
            check.name,
            asset=["segments", "customer_segments"],
            blocking=True,
            description=check.description,
            partitions_def=MONTHS,
        )
        for check in CANDIDATE_CHECKS
    ],
    pool=WRITER_POOL,
)
def candidate_checks(context: dg.AssetCheckExecutionContext, deployment: Deployment) -> Iterator[dg.AssetCheckResult]:
    """Check every open candidate and store the outcome in the registry."""
    failures: dict[str, list[str]] = {check.name: [] for check in CANDIDATE_CHECKS}
    with deployment.warehouse.writer() as connection:
        for candidate in candidates_of(context, connection):
            # In one transaction: each new one would reread the catalog.
            with transaction(connection):
                outcomes = [run_check(connection, check, candidate) for check in CANDIDATE_CHECKS]
                rows = count_rows(connection, candidate.version_id)
                record_outcome(connection, candidate.version_id, rows, outcomes)
            for outcome in outcomes:
                if not outcome["passed"]:
                    failures[outcome["name"]].append(
                        f"{candidate.version_id}: found {outcome['found']}, expected {outcome['expected']}"
                    )
    for check in CANDIDATE_CHECKS:
        yield dg.AssetCheckResult(
            check_name=check.name,
            asset_key=["segments", "customer_segments"],
            passed=not failures[check.name],
            metadata={"failures": "; ".join(failures[check.name]) or "none"},
        )
