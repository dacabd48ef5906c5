"""Dirty sources: exactly the dirty rows go to quarantine, and the good ones still become a version."""

import pandas as pd
import pytest

from simulator import SimulationParameters
from tests.pipeline.deployments import Deployment, make_deployment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    deployment = make_deployment(
        tmp_path_factory.mktemp("dirty"),
        SimulationParameters(customers=1_000, months=6, end_month="2025-12", seed=11, dirt=0.02),
    )
    deployment.run("2025-12", "2025-12")
    return deployment


def test_rows_read_are_accepted_quarantined_or_known_to_the_row(dirty):
    loads = dirty.frame("select * from ops.loads")
    assert (loads["rows_read"] == loads["rows_accepted"] + loads["rows_quarantined"] + loads["rows_duplicate"]).all()
    quarantined = dirty.frame("select load_id, count(*) as n from ops.quarantine group by 1").set_index("load_id")["n"]
    assert quarantined.sum() == loads["rows_quarantined"].sum() > 0


def test_every_quarantined_row_says_where_and_why(dirty):
    rows = dirty.frame("select * from ops.quarantine")
    assert rows[["load_id", "source_table", "file", "row_number", "reason", "row_json"]].notna().all().all()


def test_a_version_of_the_good_rows_is_published_and_the_report_counts_the_bad(dirty):
    assert [row["status"] for row in dirty.versions()] == ["published"]
    known = pd.read_parquet(dirty.folder / "truth" / "customers.parquet")["customer_id"]
    assert set(dirty.frame("select customer_id from bi.customer_segments")["customer_id"]) <= set(known)
    assert "quarantine" in (dirty.folder / "reports" / "2025-12-31.1.html").read_text().lower()
