"""The registry of versions: where a run opens the candidates it will fill."""

from datetime import UTC, datetime

import dagster as dg

from orchestration.actions.tables import ensure_action_tables
from orchestration.dagster_support.dbt import code_version
from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, OWNERS, WRITER_POOL, Deployment
from orchestration.dagster_support.progress import tell
from orchestration.dagster_support.segment_assets import column_metadata
from orchestration.months import as_of_date
from orchestration.segments.tables import ensure_segment_tables
from orchestration.segments.versions import INPUTS, Provenance, open_candidates


@dg.asset(
    key=["segments", "versions"],
    group_name="segments",
    kinds={"duckdb", "table"},
    owners=OWNERS,
    code_version="1",
    metadata=column_metadata("versions"),
    deps=[[schema, table] for schema, tables in INPUTS.items() for table in tables],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    pool=WRITER_POOL,
)
def versions(context: dg.AssetExecutionContext, deployment: Deployment) -> dg.MaterializeResult:
    """One row a version: status, provenance, row counts and checks. A run opens its candidates here.

    A month whose inputs, settings, code and predecessor are those of its latest version gets no candidate, and
    everything after this asset leaves it alone.
    """
    days = [as_of_date(month) for month in context.partition_keys]
    made_by = Provenance(context.run.run_id, code_version(), deployment.settings.semantic_hash())
    with deployment.warehouse.writer() as connection:
        ensure_segment_tables(connection)
        # The bi views read them, also where no day has been decided yet.
        ensure_action_tables(connection)
        opened = open_candidates(connection, days, made_by, datetime.now(UTC).replace(tzinfo=None))
    for candidate in opened:
        tell(context, f"Candidate {candidate.version_id}: {candidate.changes}.")
    unchanged = len(days) - len(opened)
    if unchanged:
        tell(context, f"{unchanged} month(s) are unchanged since their latest version and keep it.")
    return dg.MaterializeResult(
        metadata={
            "candidates": ", ".join(candidate.version_id for candidate in opened) or "none",
            "months_unchanged": unchanged,
        }
    )
