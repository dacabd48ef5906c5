"""The observation window of endings: what of the history customers' churn can be learned from."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import dagster as dg
import pandas as pd

from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, WRITER_POOL, Deployment
from orchestration.dagster_support.plots import endings_plot
from orchestration.dagster_support.progress import tell
from orchestration.dagster_support.segment_assets import candidates_of, segment_spec
from orchestration.errors import SegmentationError
from orchestration.lake.warehouse import transaction
from orchestration.segments.observation import ObservationTables, find_window
from orchestration.segments.tables import write_segment

LEARNABLE_CHECK = "churn_can_be_learned"
_DEPS = [["segments", "versions"], ["features", "retention_exposures"], ["intermediate", "ending_bookings"]]


@dg.multi_asset(
    name="observation",
    specs=[
        segment_spec("observation_windows", "One row per source system, market segment and version: from when on and "
                     "through when customers who left are on record, and the evidence.", _DEPS),
        segment_spec("recorded_attributes", "One row per market, attribute and version: an attribute that was recorded "
                     "only from a month on, and so is known only of customers who were still there.", _DEPS),
        segment_spec("endings_by_month", "One row per source system, market segment, month and version: customers at "
                     "risk and endings, and whether the month lies in the observation window.", _DEPS),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            LEARNABLE_CHECK,
            asset=["segments", "observation_windows"],
            description="The recorded endings tell when customers leave, so that future value can be learned; what is "
            "published otherwise is value.when_not_learnable.",
            partitions_def=MONTHS,
        )
    ],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    pool=WRITER_POOL,
)  # fmt: skip
def observation(
    context: dg.AssetExecutionContext, deployment: Deployment
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Find from when on endings are on record, before anything is learned from them."""
    tables = [table.name for table in fields(ObservationTables)]
    rows, latest = dict.fromkeys(tables, 0), dict[str, Any]()
    decisions: dict[str, str] = {}
    is_learnable = True
    with deployment.warehouse.writer() as connection:
        for candidate in candidates_of(context, connection):
            window, found = find_window(connection, candidate.as_of_date, deployment.settings.observation)
            decisions[candidate.version_id] = window.decision_
            is_learnable &= window.is_learnable_
            tell(context, window.decision_)
            if not window.is_learnable_ and deployment.settings.value.when_not_learnable == "block":
                raise SegmentationError(
                    f"{window.decision_} value.when_not_learnable is 'block', so {candidate.version_id} is not made."
                    " Map the day on which each contract ended, or set value.when_not_learnable to 'without_future' or"
                    " 'assume'."
                )
            with transaction(connection):
                for table in tables:
                    frame: pd.DataFrame = getattr(found, table)
                    rows[table] += write_segment(connection, table, candidate.version_id, candidate.as_of_date, frame)
            latest = {"decision": window.decision_, "endings": endings_plot(found.endings_by_month)}
    for table in tables:
        metadata = {"rows_written": rows[table]} | (latest if table == "observation_windows" else {})
        yield dg.MaterializeResult(asset_key=["segments", table], metadata=metadata)
    yield dg.AssetCheckResult(
        check_name=LEARNABLE_CHECK,
        asset_key=["segments", "observation_windows"],
        passed=is_learnable,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=decisions,
    )
