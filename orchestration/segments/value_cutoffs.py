"""The version whose deciles define the fixed ones, stored as cut-offs with every version."""

import duckdb
import pandas as pd

from models.deciles import decile_cutoffs
from models.value.parameters import ValueParameters
from orchestration.lake.frames import read_frame
from orchestration.segments.candidate import Candidate
from orchestration.segments.tables import columns_of


def cutoffs_of(
    connection: duckdb.DuckDBPyConnection,
    candidate: Candidate,
    ranked: pd.DataFrame,
    currency: str,
    value: ValueParameters,
) -> pd.DataFrame:
    """Return the cut-offs of a candidate, rows of ``segments.value_cutoffs``.

    They are taken over from the previous version as long as their reference is less than ``value.cutoff_months`` months
    old, in the same currency and ranked by the same measure; otherwise the candidate becomes the reference.

    Args:
        connection: its current catalog is the lake.
        candidate: the version being made.
        ranked: its customers with ``ranked_value`` and ``value_decile``.
        currency: the reporting currency.
        value: how long cut-offs apply, and what customers are ranked by.
    """
    columns = list(columns_of("value_cutoffs"))
    before = read_frame(
        connection,
        f"select {', '.join(columns)} from segments.value_cutoffs where version_id = ?"
        " and currency = ? and rank_by = ?",
        [candidate.previous_version_id, currency, value.rank_by],
    )
    if len(before):
        reference, day = before["reference_as_of_date"].iloc[0], candidate.as_of_date
        if (day.year - reference.year) * 12 + day.month - reference.month < value.cutoff_months:
            return before
    own = decile_cutoffs(ranked).assign(
        reference_version_id=candidate.version_id,
        reference_as_of_date=candidate.as_of_date,
        currency=currency,
        rank_by=value.rank_by,
    )
    return own[columns]
