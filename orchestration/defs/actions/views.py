"""The bi views of actions: dbt. They show days, not versions, so no month builds or publishes them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration.dagster_support.dbt import ensure_manifest
from orchestration.dagster_support.dbt_assets import ACTION_VIEWS, LayerTranslator, build
from orchestration.dagster_support.deployment import SETTINGS, WRITER_POOL, Deployment
from orchestration.lake.migrations import migrate


@dbt_assets(
    manifest=ensure_manifest(SETTINGS),
    select=ACTION_VIEWS,
    name="action_views",
    dagster_dbt_translator=LayerTranslator(),
    pool=WRITER_POOL,
)
def action_views(context: dg.AssetExecutionContext, deployment: Deployment) -> Iterator[Any]:
    """Show what was decided; before any day has been decided, nothing."""
    with deployment.warehouse.writer() as connection:
        migrate(connection)
    yield from build(context, deployment.settings)
