"""How a launched run is executed: in one process, as the only writer of the lake, and with secrets masked."""

from collections.abc import Iterator

import dagster as dg
from dagster import DagsterEvent
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor

from orchestration.dagster_support.kept_connections import keep_connections
from orchestration.dagster_support.masked_events import mask_events
from orchestration.dagster_support.run_processes import LOCK_TAG, close_dead_runs, process_tags
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import load_settings


class OneWriterExecutor(InProcessExecutor):
    """Dagster's in-process executor, holding the lock of the lake's writers from the first step to the last."""

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        """Wait for the lock, close the runs whose processes have died, and execute the steps."""
        instance, run = plan_context.instance, plan_context.dagster_run
        warehouse = Warehouse(load_settings().warehouse)
        mask_events(instance)
        keep_connections(instance)
        instance.add_run_tags(run.run_id, process_tags(warehouse))
        who = f"{run.job_name} (Dagster run {run.run_id[:8]})"
        with warehouse.lock(who, say=plan_context.log.info):
            instance.add_run_tags(run.run_id, {LOCK_TAG: "true"})
            close_dead_runs(instance, warehouse, has_lock=True)
            yield from super().execute(plan_context, execution_plan)


@dg.executor(name="one_writer")
def one_writer_executor(_context: dg.InitExecutorContext) -> OneWriterExecutor:
    """One process per run: with one writer, more would gain nothing, and each would import everything again."""
    return OneWriterExecutor(retries=RetryMode.ENABLED)
