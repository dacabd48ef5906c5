"""Upkeep of the lake: small files are merged, old snapshots expire."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from orchestration.lib.deployment import SETTINGS, WRITER_POOL, Deployment


@dg.op(pool=WRITER_POOL)
def maintain_lake(context: dg.OpExecutionContext, deployment: Deployment) -> None:
    """Merge small Parquet files and drop snapshots older than the settings keep."""
    keep = timedelta(days=deployment.settings.schedule.keep_snapshots_days)
    deployment.warehouse.maintain(older_than=datetime.now(UTC) - keep)
    context.log.info(f"Merged small files; snapshots older than {keep.days} days are gone.")


@dg.job(description="Merge small files of the lake and expire its old snapshots.")
def lake_maintenance() -> None:
    """Keep the lake small and quick."""
    maintain_lake()


lake_maintenance_schedule = dg.ScheduleDefinition(
    job=lake_maintenance,
    cron_schedule=SETTINGS.schedule.maintenance_cron,
    execution_timezone=SETTINGS.schedule.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
