"""Staging, intermediate and features: dbt, point in time, a month a partition."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration.dagster_support.dbt import ensure_manifest
from orchestration.dagster_support.dbt_assets import FEATURES, LayerTranslator, build
from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, SETTINGS, WRITER_POOL, Deployment
from orchestration.lake.migrations import migrate
from orchestration.lake.run_scope import set_scope
from orchestration.months import as_of_date
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
    """Build the features of the run's months, unless a source check blocks."""
    with deployment.warehouse.writer() as connection:
        migrate(connection)
        require_sound_sources(connection, deployment.settings)
        days = dict.fromkeys(as_of_date(month) for month in context.partition_keys)
        set_scope(connection, context.run.run_id, days, last_load_id(connection))
    yield from build(context, deployment.settings)
