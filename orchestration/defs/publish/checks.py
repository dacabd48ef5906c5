"""Checks after publishing: whether consecutive months agree."""

import dagster as dg

from orchestration.dagster_support.deployment import MONTHS, Deployment
from orchestration.dagster_support.progress import warn
from orchestration.segments.neighbours import contradictions


@dg.asset_check(
    asset=["publish", "published_versions"],
    name="published_months_agree",
    description="Every published month opens with the customers by lifecycle stage and the total value with which the"
    " published month before it closes.",
    partitions_def=MONTHS,
)
def published_months_agree(context: dg.AssetCheckExecutionContext, deployment: Deployment) -> dg.AssetCheckResult:
    """Warn about months that contradict the month before.

    It does not block: a month revised alone is right, and the later one, which is not in this run, has to be remade.
    ``segmentation versions due`` lists it, and ``segmentation run --revise`` remakes it.
    """
    with deployment.warehouse.reader() as connection:
        found = contradictions(connection)
    if found:
        months = ", ".join(dict.fromkeys(f"{each.as_of_date:%Y-%m}" for each in found))
        warn(
            context,
            f"Published months contradict the month before: {months} ({found[0]}). 'segmentation run --revise' makes"
            " them agree.",
        )
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"contradictions": "; ".join(map(str, found)) or "none"},
    )
