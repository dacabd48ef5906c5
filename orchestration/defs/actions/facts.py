"""The facts of a day, built by dbt."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration.actions.tables import set_days
from orchestration.dagster_support.action_days import DAYS, GROUP, ONE_DAY_PER_RUN, day_of, days_of
from orchestration.dagster_support.dbt import ensure_manifest, parsed_manifest
from orchestration.dagster_support.dbt_assets import ACTIONS, LayerTranslator, build, of_the_workspace
from orchestration.dagster_support.deployment import SETTINGS, WRITER_POOL, Deployment
from orchestration.errors import SegmentationError
from orchestration.lake.migrations import migrate


@dbt_assets(
    manifest=ensure_manifest(SETTINGS),
    select=ACTIONS,
    name="facts_of_day",
    partitions_def=DAYS,
    backfill_policy=ONE_DAY_PER_RUN,
    dagster_dbt_translator=LayerTranslator(),
    pool=WRITER_POOL,
)
def facts_of_day(context: dg.AssetExecutionContext, deployment: Deployment) -> Iterator[Any]:
    """Build what is known about every customer on the day, and on earlier days that late data may have reached."""
    warehouse, settings = deployment.warehouse, deployment.settings
    warehouse.discard_workspace()
    with warehouse.writer() as connection:
        migrate(connection)
        if not connection.execute("select 1 from segments.versions where status = 'published' limit 1").fetchone():
            raise SegmentationError(
                "No month has been published yet, and actions rest on a version. Run 'segmentation run' first."
            )
        set_days(connection, context.run.run_id, days_of(day_of(context), settings.actions.recheck_days))
    models = of_the_workspace(parsed_manifest(settings), GROUP)
    yield from build(context, settings, ["--select", " ".join(models)])
