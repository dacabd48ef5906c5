"""Staging, intermediate and features: dbt, point in time, a month a partition."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import dbt_assets

from orchestration.dagster_support.dbt import ensure_manifest
from orchestration.dagster_support.dbt_assets import FEATURES, LayerTranslator, build
from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, SETTINGS, WRITER_POOL, Deployment
from orchestration.lake.contract import ensure_tables
from orchestration.lake.run_scope import set_scope
from orchestration.months import as_of_date
from orchestration.segments.addresses import ensure_address_table
from orchestration.segments.versions import ensure_registry, last_load_id
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
        ensure_tables(connection)
        ensure_address_table(connection)
        require_sound_sources(connection, deployment.settings)
        ensure_registry(connection)
        _drop_outdated_usage_months(connection)
        days = dict.fromkeys(as_of_date(month) for month in context.partition_keys)
        set_scope(connection, context.run.run_id, days, last_load_id(connection))
    yield from build(context, deployment.settings)


def _drop_outdated_usage_months(connection: duckdb.DuckDBPyConnection) -> None:
    """Have usage_months made anew in a lake from before it knew of ends: a build reads what the one before noted."""
    columns = connection.execute(
        "select column_name from information_schema.columns"
        " where table_schema = 'intermediate' and table_name = 'usage_months'"
    ).fetchall()
    if columns and ("usage_days_after_end",) not in columns:
        connection.execute("drop table intermediate.usage_months")
