"""One asset per configured serving target, with a check that compares it with the lake.

A target depends on the versions and the tables of days, so it has no partitions: every run that changes one of them
ends with it.
"""

import dagster as dg

from orchestration.dagster_support.deployment import OWNERS, SETTINGS, Deployment
from orchestration.dagster_support.progress import tell, warn
from orchestration.defs.publish.assets import published_versions
from orchestration.lake.declarations import DeclaredTable, tables_of_days
from orchestration.serving.serve import serve
from orchestration.settings.serving import ServingTarget

GROUP = "serving"
CHECK = "equals_the_lake"


@dg.definitions
def defs() -> dg.Definitions:
    """Return the assets of the configured targets."""
    return dg.Definitions(assets=[target_asset(name, target) for name, target in SETTINGS.serving.items()])


def target_asset(name: str, target: ServingTarget) -> dg.AssetsDefinition:
    """Return the asset of a target, which is updated from any state, and retried if that fails."""

    @dg.asset(
        key=[GROUP, name],
        group_name=GROUP,
        kinds={target.type},
        owners=OWNERS,
        code_version="1",
        deps=[published_versions, *([each.schema, each.name] for each in _of_days())],
        check_specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=[GROUP, name],
                description="Rows, values, sums of money and the registry of versions equal the lake's.",
            )
        ],
        retry_policy=dg.RetryPolicy(
            max_retries=target.retries, delay=target.retry_after_seconds, backoff=dg.Backoff.EXPONENTIAL
        ),
        description=f"Published versions and actions, served to {target.type}. A failure does not undo the publish;"
        " the next one catches up.",
    )
    def serving_target(context: dg.AssetExecutionContext, deployment: Deployment) -> dg.MaterializeResult:
        served, differences = serve(deployment.warehouse, deployment.settings, name)
        tell(context, str(served))
        for line in (*served.notes, *differences):
            warn(context, line)
        return dg.MaterializeResult(
            metadata={
                "place": served.place,
                "rows_written": served.rows,
                "written": ", ".join(served.written) or "none",
                "no_longer_there": ", ".join(served.deleted) or "none",
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name=CHECK, passed=not differences, metadata={"differences": "; ".join(differences) or "none"}
                )
            ],
        )

    return serving_target


def _of_days() -> list[DeclaredTable]:
    """Return the tables of days that the schema ``bi`` shows."""
    return [table for table in tables_of_days().values() if table.schema == "segments"]
