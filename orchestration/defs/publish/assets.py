"""Publishing: one transaction that makes the run's candidates what readers see, then a report of each version."""

from datetime import UTC, datetime

import dagster as dg

from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, OWNERS, WRITER_POOL, Deployment
from orchestration.dagster_support.progress import tell
from orchestration.dagster_support.segment_assets import candidates_of
from orchestration.months import as_of_date
from orchestration.report import report_path, write_report
from orchestration.segments.checks import CANDIDATE_CHECKS
from orchestration.segments.versions import publish, published_version_ids


@dg.asset(
    key=["publish", "published_versions"],
    group_name="publish",
    kinds={"duckdb"},
    owners=OWNERS,
    code_version="1",
    deps=[["segments", "customer_segments"], ["segments", "value_curve"], ["segments", "value_concentration"],
          ["segments", "retention_cohorts"], ["segments", "retention_curves"], ["segments", "retention_hazards"],
          ["segments", "retention_quality"], ["segments", "behavior_clusters"], ["segments", "behavior_evidence"],
          ["segments", "cluster_events"], ["segments", "behavior_models"], ["segments", "behavior_model_files"],
          ["segments", "behavior_map"], ["segments", "home_business"], ["segments", "household_opportunities"],
          ["segments", "b2b_mid_band"], ["segments", "mid_band_headroom"], ["segments", "mid_band_evidence"],
          ["segments", "wholesale_customers"], ["segments", "value_backtest"], ["segments", "value_drift"],
          ["segments", "value_evidence"], ["segments", "observation_windows"], ["segments", "recorded_attributes"],
          ["segments", "endings_by_month"], ["segments", "plan_fit"],
          ["bi", "customer_segments"]],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    pool=WRITER_POOL,
)  # fmt: skip
def published_versions(context: dg.AssetExecutionContext, deployment: Deployment) -> dg.MaterializeResult:
    """The flip: the checked candidates of a run become the published versions of their months, all at once."""
    with deployment.warehouse.writer() as connection:
        version_ids = [candidate.version_id for candidate in candidates_of(context, connection)]
        publish(connection, version_ids, datetime.now(UTC).replace(tzinfo=None))
    return dg.MaterializeResult(
        metadata={"versions": ", ".join(version_ids) or "none", "checks_passed": len(CANDIDATE_CHECKS)}
    )


@dg.asset(
    key=["publish", "report"],
    group_name="publish",
    kinds={"html"},
    owners=OWNERS,
    code_version="1",
    deps=[published_versions],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
)
def report(context: dg.AssetExecutionContext, deployment: Deployment) -> dg.MaterializeResult:
    """One self-contained HTML page a published version, for people who do not open a warehouse."""
    settings, warehouse = deployment.settings, deployment.warehouse
    with warehouse.reader() as connection:
        version_ids = published_version_ids(connection, [as_of_date(month) for month in context.partition_keys])
    written = []
    for version_id in version_ids:
        if not report_path(settings, version_id).exists():
            written.append(write_report(warehouse, settings, version_id))
            tell(context, f"Report {written[-1]}")
    return dg.MaterializeResult(
        metadata={"reports_written": len(written)}
        | ({"latest_report": dg.MetadataValue.path(written[-1])} if written else {})
    )
