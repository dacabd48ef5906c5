"""Each check finds the fault it is made for, and says nothing of data without it."""

import pytest

from orchestration.ingest import LoadReport
from tests.source_checks.conftest import Lake

ADD_LOAD = """
insert into ops.loads (load_id, source_table, file, loaded_at, rows_read, rows_accepted, rows_quarantined,
    rows_duplicate, rows_superseded)
"""
SERVED = "insert into raw.contracts by name (select * replace ({}) from raw.contracts where contract_id = 'K7')"

FAULTS = {
    "directions swapped": (
        "update raw.usage set bytes_down = bytes_up, bytes_up = bytes_down",
        {("usage", "upload_share"), ("usage", "uploading_contract_share")},
    ),
    "directions of one network node swapped": (
        "update raw.usage set bytes_down = bytes_up, bytes_up = bytes_down where contract_id < 'K50'",
        {("usage", "uploading_contract_share")},
    ),
    "kilobytes taken for bytes": (
        "update raw.usage set bytes_down = bytes_down // 1024, bytes_up = bytes_up // 1024",
        {("usage", "usage_gb_month")},
    ),
    "bytes taken for kilobytes": (
        "update raw.usage set bytes_down = bytes_down * 1000, bytes_up = bytes_up * 1000",
        {("usage", "usage_gb_month"), ("usage", "usage_above_rate_share"), ("usage", "usage_above_peak_share")},
    ),
    "bits taken for bytes where lines are well used": (
        "update raw.usage set bytes_down = bytes_down * 50 * 8",
        {("usage", "usage_gb_month"), ("usage", "usage_above_rate_share"), ("usage", "usage_above_peak_share")},
    ),
    "bits taken for bytes on one day, far within what is usual of contracts": (
        "update raw.usage set bytes_down = bytes_down * 8, bytes_up = bytes_up * 8 where usage_date = '2025-10-28'",
        {("usage", "usage_of_day_to_past")},
    ),
    "kilobytes taken for bytes from one day on": (
        "update raw.usage set bytes_down = bytes_down // 1000, bytes_up = bytes_up // 1000"
        " where usage_date >= '2025-10-29'",
        {("usage", "usage_of_day_to_past")},
    ),
    "peaks in gigabits": (
        "update raw.usage set peak_mbps = peak_mbps / 1000",
        {("usage", "usage_above_peak_share")},
    ),
    "rates in kilobits": (
        "update raw.contracts set download_mbps = download_mbps * 1000",
        {("contracts", "sold_mbps")},
    ),
    "fees in cents": (
        "update raw.contracts set monthly_fee = monthly_fee * 100",
        {("invoices", "invoice_to_fee"), ("invoices", "invoiced_to_contracted")},
    ),
    "invoices in cents": (
        "update raw.invoices set net_amount = net_amount * 100, tax_amount = tax_amount * 100",
        {("invoices", "invoice_to_fee"), ("invoices", "invoiced_to_contracted"), ("payments", "settled_to_invoiced")},
    ),
    "nobody who left is on record": (
        "update raw.contracts set end_date = null where contract_id like 'KL%'",
        {("contracts", "churn_learnable")},
    ),
    "everybody left on one day": (
        "update raw.contracts set end_date = '2025-10-10' where contract_id like 'KL%'",
        {("contracts", "churn_learnable")},
    ),
    "usage after the end of contracts": (
        "update raw.contracts set end_date = date '2025-10-30' where contract_id in ('K7', 'K8')",
        {("usage", "usage_after_contract_end")},
    ),
    "usage before the start of a contract": (
        "update raw.contracts set start_date = date '2025-07-02' where contract_id = 'K7'",
        {("usage", "usage_before_contract_start")},
    ),
    "a file of usage cut in half": (
        "delete from raw.usage where usage_date = date '2025-10-29' and contract_id < 'K55'",
        {("usage", "rows_of_day_to_past")},
    ),
    "a file of usage twice as long": (
        "insert into raw.usage by name (select * replace (contract_id || 'x' as contract_id) from raw.usage"
        " where usage_date = date '2025-10-29')",
        {("usage", "rows_of_day_to_past")},
    ),
    "a day of usage missing": (
        "delete from raw.usage where usage_date = date '2025-10-01'",
        {("usage", "missing_days")},
    ),
    "usage that stopped coming": (
        "delete from raw.usage where usage_date > date '2025-10-20';"
        "update raw.interactions set occurred_at = timestamp '2025-10-30 10:00' where interaction_id = 'X5-7'",
        {("usage", "days_behind")},
    ),
    "half of a month's interactions": (
        "delete from raw.interactions where occurred_at >= date '2025-10-01' and customer_id < 'C30'",
        {("interactions", "rows_of_month_to_past")},
    ),
    "a month without invoices": (
        "delete from raw.invoices where invoice_date >= date '2025-10-01'",
        {("invoices", "rows_of_month_to_past"), ("invoices", "invoiced_to_contracted"), ("invoices", "days_behind"),
         ("payments", "settled_to_invoiced"), ("payments", "payments_without_invoice_share")},
    ),
    "customers who are never invoiced": (
        "delete from raw.payments where customer_id in ('C1', 'C2', 'C3');"
        "delete from raw.invoices where customer_id in ('C1', 'C2', 'C3')",
        {("invoices", "not_invoiced_share")},
    ),
    "invoices of unknown contracts": (
        "update raw.invoices set contract_id = 'old-' || contract_id where customer_id < 'C15'",
        {("invoices", "invoices_without_contract_share")},
    ),
    "a right of use paid for ten years at once": (
        "update raw.invoices set period_end = period_start + interval 10 year where customer_id = 'C1'",
        {("invoices", "long_period_share")},
    ),
    "payments of unknown invoices": (
        "update raw.payments set invoice_id = 'R-' || invoice_id where customer_id < 'C15'",
        {("payments", "payments_without_invoice_share")},
    ),
    "identifiers of invoices that another program wrote": (
        "update raw.payments set invoice_id = 'R-' || invoice_id",
        {("payments", "payments_without_invoice_share"), ("payments", "money_without_invoice_share")},
    ),
    "a word for no parent": (
        "update raw.customers set parent_customer_id = 'to be defined' where customer_id < 'C60'",
        {("customers", "unknown_reference_share"), ("customers", "commonest_group_share")},
    ),
    "a word for no household": (
        "update raw.customers set household_id = 'private' where customer_id < 'C60'",
        {("customers", "commonest_group_share")},
    ),
    "a reseller who is not a customer": (
        "update raw.contracts set reseller_customer_id = 'R-' || contract_id where contract_id < 'K30'",
        {("contracts", "unknown_reference_share")},
    ),
    "a customer created again, after its own bills": (
        "update raw.customers set created_date = date '2025-10-10' where customer_id = 'C7'",
        {("customers", "created_late_share")},
    ),
    "payments that failed": (
        "update raw.payments set status = 'failed' where customer_id < 'C60'",
        {("payments", "settled_to_invoiced")},
    ),
    "an invoice date of the future": (
        # Taken for what it is: it moves no window.
        "update raw.invoices set invoice_date = date '2099-01-01' where invoice_id = 'I5-7'",
        set(),
    ),
}  # fmt: skip


