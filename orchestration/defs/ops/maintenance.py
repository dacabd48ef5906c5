"""Scheduled maintenance of the lake."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from orchestration.dagster_support.deployment import SETTINGS, WRITER_POOL, Deployment
from orchestration.lake.maintenance import maintain


@dg.op(pool=WRITER_POOL)
def maintain_lake(context: dg.OpExecutionContext, deployment: Deployment) -> None:
    """Merge small Parquet files, expire snapshots older than configured, and delete what killed runs left behind."""
    schedule, now = deployment.settings.schedule, datetime.now(UTC)
    gone = maintain(
        deployment.warehouse,
        keep_since=now - timedelta(days=schedule.keep_snapshots_days),
        orphans_before=now - timedelta(hours=schedule.keep_orphans_hours),
    )
    context.log.info(
        f"Merged small files. Snapshots older than {schedule.keep_snapshots_days} days are gone, with {gone.expired}"
        f" files that only they used; so are {gone.orphans + gone.spilled} files that killed runs had left."
    )


@dg.job(description="Merge small files of the lake, expire old snapshots, and delete what killed runs left behind.")
def lake_maintenance() -> None:
    """Keep the lake small and fast."""
    maintain_lake()


lake_maintenance_schedule = dg.ScheduleDefinition(
    job=lake_maintenance,
    cron_schedule=SETTINGS.schedule.maintenance_cron,
    execution_timezone=SETTINGS.schedule.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Maintain the lake every week (schedule.maintenance_cron).",
)
