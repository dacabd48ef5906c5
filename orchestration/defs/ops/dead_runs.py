"""Closes runs whose process was killed, so that scheduled runs do not wait for them."""

import dagster as dg

from orchestration.dagster_support.deployment import Deployment
from orchestration.dagster_support.run_processes import close_dead_runs, has_unjudged_runs
from orchestration.errors import LakeBusyError


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Close runs whose process was killed, since they would otherwise block all other writers.",
)
def dead_runs_sensor(context: dg.SensorEvaluationContext, deployment: Deployment) -> dg.SkipReason:
    """Check the processes of this machine; runs of other machines are judged if the writers' lock is free."""
    warehouse = deployment.warehouse
    closed = close_dead_runs(context.instance, warehouse, has_lock=False)
    if has_unjudged_runs(context.instance, warehouse):
        try:
            with warehouse.lock("dead_runs_sensor", wait=False):
                closed += close_dead_runs(context.instance, warehouse, has_lock=True)
        except LakeBusyError as busy:
            context.log.info(str(busy))
    return dg.SkipReason(f"Closed {len(closed)} runs: {', '.join(closed)}." if closed else "No run's process is gone.")