def test_data_without_a_fault_pass_every_check(lake: Lake):
    outcomes = lake.check()
    assert [key for key, outcome in outcomes.items() if not outcome.passed] == []
    judged = {name for (_, name), outcome in outcomes.items() if outcome.value is not None}
    assert judged == {name for _, name in outcomes}, "a check that judges nothing proves nothing"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_nothing_else(lake: Lake, fault: str):
    sql, expected = FAULTS[fault]
    lake.plant(sql)
    # Planted rows are not in the books: that is what the next test is about.
    assert {key for key in lake.failed() if key[1] != "row_accounting"} == expected


@pytest.mark.parametrize(
    "sql",
    [
        "delete from raw.payments where payment_id = 'PI5-7'",
        "insert into raw.payments select * from raw.payments limit 1",
        "update ops.loads set rows_duplicate = 1 where source_table = 'payments'",
        "update ops.loads set rows_quarantined = 1, rows_read = rows_read + 1 where source_table = 'payments'",
        # The sum is right, and yet a row came with another load than the books say.
        "update raw.payments set _load_id = 7 where payment_id = 'PI5-7'",
    ],
)
def test_a_row_out_of_the_books_blocks_whatever_the_settings_say(lake: Lake, sql: str):
    lake.plant(sql)
    outcome = lake.check()["payments", "row_accounting"]
    assert outcome.blocks
    assert outcome.value is not None
    assert outcome.value >= 1


