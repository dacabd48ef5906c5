"""What cannot wait for the night: a file that arrives is loaded, and the triggers that it fires are found."""

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
    description="Load what has arrived, and find the triggers of today; actions are decided in the morning.",
)


@dg.sensor(
    job=triggers_of_arrivals,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Find the triggers of today when files of usage, balances, payments or interactions have arrived.",
)
def arrivals_sensor(context: dg.SensorEvaluationContext, deployment: Deployment) -> dg.RunRequest | dg.SkipReason:
    """Look at the files; act once they have come to rest."""
    settings = deployment.settings
    arrivals = settings.actions.arrivals
    found = digest_of_files(settings, arrivals.tables)
    state, is_due = Arrivals.from_cursor(context.cursor).looked(found, time.time(), arrivals.debounce_seconds)
    context.update_cursor(state.cursor())
    if not is_due:
        return dg.SkipReason("No file has arrived, or what arrives has not come to rest.")
    today = datetime.now(ZoneInfo(settings.schedule.timezone)).date().isoformat()
    return dg.RunRequest(partition_key=today, run_key=f"{today} {found}")
