"""What stands above the header and below the rows of an export, and its word for nothing."""

from tests.ingest.conftest import Isp

EXPORT = """Customers of Example ISP
as of 30 June 2026
customer_id,customer_type,created_date,region,parent_customer_id
C1,person,2024-01-01,North,n.v.
C2,person,2024-01-02,n.v.,n.v.
Total,2,,,
"""


def test_title_lines_are_skipped_totals_left_out_and_the_systems_word_for_nothing_is_null(isp: Isp) -> None:
    isp.write("export.csv", EXPORT)
    isp.locate("export", "export.csv", options={"skip": 2, "nullstr": ["n.v.", ""]})
    isp.map("customers", location="export", where="customer_id <> 'Total'")
    isp.ingest("customers")
    assert isp.rows("select customer_id, region, parent_customer_id from raw.customers order by 1") == [
        ("C1", "North", None),
        ("C2", None, None),
    ]


def test_a_total_that_is_not_left_out_goes_to_quarantine_by_its_row(isp: Isp) -> None:
    isp.write("export.csv", EXPORT)
    isp.locate("export", "export.csv", options={"skip": 2})
    isp.map("customers", location="export", quarantine={"action": "warn"})
    isp.ingest("customers")
    assert isp.rows("select row_number, column_name from ops.quarantine") == [(3, "customer_type")]
