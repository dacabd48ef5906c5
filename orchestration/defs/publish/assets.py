"""Publishing: one transaction that shows the run's candidates to readers, then a report for each version."""

from datetime import UTC, datetime

import dagster as dg

from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, OWNERS, WRITER_POOL, Deployment
from orchestration.dagster_support.progress import tell, warn
from orchestration.dagster_support.segment_assets import candidates_of
from orchestration.lake.declarations import declared_tables
from orchestration.months import as_of_date
from orchestration.report import report_path, write_report
from orchestration.segments.checks import CANDIDATE_CHECKS
from orchestration.segments.registry import versioned_tables
from orchestration.segments.versions import publish, published_version_ids


@dg.asset(
    key=["publish", "published_versions"],
    group_name="publish",
    kinds={"duckdb"},
    owners=OWNERS,
    code_version="1",
    # Everything that a version contains, and the views that show it: if a check of any of these blocks, nothing is
    # published.
    deps=[*(["segments", name] for name in versioned_tables()), *(["bi", name] for name in declared_tables("bi"))],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    pool=WRITER_POOL,
)
def published_versions(context: dg.AssetExecutionContext, deployment: Deployment) -> dg.MaterializeResult:
    """Publish the checked candidates of a run as the versions of their months, in one transaction."""
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
    """One self-contained HTML report per published version.

    The versions are already published: a report that cannot be written causes a warning, and the run does not fail.
    """
    settings, warehouse = deployment.settings, deployment.warehouse
    with warehouse.reader() as connection:
        version_ids = published_version_ids(connection, [as_of_date(month) for month in context.partition_keys])
    written, failed = [], []
    for version_id in version_ids:
        if report_path(settings, version_id).exists():
            continue
        try:
            written.append(write_report(warehouse, settings, version_id))
        except Exception as error:
            context.log.exception("The report of %s could not be written", version_id)
            failed.append(version_id)
            warn(
                context,
                f"{version_id} is published, but its report could not be written ({type(error).__name__});"
                f" 'segmentation report {version_id} --debug' tries again.",
            )
        else:
            tell(context, f"Report {written[-1]}")
    with warehouse.lock("the report"):
        warehouse.discard_workspace()
    return dg.MaterializeResult(
        metadata={"reports_written": len(written)}
        | ({"reports_failed": ", ".join(failed)} if failed else {})
        | ({"latest_report": dg.MetadataValue.path(written[-1])} if written else {})
    )
