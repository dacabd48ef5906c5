"""Addresses in text, parsed before dbt joins them."""

from collections.abc import Iterator
from functools import partial

import dagster as dg

from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, OWNERS, WRITER_POOL, Deployment
from orchestration.dagster_support.progress import tell
from orchestration.dagster_support.segment_assets import column_metadata
from orchestration.lake.declarations import declared_tables
from orchestration.lake.migrations import migrate
from orchestration.segments.addresses import READER, SOURCE, TABLE, update_addresses
from orchestration.segments.code_version import python_version

_DECLARED = declared_tables(SOURCE)[TABLE]


@dg.multi_asset(
    name=TABLE,
    specs=[
        dg.AssetSpec(
            key=[SOURCE, TABLE],
            description=_DECLARED.description,
            deps=[dg.AssetKey(["raw", "customers"]), dg.AssetKey(["raw", "contracts"])],
            group_name="intermediate",
            kinds={"duckdb", "table", "python"},
            owners=OWNERS,
            code_version=python_version((READER,)),
            metadata=column_metadata(_DECLARED),
        )
    ],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    pool=WRITER_POOL,
)
def service_addresses(context: dg.AssetExecutionContext, deployment: Deployment) -> Iterator[dg.MaterializeResult]:
    """Parse new addresses, and remove those that no source contains any more."""
    with deployment.warehouse.writer() as connection:
        migrate(connection)
        report = update_addresses(connection, deployment.settings.household, partial(tell, context))
    statuses = ", ".join(f"{count:,} {status}" for status, count in report.by_status.items()) or "none"
    tell(context, f"{report.read:,} addresses in text are new; known are {statuses}; linked {report.linked:,}.")
    counts = {"rows_read": report.read, "rows_removed": report.removed, "rows_linked": report.linked}
    yield dg.MaterializeResult(asset_key=[SOURCE, TABLE], metadata=counts | report.by_status)
