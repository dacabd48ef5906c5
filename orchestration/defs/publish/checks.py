"""What is looked at once versions are published: whether months that follow one another agree."""

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
    """Warn of months that contradict the one before.

    It does not block: a month that is revised alone is right, and it is the later one, not in this run, that has to be
    made again. ``segmentation versions due`` lists it, and ``segmentation run --revise`` makes it.
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
