"""Delivery: sends the reports of what a run published to the configured places."""

import dagster as dg

from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, OWNERS, SETTINGS, Deployment
from orchestration.dagster_support.progress import tell, warn
from orchestration.defs.publish.assets import report
from orchestration.report.delivery import deliver
from orchestration.segments.versions import published_by


@dg.asset(
    key=["publish", "delivered_report"],
    group_name="publish",
    kinds={"html"},
    owners=OWNERS,
    code_version="1",
    deps=[report],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
)
def delivered_report(context: dg.AssetExecutionContext, deployment: Deployment) -> dg.MaterializeResult:
    """Deliver the reports that the run published to a folder or store, and send a message with what changed.

    What cannot be delivered causes a warning, and the run does not fail: the versions are already published.
    """
    with deployment.warehouse.reader() as connection:
        version_ids = published_by(connection, context.run.run_id)
    if not version_ids:
        return dg.MaterializeResult(metadata={"delivered": "nothing new was published"})
    done, failed = deliver(deployment.warehouse, deployment.settings, version_ids)
    if done:
        tell(context, f"Delivered the report of {version_ids[-1]} to {', '.join(done)}.")
    for line in failed:
        warn(context, line)
    return dg.MaterializeResult(
        metadata={"delivered": ", ".join(done) or "none", "failed": "; ".join(failed) or "none"}
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the asset if the settings configure a delivery."""
    return dg.Definitions(assets=[delivered_report] if SETTINGS.delivery.is_wanted else [])
