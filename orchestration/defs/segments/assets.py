"""Segments that are joins and rules, the wide customer row, and the bi views over what is published: dbt."""

from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from orchestration.dagster_support.dbt import dbt_arguments, ensure_manifest, prepare_for_dbt
from orchestration.dagster_support.dbt_assets import ACTIONS, FEATURES, LayerTranslator
from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, SETTINGS, WRITER_POOL, Deployment
from orchestration.dagster_support.progress import tell
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
def segments_and_bi(context: dg.AssetExecutionContext, dbt: DbtCliResource, deployment: Deployment) -> Iterator[Any]:
    """Complete the candidates. The bi views show published versions only, so readers do not see them yet."""
    days = [as_of_date(month) for month in context.partition_keys]
    with deployment.warehouse.writer() as connection:
        opened = candidates(connection, days)
        # Again here: a run that begins with this step, after another has failed, has a scope of its own.
        set_scope(connection, context.run.run_id, scope_of(days, opened))
    if not opened:
        tell(context, "No month has changed; nothing to do.")
        # Said of every table, so that what comes after this step runs too: a report may still be missing.
        for key in TopologicalSorter(context.assets_def.asset_deps).static_order():
            if key in context.selected_asset_keys:
                yield dg.MaterializeResult(key, metadata={"unchanged": True})
        return
    target = prepare_for_dbt(deployment.settings, context.run.run_id)
    yield from dbt.cli(dbt_arguments("build", deployment.settings), context=context, target_path=target).stream()
