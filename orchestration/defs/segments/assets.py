"""Segments that are joins and rules, the wide customer row, and the bi views of published versions: dbt."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration.dagster_support.dbt import ensure_manifest, sources_hash
from orchestration.dagster_support.dbt_assets import ACTIONS, FEATURES, LayerTranslator, build, build_views, unchanged
from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, SETTINGS, WRITER_POOL, Deployment
from orchestration.dagster_support.progress import tell
from orchestration.lake.built_views import note_views, views_are_outdated
from orchestration.lake.run_scope import set_scope
from orchestration.months import as_of_date
from orchestration.segments.versions import candidates, scope_of


@dbt_assets(
    manifest=ensure_manifest(SETTINGS),
    select="resource_type:model resource_type:seed",
    exclude=f"{FEATURES} {ACTIONS}",
    name="segments_and_bi",
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    dagster_dbt_translator=LayerTranslator(),
    pool=WRITER_POOL,
)
def segments_and_bi(context: dg.AssetExecutionContext, deployment: Deployment) -> Iterator[Any]:
    """Complete the candidates. The bi views show only published versions, so readers do not see them yet."""
    warehouse, settings = deployment.warehouse, deployment.settings
    days = [as_of_date(month) for month in context.partition_keys]
    with warehouse.writer() as connection:
        opened = candidates(connection, days)
        # Set again: a run that starts with this step, after another one has failed, has a scope of its own.
        set_scope(connection, context.run.run_id, scope_of([each.as_of_date for each in opened], opened))
        views = sources_hash(settings)
        outdated = views_are_outdated(connection, views)
    if opened:
        yield from build(context, settings)
    elif outdated:
        tell(context, "No month has changed, but what the bi views are made of has: they are built again.")
        yield from build_views(context, settings)
    else:
        tell(context, "No month has changed; nothing to do.")
        yield from unchanged(context)
    if opened or outdated:
        with warehouse.writer() as connection:
            note_views(connection, views)
