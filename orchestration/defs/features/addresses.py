"""Addresses in text, read before dbt joins them."""

from collections.abc import Iterator
from functools import partial

import dagster as dg

from orchestration.dagster_support.dbt import code_version
from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, OWNERS, WRITER_POOL, Deployment
from orchestration.dagster_support.progress import tell
from orchestration.lake.contract import ensure_tables
from orchestration.segments.addresses import SOURCE, TABLE, declared_columns, update_addresses

_COLUMNS = dg.TableSchema(
    columns=[dg.TableColumn(each["name"], each["data_type"], each["description"]) for each in declared_columns()]
)


@dg.multi_asset(
    name=TABLE,
    specs=[
        dg.AssetSpec(
            key=[SOURCE, TABLE],
            description="One row an address in text that customers or contracts hold now: street, house number and unit"
            " as they are compared, and an identifier of the dwelling. Only texts never seen before are read.",
            deps=[dg.AssetKey(["raw", "customers"]), dg.AssetKey(["raw", "contracts"])],
            group_name="intermediate",
            kinds={"duckdb", "table", "python"},
            owners=OWNERS,
            code_version=code_version(),
            metadata={"dagster/column_schema": _COLUMNS},
        )
    ],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    pool=WRITER_POOL,
)
def service_addresses(context: dg.AssetExecutionContext, deployment: Deployment) -> Iterator[dg.MaterializeResult]:
    """Read the addresses that are new, and forget those that no source holds any more."""
    with deployment.warehouse.writer() as connection:
        ensure_tables(connection)
        report = update_addresses(connection, deployment.settings.household, partial(tell, context))
    statuses = ", ".join(f"{count:,} {status}" for status, count in report.by_status.items()) or "none"
    tell(context, f"{report.read:,} addresses in text are new; known are {statuses}; linked {report.linked:,}.")
    counts = {"rows_read": report.read, "rows_removed": report.removed, "rows_linked": report.linked}
    yield dg.MaterializeResult(asset_key=[SOURCE, TABLE], metadata=counts | report.by_status)
