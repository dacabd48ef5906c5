"""Whether the history shows when customers leave."""

from collections.abc import Mapping
from typing import Any

import duckdb

from orchestration.months import as_of_date, month_of
from orchestration.settings import Settings
from orchestration.source_checks.check import Check


def _churn_learnable(
    connection: duckdb.DuckDBPyConnection, settings: Settings, parameters: Mapping[str, Any]
) -> tuple[float | None, str]:
    # Imported late: the statistics it needs take longer to import than a night without new data takes in all.
    from orchestration.source_checks.endings import look_at_endings

    newest = parameters["newest"] or parameters["table_newest"]
    window = look_at_endings(connection, as_of_date(month_of(newest)), settings.observation)
    return float(window.is_learnable_), window.decision_


HISTORY: tuple[Check, ...] = (
    Check(
        name="churn_learnable",
        tables=("contracts",),
        description="Whether the recorded endings tell when customers leave (1) or not (0), and since when they "
        "are on record; churn is learned from those months only.",
        find=_churn_learnable,
        is_costly=True,
        remedy="Map the day on which each contract ended (contracts.end_date). Where it is not known, future value is"
        " left out; value.when_not_learnable can state a rate instead.",
    ),
)