def test_fees_in_another_currency_are_not_compared_with_bills_in_the_reporting_currency(lake: Lake):
    lake.plant("update raw.contracts set currency = 'HUF', monthly_fee = monthly_fee * 400 where contract_id > 'K5'")
    lake.plant("update raw.invoices set currency = 'HUF', net_amount = net_amount * 400 where contract_id > 'K5'")
    assert lake.check()["invoices", "invoiced_to_contracted"].value == pytest.approx(1.0)


def test_a_bill_for_two_months_counts_in_both_and_one_that_gives_its_period_wrong_is_found(lake: Lake):
    lake.plant("delete from raw.invoices where month(invoice_date) % 2 = 0")
    lake.plant("update raw.invoices set net_amount = 60, period_end = last_day(invoice_date + interval 1 month)")
    found = lake.check()
    assert found["invoices", "invoiced_to_contracted"].value == pytest.approx(1.0)
    assert found["invoices", "invoice_to_fee"].value == pytest.approx(1.0)
    lake.plant("update raw.invoices set period_end = last_day(invoice_date)")
    assert not lake.check()["invoices", "invoiced_to_contracted"].passed


def test_rows_on_the_last_day_of_a_contract_are_within_it_and_those_on_the_end_date_are_counted(lake: Lake):
    lake.plant("update raw.contracts set end_date = date '2025-10-31' where contract_id = 'K7'")
    outcome = lake.check()["usage", "usage_after_contract_end"]
    assert outcome.value == 1
    assert "1 rows of 1 contracts from 2025-10-31 to 2025-10-31" in outcome.message
    assert "4.3 GB" in outcome.message


def test_events_after_the_end_of_a_contract_are_reported_with_their_bytes(lake: Lake):
    lake.settings["sources"]["usage_sessions"] = {"location": "files"}
    lake.plant(
        "insert into raw.usage_sessions (session_id, contract_id, reported_at, reported_date, started_at, ended_at,"
        " bytes_down, bytes_up, _load_id) select 'S' || i, 'K7', day + interval 1 hour, day, day,"
        " day + interval 1 hour, 2_000_000_000, 1_000_000_000, 7"
        " from (select i, date '2025-10-12' + i::int as day from range(20) as t(i))"
    )
    lake.plant(f"{ADD_LOAD} values (7, 'usage_sessions', 's.csv', '2025-11-01 02:00', 20, 20, 0, 0, 0)")
    assert lake.failed() == set()
    lake.plant("update raw.contracts set end_date = date '2025-10-30' where contract_id = 'K7'")
    outcome = lake.check()["usage_sessions", "usage_after_contract_end"]
    assert outcome.value == 2
    assert "2 rows of 1 contracts from 2025-10-30 to 2025-10-31" in outcome.message
    assert "(6.0 GB)" in outcome.message
    lake.plant("update raw.usage_sessions set bytes_down = bytes_up, bytes_up = bytes_down")
    assert not lake.check()["usage_sessions", "upload_share"].passed


def test_the_end_of_a_contract_is_that_of_its_latest_state(lake: Lake):
    lake.plant("update raw.contracts set end_date = date '2025-08-01' where contract_id = 'K7'")
    lake.plant(SERVED.format("null as end_date, date '2025-08-01' as valid_from_date"))
    assert lake.check()["usage", "usage_after_contract_end"].value == 0


def test_old_rows_out_of_a_contract_are_reported_by_the_check_after_their_load(lake: Lake):
    lake.plant("update raw.contracts set start_date = date '2025-07-03' where contract_id = 'K7'")
    assert lake.check()["usage", "usage_before_contract_start"].value == 2
    assert lake.check()["usage", "usage_before_contract_start"].value == 0, "seen before, and not recent"


