"""Daily ingest: what runs every night."""

import dagster as dg

from orchestration.dagster_support.deployment import SETTINGS

daily_ingest = dg.define_asset_job(
    "daily_ingest",
    selection=dg.AssetSelection.groups("raw"),
    description="Load what is new in every source into the raw tables.",
)

daily_ingest_schedule = dg.ScheduleDefinition(
    job=daily_ingest,
    cron_schedule=SETTINGS.schedule.daily_ingest_cron,
    execution_timezone=SETTINGS.schedule.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
