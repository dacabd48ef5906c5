"""The registry of versions: a run opens here the candidates that it will fill."""

from datetime import UTC, datetime

import dagster as dg

from orchestration.dagster_support.dbt import parsed_manifest
from orchestration.dagster_support.deployment import (
    ALL_MONTHS_IN_ONE_RUN,
    MONTHS,
    OWNERS,
    SETTINGS,
    WRITER_POOL,
    Deployment,
)
from orchestration.dagster_support.progress import tell
from orchestration.dagster_support.segment_assets import column_metadata
from orchestration.lake.declarations import REGISTRY, declared_tables
from orchestration.months import as_of_date
from orchestration.segments.code_version import code_version
from orchestration.segments.registry import inputs_of_versions
from orchestration.segments.unchanged import days_to_build
from orchestration.segments.versions import Provenance, open_candidates


@dg.asset(
    key=["segments", "versions"],
    group_name="segments",
    kinds={"duckdb", "table"},
    owners=OWNERS,
    code_version="1",
    metadata=column_metadata(declared_tables("segments")[REGISTRY]),
    deps=[each.key.split(".") for each in inputs_of_versions(parsed_manifest(SETTINGS))],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    pool=WRITER_POOL,
)
def versions(context: dg.AssetExecutionContext, deployment: Deployment) -> dg.MaterializeResult:
    """One row per version: status, provenance, row counts and checks. A run opens its candidates here.

    A month whose inputs, settings, code and predecessor equal those of its latest version gets no candidate, and all
    later assets leave it unchanged.
    """
    days = [as_of_date(month) for month in context.partition_keys]
    manifest = parsed_manifest(deployment.settings)
    made_by = Provenance(
        run_id=context.run.run_id,
        code_version=code_version(manifest),
        settings_hash=deployment.settings.semantic_hash(),
        inputs=inputs_of_versions(manifest),
    )
    with deployment.warehouse.writer() as connection:
        built = days_to_build(connection, days, made_by.code_version, made_by.settings_hash)
        opened = open_candidates(connection, built, made_by, datetime.now(UTC).replace(tzinfo=None)) if built else []
    for candidate in opened:
        tell(context, f"Candidate {candidate.version_id}: {candidate.changes}.")
    unchanged = len(days) - len(opened)
    if unchanged:
        tell(context, f"{unchanged} months unchanged, current versions kept.")
    return dg.MaterializeResult(
        metadata={
            "candidates": ", ".join(candidate.version_id for candidate in opened) or "none",
            "months_unchanged": unchanged,
        }
    )
