"""Revision of published months after late data: launched automatically if configured, else by hand."""

import dagster as dg

from orchestration.dagster_support.deployment import SETTINGS, Deployment
from orchestration.defs.ingest.jobs import daily_ingest
from orchestration.defs.publish.jobs import monthly_segmentation
from orchestration.segments.revisions import describe, months_due


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[daily_ingest],
    request_job=monthly_segmentation,
    default_status=(
        dg.DefaultSensorStatus.RUNNING if SETTINGS.schedule.revise_late_months else dg.DefaultSensorStatus.STOPPED
    ),
    description="After a daily ingest, segment published months again that late data have reached"
    " (schedule.revise_late_months).",
)
def late_months_sensor(context: dg.RunStatusSensorContext, deployment: Deployment) -> dg.RunRequest | dg.SkipReason:
    """Request one run over the months from the first to the last that is due."""
    with deployment.warehouse.reader() as connection:
        due = months_due(connection)
    if not due:
        return dg.SkipReason(describe(due))
    context.log.info(describe(due))
    return dg.RunRequest(
        run_key=context.dagster_run.run_id,
        tags={
            "dagster/asset_partition_range_start": due[0].month,
            "dagster/asset_partition_range_end": due[-1].month,
        },
    )
