"""Staging, intermediate and features: dbt, point in time, one partition per month."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration.dagster_support.dbt import ensure_manifest, parsed_manifest
from orchestration.dagster_support.dbt_assets import (
    FEATURES,
    LayerTranslator,
    build,
    tables_of_the_workspace,
    unchanged,
)
from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, SETTINGS, WRITER_POOL, Deployment
from orchestration.dagster_support.progress import tell
from orchestration.lake.migrations import migrate
from orchestration.lake.outdated import drop_outdated
from orchestration.lake.run_scope import set_scope
from orchestration.months import as_of_date
from orchestration.segments.code_version import code_version
from orchestration.segments.unchanged import days_to_build
from orchestration.segments.versions import last_load_id
from orchestration.source_checks import require_sound_sources


@dbt_assets(
    manifest=ensure_manifest(SETTINGS),
    select=FEATURES,
    name="features",
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    dagster_dbt_translator=LayerTranslator(),
    pool=WRITER_POOL,
)
def features(context: dg.AssetExecutionContext, deployment: Deployment) -> Iterator[Any]:
    """Build the features of the run's months that may have changed, unless a source check blocks."""
    warehouse, settings = deployment.warehouse, deployment.settings
    warehouse.discard_workspace()
    with warehouse.writer() as connection:
        migrate(connection)
        drop_outdated(connection, tables_of_the_workspace(ensure_manifest(settings)))
        require_sound_sources(connection, settings)
        code = code_version(parsed_manifest(settings))
        days = days_to_build(connection, map(as_of_date, context.partition_keys), code, settings.semantic_hash())
        if days:
            set_scope(connection, context.run.run_id, dict.fromkeys(days), last_load_id(connection))
    if not days:
        tell(context, "No month has changed; nothing to do.")
        yield from unchanged(context)
        return
    yield from build(context, deployment.settings)
