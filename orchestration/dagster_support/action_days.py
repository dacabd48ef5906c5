"""Shared by the assets of actions: partitions by day, and the days that a run covers."""

from collections.abc import Sequence
from datetime import date, timedelta

import dagster as dg

from orchestration.dagster_support.deployment import OWNERS, SETTINGS
from orchestration.lake.declarations import tables_of_days
from orchestration.segments.code_version import python_version

# Includes today: actions are decided in the morning of the day on which they are carried out.
DAYS = dg.DailyPartitionsDefinition(
    start_date=f"{SETTINGS.first_month}-01", timezone=SETTINGS.schedule.timezone, end_offset=1
)
# Oldest first and one at a time: the actions of a day influence the decisions of the next.
ONE_DAY_PER_RUN = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)
GROUP = "actions"


def day_of(context: dg.AssetExecutionContext) -> date:
    """Return the day that the run decides."""
    return date.fromisoformat(context.partition_key)


def days_of(day: date, recheck_days: int) -> list[date]:
    """Return the days whose facts a run covers, oldest first: those that late data may have reached, and the day."""
    return [day - timedelta(days=back) for back in range(recheck_days, -1, -1)]


def action_spec(table: str, deps: Sequence[Sequence[str]], kinds: Sequence[str] = ()) -> dg.AssetSpec:
    """Return the spec of a table of ``orchestration.lake.declarations.tables_of_days``."""
    declared = tables_of_days()[table]
    return dg.AssetSpec(
        key=[declared.schema, table],
        description=declared.description,
        deps=[dg.AssetKey(list(key)) for key in deps],
        group_name=GROUP,
        kinds={"duckdb", "table", *kinds},
        owners=OWNERS,
        code_version=python_version(("models.actions.arbitration", "models.actions.uplift", "models.actions.uptake")),
        metadata={
            "dagster/column_schema": dg.TableSchema(
                columns=[dg.TableColumn(each.name, each.sql_type, each.description) for each in declared.columns]
            )
        },
    )
