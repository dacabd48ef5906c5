"""Mid-size companies: what they could buy more of, whom they buy from, and how to reach them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb

from models.business.look_alikes import LookAlikes
from models.business.mid_band import segment_mid_band
from models.business.parameters import MidBandParameters
from models.business.uptake_evidence import uptake_evidence
from orchestration.dagster_support.deployment import ALL_MONTHS_IN_ONE_RUN, MONTHS, WRITER_POOL, Deployment
from orchestration.dagster_support.progress import tell
from orchestration.dagster_support.segment_assets import candidates_of, segment_spec
from orchestration.lake.frames import read_batches, read_frame
from orchestration.lake.warehouse import second_cursor, transaction
from orchestration.segments.tables import write_segment
from orchestration.segments.versions import Candidate

_DEPS = [["segments", "versions"], ["features", "mid_band_features"], ["segments", "mid_band_needs"]]
_TABLES = {
    "b2b_mid_band": "One row a mid-size company with open contracts and version: needs, headroom, exposure to"
    " resellers, recommended route and why.",
    "mid_band_headroom": "One row a mid-size company, product family and version: what look-alikes bring with it.",
    "mid_band_evidence": "One row a product family, method and version: how well needs predict what is held, beside"
    " the number of employees.",
}


@dg.multi_asset(
    name="mid_band",
    specs=[segment_spec(table, description, _DEPS) for table, description in _TABLES.items()],
    partitions_def=MONTHS,
    backfill_policy=ALL_MONTHS_IN_ONE_RUN,
    pool=WRITER_POOL,
)
def mid_band(context: dg.AssetExecutionContext, deployment: Deployment) -> Iterator[dg.MaterializeResult]:
    """Compare every mid-size company with its look-alikes, and choose its route."""
    rows = dict.fromkeys(_TABLES, 0)
    latest: dict[str, Any] = {}
    with deployment.warehouse.writer() as connection:
        for candidate in candidates_of(context, connection):
            written = write_month(connection, candidate, deployment.settings.mid_band)
            for table, count in written.items():
                rows[table] += count
            tell(context, f"{written['b2b_mid_band']} mid-size companies.")
            latest = {"version_id": candidate.version_id}
    for table, count in rows.items():
        yield dg.MaterializeResult(asset_key=["segments", table], metadata={"rows_written": count} | latest)


def write_month(
    connection: duckdb.DuckDBPyConnection, candidate: Candidate, parameters: MidBandParameters
) -> dict[str, int]:
    """Write the mid-band's tables of a candidate in one transaction; return the rows written."""
    sample = read_frame(
        connection,
        "select * from features.mid_band_features where as_of_date = ? order by hash(customer_id), customer_id limit ?",
        [candidate.as_of_date, parameters.look_alike_sample],
    )
    model = LookAlikes(parameters).fit(sample)
    frames: dict[str, list[Any]] = {"b2b_mid_band": [], "mid_band_headroom": []}
    for batch in read_batches(
        second_cursor(connection),
        "select features.*, needs.* exclude (version_id, as_of_date, customer_id)"
        " from features.mid_band_features as features inner join segments.mid_band_needs as needs"
        " on features.customer_id = needs.customer_id and needs.version_id = ?"
        " where features.as_of_date = ?",
        [candidate.version_id, candidate.as_of_date],
    ):
        # Mid-size companies are few beside all customers, even where those are millions.
        companies, headroom = segment_mid_band(batch, model, parameters)
        frames["b2b_mid_band"].append(companies)
        frames["mid_band_headroom"].append(headroom)
    with transaction(connection):
        return {
            table: write_segment(connection, table, candidate.version_id, candidate.as_of_date, parts)
            for table, parts in (frames | {"mid_band_evidence": [uptake_evidence(model)]}).items()
        }
