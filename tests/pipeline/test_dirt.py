"""Dirty sources: exactly the dirty rows go to quarantine, and the good ones still become a version.

That they are blocked first, and why is said, is asserted where the deployment is made.
"""

import json

import pandas as pd
import pytest

pytestmark = pytest.mark.slow


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
