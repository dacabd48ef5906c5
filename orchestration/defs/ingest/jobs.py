"""Daily ingest: what runs every night."""

import dagster as dg

from orchestration.dagster_support.deployment import SETTINGS

daily_ingest = dg.define_asset_job(
    "daily_ingest",
    selection=dg.AssetSelection.groups("raw"),
    description="Load new data from every source into the raw tables, and run the source checks.",
)

daily_ingest_schedule = dg.ScheduleDefinition(
    job=daily_ingest,
    cron_schedule=SETTINGS.schedule.daily_ingest_cron,
    execution_timezone=SETTINGS.schedule.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Load new data every day (schedule.daily_ingest_cron).",
)
