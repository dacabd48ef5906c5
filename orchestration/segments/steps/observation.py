"""The observation window of endings: the part of the history from which churn can be learned."""

import duckdb

from orchestration.errors import SegmentationError
from orchestration.segments.candidate import Candidate
from orchestration.segments.find_window import find_window
from orchestration.segments.month import SegmentMonth
from orchestration.settings import Settings


def make_month(connection: duckdb.DuckDBPyConnection, candidate: Candidate, settings: Settings) -> SegmentMonth:
    """Find the date from which endings are on record, before anything is learned from them.

    Raises:
        SegmentationError: churn cannot be learned, and by the settings no version is made then.
    """
    window, tables = find_window(connection, candidate.as_of_date, settings.observation)
    if not window.is_learnable_ and settings.value.when_not_learnable == "block":
        raise SegmentationError(
            f"{window.decision_} value.when_not_learnable is 'block', so {candidate.version_id} is not made."
            " Map the day on which each contract ended, or set value.when_not_learnable to 'without_future' or"
            " 'assume'."
        )
    return SegmentMonth(
        tables=tables,
        decision=window.decision_,
        facts={"observation_windows": {"decision": window.decision_}},
        passed=window.is_learnable_,
        finding=window.decision_,
    )
