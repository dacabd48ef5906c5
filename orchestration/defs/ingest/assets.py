"""Raw tables: what the sources deliver, typed by the source contract. Bad rows go to ops.quarantine."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import dagster as dg

from orchestration.dagster_support.deployment import OWNERS, WRITER_POOL, Deployment
from orchestration.dagster_support.progress import tell, warn
from orchestration.defs.ingest.checks import check_results, check_specs, metadata
from orchestration.ingest import ingest
from orchestration.lake import quarantine
from orchestration.lake.contract import load_contract
from orchestration.segments.revisions import describe, months_due
from orchestration.source_checks import check_sources, raise_if_blocked, tally, warnings


def _specs() -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            key=["raw", table.name],
            description=table.description,
            group_name="raw",
            kinds={"duckdb", "table"},
            owners=OWNERS,
            code_version="1",
            freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=30)),
            metadata={
                "dagster/column_schema": dg.TableSchema(
                    columns=[dg.TableColumn(each.name, each.data_type, each.description) for each in table.columns]
                )
            },
        )
        for table in load_contract().values()
    ]


@dg.multi_asset(name="raw_tables", specs=_specs(), check_specs=check_specs(), pool=WRITER_POOL)
def raw_tables(
    context: dg.AssetExecutionContext, deployment: Deployment
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Load what is new in every source, one transaction per table, and check it.

    Good rows stay loaded even if a check blocks; the step then fails, and nothing is segmented until the check passes.
    """
    settings, warehouse = deployment.settings, deployment.warehouse
    reports = ingest(warehouse, settings, progress=partial(tell, context))
    now = datetime.now(UTC).replace(tzinfo=None)
    with warehouse.writer() as connection:
        outcomes = check_sources(connection, settings, reports, now, context.run.run_id)
        in_quarantine = quarantine.summary(connection)
        due = months_due(connection)
    for report in reports:
        rows = [row for row in in_quarantine if row[0] == report.table]
        reached = ", ".join(each.month for each in due if report.table in each.rows) or "none"
        yield dg.MaterializeResult(
            asset_key=["raw", report.table],
            metadata=metadata(report, rows, outcomes) | {"published_months_reached": reached},
        )
    yield from check_results(outcomes)
    for warning in warnings(outcomes):
        warn(context, warning)
    if due:
        tell(context, describe(due))
    tell(context, tally(outcomes, settings))
    raise_if_blocked(outcomes)
