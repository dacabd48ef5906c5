"""Behavioral clusters of consumers and of business customers."""

from collections.abc import Iterator

import dagster as dg

from orchestration.lib.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, WRITER_POOL, Deployment
from orchestration.lib.segment_assets import segment_spec

_DEPS = [["segments", "versions"], ["features", "customer_features"]]


@dg.multi_asset(
    name="behavior",
    specs=[
        segment_spec("customer_behavior", "One row a customer and version: the behavioral cluster, or why there is "
                     "none; cluster ids hold across versions.", _DEPS),
        segment_spec("behavior_clusters", "One row a cluster and version: generated name and rule, size, stability, "
                     "what sets it apart.", _DEPS),
        segment_spec("behavior_evidence", "One row a population, number of clusters tried and version: the evidence "
                     "for the number chosen.", _DEPS),
        segment_spec("cluster_events", "One row a cluster and version: kept, born or died against the version before.",
                     _DEPS),
    ],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    pool=WRITER_POOL,
)  # fmt: skip
def behavior(context: dg.AssetExecutionContext, deployment: Deployment) -> Iterator[dg.MaterializeResult]:
    """Fit clusters for each population, match them with those of the month before, explain them."""
