"""Monthly segmentation: features to served versions, one partition per month, any range of months in one run."""

import dagster as dg

from orchestration.dagster_support.deployment import MONTHS, SETTINGS
from orchestration.months import last_complete_month, operators_day

monthly_segmentation = dg.define_asset_job(
    "monthly_segmentation",
    selection=dg.AssetSelection.groups(
        "seeds", "staging", "intermediate", "features", "segments", "bi", "publish", "serving"
    ),
    partitions_def=MONTHS,
    description="Build the features of a month, segment its customers, check the version, publish and serve it.",
)


@dg.schedule(
    job=monthly_segmentation,
    cron_schedule=SETTINGS.schedule.monthly_segmentation_cron,
    execution_timezone=SETTINGS.schedule.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Segment the month that has just ended (schedule.monthly_segmentation_cron).",
)
def monthly_segmentation_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Segment the month that has just ended, by the operator's calendar."""
    month = last_complete_month(operators_day(context.scheduled_execution_time, SETTINGS.schedule.timezone))
    return dg.RunRequest(partition_key=month, run_key=month)
