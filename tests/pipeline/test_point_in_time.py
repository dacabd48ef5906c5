"""The past does not know the future: a month's output is the same with every source cut at its as-of date.

Nor do a later month of the same run, or the order of rows and files, mean anything.
"""

import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestration.lake.declarations import tables_of_days
from tests.pipeline.deployments import Deployment

pytestmark = pytest.mark.slow

MONTH, AS_OF = "2025-11", "2025-11-30"
DAYS = {f"{schema}.{table}" for table in tables_of_days() for schema in ("segments", "bi")}
# When a row of each source became known.
KNOWN_SINCE = {
    "customers": "created_date",
    "contracts": "valid_from_date",
    "usage": "usage_date",
    "invoices": "invoice_date",
    "payments": "paid_date",
    "interactions": "occurred_at::date",
    "service_quality": "date",
}


def _copy(source: Deployment, folder: Path, row_sql: str) -> Deployment:
    """Copy the source files, rows chosen and ordered by ``row_sql`` with {known} and {as_of} filled in."""
    shutil.copy(source.settings_file, folder)
    for file in sorted((source.folder / "source").rglob("*.parquet")):
        relative = file.relative_to(source.folder)
        table = relative.parts[1].split(".")[0]
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        clause = row_sql.format(known=KNOWN_SINCE[table], as_of=AS_OF)
        duckdb.sql(f"copy (select * from read_parquet('{file}') {clause}) to '{target}' (format parquet)")
    return Deployment(folder)


def _as_of(deployment: Deployment) -> dict[str, pd.DataFrame]:
    """What was known at the end of the month, by table and view."""
    found = {}
    for name, frame in deployment.contents("features", "segments", "bi").items():
        # A running account, which later write-offs change; the last month alone; periods over all months.
        spanning = {"features.customer_margin_monthly", "bi.customer_segments", "bi.customer_segment_periods"}
        if name not in spanning | DAYS:
            rows = frame[pd.to_datetime(frame["as_of_date"]) == AS_OF]
            # How many loads the sources came in is not a fact about customers.
            found[name] = rows.drop(columns="last_load_id", errors="ignore").reset_index(drop=True)
    return found


def test_sources_cut_at_the_as_of_date_and_shuffled_give_the_same_month_to_the_bit(small, tmp_path):
    cut = _copy(small, tmp_path, "where {known} <= date '{as_of}' order by random()")
    rows = {
        name: len(pd.read_parquet(deployment.folder / "source" / "contracts.parquet"))
        for name, deployment in {"whole": small, "cut": cut}.items()
    }
    assert rows["cut"] < rows["whole"], "the cut must take something away"
    usage = cut.folder / "source" / "usage"
    # The files are read by name: other names, other order.
    for number, file in enumerate(sorted(usage.glob("*.parquet"), reverse=True)):
        file.rename(usage / f"part_{number:02d}.parquet")
    cut.run(MONTH, MONTH)
    expected, found = _as_of(small), _as_of(cut)
    assert expected.keys() == found.keys()
    assert len(expected["segments.customer_segments"]) > 900
    for name in expected:
        pd.testing.assert_frame_equal(found[name], expected[name], obj=name)
