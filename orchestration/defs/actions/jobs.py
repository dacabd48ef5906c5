"""The actions of a day, every morning after the night's ingest."""

import dagster as dg

from orchestration.dagster_support.action_days import DAYS, GROUP
from orchestration.dagster_support.deployment import SETTINGS
from orchestration.months import operators_day

daily_actions = dg.define_asset_job(
    "daily_actions",
    selection=dg.AssetSelection.groups(GROUP, "serving"),
    partitions_def=DAYS,
    description="Find the triggers of a day, choose actions, measure the results of earlier ones, and serve them.",
)


@dg.schedule(
    job=daily_actions,
    cron_schedule=SETTINGS.schedule.daily_actions_cron,
    execution_timezone=SETTINGS.schedule.timezone,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Decide the actions of the day every morning (schedule.daily_actions_cron). Off by default: look at the"
    " actions first.",
)
def daily_actions_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Decide the actions of today."""
    day = operators_day(context.scheduled_execution_time, SETTINGS.schedule.timezone).isoformat()
    return dg.RunRequest(partition_key=day, run_key=day)
