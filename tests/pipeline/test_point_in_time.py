"""The past does not know the future: a month's output is the same with every source cut at its as-of date.

Nor does the order of rows and files mean anything.
"""

import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from tests.pipeline.deployments import SMALL, Deployment, make_deployment

pytestmark = pytest.mark.slow

MONTH, AS_OF = "2025-10", "2025-10-31"
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
SCHEMAS = ("features", "segments", "bi")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    deployment = make_deployment(tmp_path_factory.mktemp("whole"), SMALL)
    deployment.run(MONTH, MONTH)
    return deployment


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


def _assert_same(left: Deployment, right: Deployment) -> None:
    expected, found = left.contents(*SCHEMAS), right.contents(*SCHEMAS)
    assert expected.keys() == found.keys()
    for name in expected:
        # How many loads the sources came in is no fact about customers.
        left_rows, right_rows = (each[name].drop(columns="last_load_id", errors="ignore") for each in (found, expected))
        pd.testing.assert_frame_equal(left_rows, right_rows, obj=name)


def test_sources_cut_at_the_as_of_date_and_shuffled_give_the_same_month_to_the_bit(whole, tmp_path):
    cut = _copy(whole, tmp_path, "where {known} <= date '{as_of}' order by random()")
    rows = {
        name: len(pd.read_parquet(deployment.folder / "source" / "contracts.parquet"))
        for name, deployment in {"whole": whole, "cut": cut}.items()
    }
    assert rows["cut"] < rows["whole"], "the cut must take something away"
    usage = cut.folder / "source" / "usage"
    # The files are read by name: other names, other order.
    for number, file in enumerate(sorted(usage.glob("*.parquet"), reverse=True)):
        file.rename(usage / f"part_{number:02d}.parquet")
    cut.run(MONTH, MONTH)
    _assert_same(whole, cut)
