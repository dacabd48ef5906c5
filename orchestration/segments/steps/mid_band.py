"""Mid-size companies: what more they could buy, where they buy, and how to reach them."""

import duckdb
import pandas as pd

from models.business.look_alikes import LookAlikes
from models.business.mid_band import segment_mid_band
from models.business.uptake_evidence import uptake_evidence
from orchestration.lake.frames import read_batches, read_frame
from orchestration.segments.candidate import Candidate
from orchestration.segments.month import SegmentMonth
from orchestration.settings import Settings


def make_month(connection: duckdb.DuckDBPyConnection, candidate: Candidate, settings: Settings) -> SegmentMonth:
    """Compare every mid-size company with its look-alikes, and choose its route."""
    parameters = settings.mid_band
    sample = read_frame(
        connection,
        "select * from features.mid_band_features where as_of_date = ? order by hash(customer_id), customer_id limit ?",
        [candidate.as_of_date, parameters.look_alike_sample],
    )
    model = LookAlikes(parameters).fit(sample)
    companies: list[pd.DataFrame] = []
    headrooms: list[pd.DataFrame] = []
    for batch in read_batches(
        connection,
        "select features.*, needs.* exclude (version_id, as_of_date, customer_id)"
        " from features.mid_band_features as features inner join segments.mid_band_needs as needs"
        " on features.customer_id = needs.customer_id and needs.version_id = ?"
        " where features.as_of_date = ?",
        [candidate.version_id, candidate.as_of_date],
    ):
        # Even with millions of customers, mid-size companies are few enough to keep in memory.
        routed, headroom = segment_mid_band(batch, model, parameters)
        companies.append(routed)
        headrooms.append(headroom)
    return SegmentMonth(
        tables={"b2b_mid_band": companies, "mid_band_headroom": headrooms, "mid_band_evidence": uptake_evidence(model)},
        decision=f"{sum(map(len, companies))} mid-size companies.",
    )