def test_a_snapshot_that_lost_most_of_its_rows_blocks_until_it_is_delivered_again(lake: Lake):
    cut = LoadReport("customers", files_new=1, rows_in_table=100, rows_deleted=300)
    assert lake.check(cut)["customers", "deleted_share"].blocks
    assert lake.check()["customers", "deleted_share"].blocks, "loading nothing mends nothing"
    whole = LoadReport("customers", files_new=1, rows_in_table=400, rows_deleted=0)
    assert lake.check(whole)["customers", "deleted_share"].passed


def test_quarantine_above_the_limit_names_share_limit_and_the_commonest_reasons(lake: Lake):
    lake.plant("update ops.loads set rows_read = 120, rows_quarantined = 20 where source_table = 'customers'")
    lake.plant(
        "insert into ops.quarantine (load_id, source_table, file, row_number, line, column_name, value, reason)"
        " select 1, 'customers', '/exports/customers.csv', i, i + 2,"
        " case when i < 15 then 'customer_type' else 'created_date' end,"
        " case when i < 15 then 'robot' else 'soon' end,"
        " case when i < 15 then 'not_accepted_value' else 'wrong_type' end from range(20) as t(i)"
    )
    outcome = lake.check()["customers", "quarantine_share"]
    assert outcome.blocks
    assert outcome.value == pytest.approx(20 / 120)
    assert "16.67% of the rows read are in quarantine: 20 of 120" in outcome.message
    assert "15 × not_accepted_value in customer_type (for example 'robot' at customers.csv:2)" in outcome.message
    assert "5 × wrong_type in created_date (for example 'soon' at customers.csv:17)" in outcome.message


@pytest.mark.parametrize(("rows", "share", "blocks"), [(200, 0.5, True), (20, 0.5 * 20 / 12320, False)])
def test_one_bad_night_does_not_drown_in_years_of_good_ones(lake: Lake, rows: int, share: float, blocks: bool):
    lake.plant(f"{ADD_LOAD} values (7, 'usage', 'n.csv', '2025-11-02 02:00', {rows}, 0, {rows // 2}, {rows // 2}, 0)")
    outcome = lake.check()["usage", "quarantine_share"]
    assert outcome.value == pytest.approx(share)
    assert outcome.blocks == blocks


def test_a_customer_created_late_is_named_with_its_first_fact(lake: Lake):
    lake.plant("update raw.customers set created_date = date '2025-10-10' where customer_id = 'C7'")
    message = lake.check()["customers", "created_late_share"].message
    assert "1 of 111 customers" in message
    assert "C7, created 2025-10-10, first fact of 2025-01-08" in message


def test_money_of_which_most_names_no_invoice_blocks_with_an_example(lake: Lake):
    lake.plant("update raw.payments set invoice_id = invoice_id || '.0'")
    outcome = lake.check()["payments", "money_without_invoice_share"]
    assert outcome.blocks
    assert "for example payment PI" in outcome.message


def test_attributes_that_the_settings_name_otherwise_than_the_rows_are_counted_and_told(lake: Lake):
    lake.settings["sources"]["customer_attributes"] = {"location": "files"}
    lake.plant(f"{ADD_LOAD} values (8, 'customer_attributes', 'a.csv', '2025-11-01 02:00', 300, 300, 0, 0, 0)")
    lake.plant("""
        insert into raw.customer_attributes by name
        select 'C' || i as customer_id, name as attribute, date '2025-06-01' as known_from_date, 8 as _load_id,
            case name when 'Risk' then if(i < 50, 'low', 'high') else (i / 10)::varchar end as attribute_value
        from range(100) as t(i), (values ('score'), ('Risk'), ('grade')) as names(name)
    """)
    key = ("customer_attributes", "attributes_unlike_settings")
    assert lake.check()[key].value is None, "nothing is named"
    lake.settings["behavior"] = {"attributes": {"score": "number", "risk": ["low", "high"]}}
    assert lake.check()[key].value == 0
    lake.settings["behavior"]["attributes"] = {"risk": "number", "grade": ["0.0"], "nps": "number"}
    found = lake.check()[key]
    assert (found.value, found.passed) == (3, False)
    for told in (
        "'risk' is not a number in every row",
        "no row has 'nps'",
        "'grade' has values",
        "'0.1'",
        "risk, score",
    ):
        assert told in found.message
