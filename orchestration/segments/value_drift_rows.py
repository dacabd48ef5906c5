"""The previous version's hazards and values, compared with the candidate's to detect drift."""

import duckdb
import pandas as pd

from models.value.drift import MEASURES, value_drift
from models.value.parameters import ValueParameters
from orchestration.lake.frames import read_frame
from orchestration.segments.candidate import Candidate


def drift_of(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, valued: pd.DataFrame, parameters: ValueParameters
) -> pd.DataFrame:
    """Return rows of ``segments.value_drift``: open customers of a candidate and of its previous version.

    Open customers are those with a churn probability; the future value of the others is 0 by rule.
    """
    before = read_frame(
        connection,
        f"select {', '.join(f'{name}::double as {name}' for name in MEASURES)} from segments.customer_value"
        " where version_id = ? and churn_probability_1m is not null",
        [candidate.previous_version_id],
    )
    now = valued.loc[valued["churn_probability_1m"].notna(), list(MEASURES)]
    drift = value_drift(before, now, watch=parameters.drift_watch, act=parameters.drift_act)
    return drift.assign(reference_version_id=candidate.previous_version_id)
