"""No bad row gets in, and every row that does not is found again with its reason."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

USAGE = "contract_id,usage_date,bytes_down,bytes_up\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (",2025-01-01,1,1", ("contract_id", "missing_required", None)),
        ("   ,2025-01-01,1,1", ("contract_id", "missing_required", "   ")),
        ("K1,,1,1", ("usage_date", "missing_required", None)),
        ("K1,2025-02-30,1,1", ("usage_date", "wrong_type", "2025-02-30")),
        ("K1,2025-01-01,n/a,1", ("bytes_down", "wrong_type", "n/a")),
        ("K1,2025-01-01,1.5,1", ("bytes_down", "wrong_type", "1.5")),
        ("K1,2025-01-01,99999999999999999999,1", ("bytes_down", "wrong_type", "99999999999999999999")),
        ("K1,2025-01-01,nan,1", ("bytes_down", "wrong_type", "nan")),
        ("K1,2025-01-01,1,-1", ("bytes_up", "negative_value", "-1")),
        ("K9,2025-01-01,1,1", ("contract_id", "unknown_reference", "K9")),
        ("K1,2025-01-01,1,1,1", (None, "unparsable_line", "K1,2025-01-01,1,1,1")),
    ],
)
def test_a_bad_row_goes_to_quarantine_with_column_reason_and_value(small_isp: Isp, line: str, expected) -> None:
    small_isp.write("usage.csv", f"{USAGE}K2,2025-01-01,10,1\n{line}\nK2,2025-01-02,20,2\n")
    report = small_isp.ingest()["usage"]
    assert small_isp.rejected("usage") == [expected]
    assert small_isp.rows("select contract_id, bytes_down from raw.usage order by all") == [("K2", 10), ("K2", 20)]
    assert (report.rows_read, report.rows_accepted, report.rows_quarantined) == (3, 2, 1)
    assert report.reasons == {expected[1]: 1}


def test_a_rejected_row_is_found_again_in_its_file(small_isp: Isp) -> None:
    path = small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,1,1\nK1,2025-01-02,many,1\n")
    small_isp.ingest()
    ((file, row_number, row_json),) = small_isp.rows("select file, row_number, row_json from ops.quarantine")
    assert (file, row_number) == (str(path), 2)
    assert row_json == '{"contract_id":"K1","usage_date":"2025-01-02","bytes_down":"many","bytes_up":"1"}'


def test_an_unmapped_or_empty_optional_value_is_null(small_isp: Isp) -> None:
    small_isp.write("usage.csv", "contract_id,usage_date,bytes_down,bytes_up,devices\nK1,2025-01-01,1,1, \n")
    small_isp.ingest()
    assert small_isp.rows("select devices, peak_mbps from raw.usage") == [(None, None)]


def test_whole_numbers_written_as_decimals_and_padded_text_are_accepted(small_isp: Isp) -> None:
    small_isp.write("usage.csv", f"{USAGE} K1 , 2025-01-01 ,12.0, 7 \n")
    small_isp.ingest()
    expected = [("K1", date(2025, 1, 1), 12, 7)]
    assert small_isp.rows("select contract_id, usage_date, bytes_down, bytes_up from raw.usage") == expected


def test_a_value_outside_the_declared_list_is_not_accepted(small_isp: Isp) -> None:
    small_isp.write("customers.csv", "customer_id,customer_type,created_date\nC1,robot,2024-01-01\n")
    small_isp.ingest("customers")
    assert small_isp.rejected("customers") == [("customer_type", "not_accepted_value", "robot")]


def test_only_credits_may_be_negative(small_isp: Isp) -> None:
    head = "invoice_id,customer_id,invoice_date,due_date,period_start,period_end,net_amount,tax_amount,currency,kind\n"
    days = "2025-01-01,2025-01-15,2025-01-01,2025-01-31"
    rows = f"I1,C1,{days},-5,0,EUR,credit\nI2,C1,{days},-5,0,EUR,recurring\n"
    small_isp.write("invoices.csv", head + rows)
    small_isp.map("invoices", "invoices.csv")
    small_isp.ingest("customers", "invoices")
    assert small_isp.rows("select invoice_id from raw.invoices") == [("I1",)]
    assert small_isp.rejected("invoices") == [("net_amount", "negative_value", "-5")]


def test_rows_that_contradict_each_other_in_one_file_are_all_refused(small_isp: Isp) -> None:
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,1,1\nK1,2025-01-01,2,1\nK1,2025-01-02,3,1\n")
    report = small_isp.ingest()["usage"]
    assert small_isp.rows("select bytes_down from raw.usage") == [(3,)]
    assert small_isp.rejected("usage") == [("contract_id", "duplicate_key_conflict", "K1, 2025-01-01")] * 2
    assert (report.rows_accepted, report.rows_quarantined, report.rows_duplicate) == (1, 2, 0)


def test_exact_duplicates_in_one_file_are_kept_once_and_counted(small_isp: Isp) -> None:
    small_isp.write("usage.csv", USAGE + "K1,2025-01-01,1,1\n" * 3)
    report = small_isp.ingest()["usage"]
    assert small_isp.rows("select count(*) from raw.usage") == [(1,)]
    assert (report.rows_read, report.rows_accepted, report.rows_duplicate) == (3, 1, 2)
    assert small_isp.rejected("usage") == []


def test_a_row_with_a_null_is_equal_to_itself(small_isp: Isp) -> None:
    small_isp.write("usage.csv", USAGE.replace("\n", ",devices\n") + "K1,2025-01-01,1,1,\n" * 2)
    report = small_isp.ingest()["usage"]
    assert (report.rows_accepted, report.rows_duplicate) == (1, 1)


def test_a_contract_has_a_state_for_each_date_and_starts_with_its_first(small_isp: Isp) -> None:
    head = "contract_id,valid_from_date,customer_id,product_code,product_family,start_date,monthly_fee\n"
    rows = "K1,,C1,NET,internet,2024-01-05,29.90\nK1,2024-06-01,C1,NET,internet,2024-01-05,34.90\n"
    small_isp.write("contracts.csv", head + rows)
    small_isp.ingest("customers", "contracts")
    expected = [(date(2024, 1, 5), 29.90), (date(2024, 6, 1), 34.90)]
    found = small_isp.rows("select valid_from_date, monthly_fee::double from raw.contracts order by valid_from_date")
    assert found == expected


def test_a_time_with_an_offset_is_taken_in_the_operators_time_zone(small_isp: Isp) -> None:
    small_isp.settings["schedule"] = {"timezone": "Europe/Berlin"}
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01T23:30:00Z,1,1\nK1,2025-01-03 23:30:00,1,1\n")
    small_isp.ingest()
    days = small_isp.rows("select usage_date from raw.usage order by all")
    assert days == [(date(2025, 1, 2),), (date(2025, 1, 3),)]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_rejected_row_names_the_line_it_begins_on(small_isp: Isp, encoding: str, newline: str) -> None:
    lines = [
        "note,contract_id,usage_date,bytes_down,bytes_up",
        '"two\nlines, one ""quote"" é",K1,2025-01-01,1,1',
        "",
        "bad,K1,2025-01-02,many,1",
        "unparsable é,K1,2025-01-03,1,1,1",
        '"three\n\nlines",K1,2025-01-04,-1,1',
        "fine,K1,2025-01-05,1,1",
        '"unparsable\nover two",K1,2025-01-06,1,1,1',
        "last,K9,2025-01-07,1,1",
    ]
    path = small_isp.folder / "source" / "usage.csv"
    path.write_bytes("".join(line + "\n" for line in lines).replace("\n", newline).encode(encoding))
    small_isp.locate("usage", "usage.csv", options={"encoding": encoding})
    small_isp.map("usage", location="usage", growth="append")
    small_isp.ingest()
    found = small_isp.rows("select reason, row_number, line from ops.quarantine order by line")
    assert found == [
        ("wrong_type", 2, 5),
        ("unparsable_line", None, 6),
        ("negative_value", 3, 7),
        # Its two lines are not records, so each counts by itself.
        ("unparsable_line", None, 11),
        ("unparsable_line", None, 12),
        ("unknown_reference", 5, 13),
    ]


def test_no_line_is_told_where_a_stray_quote_leaves_it_in_doubt(small_isp: Isp) -> None:
    small_isp.write("usage.csv", "note," + USAGE + '3" pipe,K1,2025-01-01,1,1\nx,K1,2025-01-02,many,1\n')
    small_isp.ingest()
    assert small_isp.rows("select row_number, line from ops.quarantine where reason = 'wrong_type'") == [(2, None)]


def test_a_row_of_no_text_file_has_no_line(small_isp: Isp) -> None:
    small_isp.write_parquet(
        "usage.parquet", "select 'K1' as contract_id, '2025-01-01' as usage_date, 'x' as bytes_down, 1 as bytes_up"
    )
    small_isp.ingest()
    assert small_isp.rows("select row_number, line from ops.quarantine") == [(1, None)]
