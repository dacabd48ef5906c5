"""The facts of a day, and the views over triggers, actions and results: dbt."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from orchestration.actions.tables import ensure_action_tables, set_days
from orchestration.dagster_support.action_days import DAYS, ONE_DAY_PER_RUN, day_of, days_of
from orchestration.dagster_support.dbt import dbt_arguments, ensure_manifest, prepare_for_dbt
from orchestration.dagster_support.dbt_assets import ACTIONS, LayerTranslator
from orchestration.dagster_support.deployment import SETTINGS, WRITER_POOL, Deployment
from orchestration.errors import SegmentationError
from orchestration.lake.contract import ensure_tables


@dbt_assets(
    manifest=ensure_manifest(SETTINGS),
    select=ACTIONS,
    name="facts_of_day",
    partitions_def=DAYS,
    backfill_policy=ONE_DAY_PER_RUN,
    dagster_dbt_translator=LayerTranslator(),
    pool=WRITER_POOL,
)
def facts_of_day(context: dg.AssetExecutionContext, dbt: DbtCliResource, deployment: Deployment) -> Iterator[Any]:
    """Say what is known of every customer on the day, and on the days before it that late data may have reached."""
    settings = deployment.settings
    with deployment.warehouse.writer() as connection:
        ensure_tables(connection)
        if not connection.execute(
            "select 1 from information_schema.tables where table_schema = 'segments' and table_name = 'versions'"
        ).fetchone():
            raise SegmentationError("No month has been segmented yet, and actions rest on a version. Run it first.")
        ensure_action_tables(connection)
        set_days(connection, context.run.run_id, days_of(day_of(context), settings.actions.recheck_days))
    target = prepare_for_dbt(settings, context.run.run_id)
    yield from dbt.cli(dbt_arguments("build", settings), context=context, target_path=target).stream()
