"""Work that cannot wait for the night: load a file as it arrives, and find the triggers that it fires."""

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg

from orchestration.actions.arrivals import Arrivals, digest_of_files
from orchestration.dagster_support.action_days import DAYS, GROUP
from orchestration.dagster_support.deployment import Deployment

triggers_of_arrivals = dg.define_asset_job(
    "triggers_of_arrivals",
    selection=dg.AssetSelection.groups("raw")
    | (
        dg.AssetSelection.groups(GROUP)
        - dg.AssetSelection.assets(["segments", "customer_actions"], ["segments", "action_results"])
    ),
    partitions_def=DAYS,
    description="Load what has arrived and find today's triggers. Actions are decided by the daily job.",
)


@dg.sensor(
    job=triggers_of_arrivals,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Find today's triggers when files of usage, balances, payments or interactions have arrived.",
)
def arrivals_sensor(context: dg.SensorEvaluationContext, deployment: Deployment) -> dg.RunRequest | dg.SkipReason:
    """Look at the files; act once they have stopped changing, or have been changing for the maximum wait."""
    settings = deployment.settings
    arrivals = settings.actions.arrivals
    found = digest_of_files(settings, arrivals.tables)
    state, is_due = Arrivals.from_cursor(context.cursor).looked(
        found, time.time(), arrivals.debounce_seconds, arrivals.max_wait_seconds
    )
    context.update_cursor(state.cursor())
    if not is_due:
        return dg.SkipReason("No file has arrived, or files are still arriving.")
    today = datetime.now(ZoneInfo(settings.schedule.timezone)).date().isoformat()
    return dg.RunRequest(partition_key=today, run_key=f"{today} {found}")
