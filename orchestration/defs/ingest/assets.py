"""Raw tables: what the sources deliver, typed by the source contract. Bad rows go to ops.quarantine."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import dagster as dg

from orchestration.lib.contract import load_contract
from orchestration.lib.deployment import OWNERS, WRITER_POOL, Deployment
from orchestration.lib.ingest import ingest
from orchestration.lib.progress import tell


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


@dg.multi_asset(name="raw_tables", specs=_specs(), pool=WRITER_POOL)
def raw_tables(context: dg.AssetExecutionContext, deployment: Deployment) -> Iterator[dg.MaterializeResult]:
    """Load what is new in every source, one transaction a table."""
    for report in ingest(deployment.warehouse, deployment.settings, progress=partial(tell, context)):
        yield dg.MaterializeResult(
            asset_key=["raw", report.table],
            metadata={
                "dagster/row_count": report.rows_in_table,
                "files_new": report.files_new,
                "files_known": report.files_known,
                "rows_read": report.rows_read,
                "rows_accepted": report.rows_accepted,
                "rows_quarantined": report.rows_quarantined,
                "rows_duplicate": report.rows_duplicate,
                "rows_superseded": report.rows_superseded,
                "seconds": report.seconds,
            },
        )
