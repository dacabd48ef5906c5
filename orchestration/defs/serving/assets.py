"""One asset per serving target of the settings, after publish, and one check that compares it with the lake."""

import dagster as dg

from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, OWNERS, SETTINGS, Deployment
from orchestration.dagster_support.progress import tell, warn
from orchestration.defs.publish.assets import published_versions
from orchestration.serving.serve import compare, serve
from orchestration.settings.serving import ServingTarget

GROUP = "serving"


@dg.definitions
def defs() -> dg.Definitions:
    """Return the assets and checks of the targets that the settings name."""
    return dg.Definitions(
        assets=[target_asset(name, target) for name, target in SETTINGS.serving.items()],
        asset_checks=[equals_the_lake(name) for name in SETTINGS.serving],
    )


def target_asset(name: str, target: ServingTarget) -> dg.AssetsDefinition:
    """Return the asset of a target: brought up from whatever state it is in, and tried again where that fails."""

    @dg.asset(
        key=[GROUP, name],
        group_name=GROUP,
        kinds={target.type},
        owners=OWNERS,
        code_version="1",
        deps=[published_versions],
        partitions_def=MONTHS,
        backfill_policy=ALL_MONTHS_IN_ONE_RUN,
        retry_policy=dg.RetryPolicy(
            max_retries=target.retries, delay=target.retry_after_seconds, backoff=dg.Backoff.EXPONENTIAL
        ),
        description=f"Published versions as analysts read them: {target.type}. A failure undoes no publish; the next"
        " one catches up.",
    )
    def serving_target(context: dg.AssetExecutionContext, deployment: Deployment) -> dg.MaterializeResult:
        served = serve(deployment.warehouse, deployment.settings, name)
        tell(context, str(served))
        for note in served.notes:
            warn(context, note)
        return dg.MaterializeResult(
            metadata={
                "place": served.place,
                "rows_written": served.rows,
                "written": ", ".join(served.written) or "none",
            }
        )

    return serving_target


def equals_the_lake(name: str) -> dg.AssetChecksDefinition:
    """Return the check of a target."""

    @dg.asset_check(
        asset=[GROUP, name],
        name="equals_the_lake",
        description="Rows, values, sums of money and the registry of versions on the target equal the lake's.",
        partitions_def=MONTHS,
    )
    def target_equals_the_lake(context: dg.AssetCheckExecutionContext, deployment: Deployment) -> dg.AssetCheckResult:
        differences = compare(deployment.warehouse, deployment.settings, name)
        for difference in differences:
            warn(context, f"{name}: {difference}")
        return dg.AssetCheckResult(passed=not differences, metadata={"differences": differences})

    return target_equals_the_lake
