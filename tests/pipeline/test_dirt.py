"""Dirty sources: exactly the dirty rows go to quarantine, and the good ones still become a version."""

import json

import pandas as pd
import pytest
import yaml

from simulator import SimulationParameters
from tests.pipeline.deployments import Deployment, make_deployment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Sources with more dirt than their limits allow, loaded."""
    deployment = make_deployment(
        tmp_path_factory.mktemp("dirty"),
        SimulationParameters(customers=1_000, months=6, end_month="2025-12", seed=11, dirt=0.02),
    )
    finished = deployment.command("run", "--from", "2025-12", "--to", "2025-12")
    assert finished.returncode == 3
    words = " ".join(finished.stderr.split())
    assert "raw.contracts, quarantine_share" in words
    assert "Commonest reasons" in words
    assert "sources.contracts.quarantine.max_share" in words
    assert "Traceback" not in finished.stderr
    return deployment


@pytest.fixture(scope="module")
def dirty(blocked: Deployment) -> Deployment:
    """The same, with the limits raised; a month is segmented from what was loaded."""
    refused = blocked.command("run", "--skip-ingest", "--from", "2025-12", "--to", "2025-12")
    assert refused.returncode == 3
    assert "raw.contracts, quarantine_share" in " ".join(refused.stderr.split())
    settings = yaml.safe_load(blocked.settings_file.read_text())
    for table in ("customers", "contracts"):
        settings["sources"][table]["quarantine"] = {"max_share": 0.1}
    blocked.settings_file.write_text(yaml.safe_dump(settings))
    finished = blocked.command("run", "--skip-ingest", "--from", "2025-12", "--to", "2025-12")
    assert finished.returncode == 0, finished.stderr
    return blocked


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
    report = (dirty.folder / "reports" / "2025-12-31.1.html").read_text()
    assert "carrier_pigeon" in report
    assert "exactly the rows read" in report


def test_the_quarantine_is_listed_by_reason_and_in_full(dirty):
    listed = dirty.command("quarantine", "list", "--table", "contracts", "--format", "json")
    found = json.loads(listed.stdout)
    assert {row["source_table"] for row in found} == {"contracts"}
    (wrong,) = [row for row in found if row["reason"] == "not_accepted_value"]
    assert (wrong["column_name"], wrong["example"]) == ("product_family", "carrier_pigeon")
    assert "contracts_dirty.csv" in wrong["place"]
    rows = dirty.command("quarantine", "list", "--reason", "not_accepted_value", "--rows", "3", "--format", "csv")
    assert rows.stdout.count("not_accepted_value") == 3
