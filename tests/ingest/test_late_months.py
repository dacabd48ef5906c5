"""What comes late marks the published months it reaches, and what changes nothing marks none."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import pytest

from orchestration.lake.migrations import migrate
from orchestration.segments.revisions import months_due
from orchestration.segments.versions import last_load_id

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

USAGE = "contract_id,usage_date,bytes_down,bytes_up\n"
INVOICES = (
    "invoice_id,customer_id,invoice_date,due_date,period_start,period_end,net_amount,tax_amount,currency\n"
    "I1,C1,2025-02-28,2025-03-14,2025-02-01,2025-02-28,{amount},0,EUR\n"
    "I2,C2,2025-02-28,2025-03-14,2025-02-01,2025-02-28,40,0,EUR\n"
)


@pytest.fixture
def published_isp(small_isp: Isp) -> Isp:
    """January to March 2025 are loaded and published."""
    small_isp.write("usage_1.csv", f"{USAGE}K1,2025-01-15,1,1\nK1,2025-02-15,1,1\nK2,2025-03-15,1,1\n")
    small_isp.write("invoices.csv", INVOICES.format(amount=30))
    small_isp.map("invoices", "invoices.csv")
    small_isp.ingest()
    with small_isp.warehouse.writer() as connection:
        migrate(connection)
        for month in (1, 2, 3):
            connection.execute(
                "insert into segments.versions (version_id, as_of_date, revision, status, created_at, last_load_id)"
                " values (?, last_day(?), 1, 'published', ?, ?)",
                [f"2025-0{month}.1", date(2025, month, 1), datetime(2025, 4, 2), last_load_id(connection)],
            )
    return small_isp


def due_after_ingest(isp: Isp) -> dict[str, dict[str, int]]:
    isp.ingest()
    with isp.warehouse.reader() as connection:
        return {each.month: dict(each.rows) for each in months_due(connection)}


def test_a_new_day_after_the_published_months_makes_none_due(published_isp: Isp) -> None:
    published_isp.write("usage_2.csv", f"{USAGE}K1,2025-04-01,1,1\n")
    assert due_after_ingest(published_isp) == {}


def test_a_late_usage_row_makes_its_month_and_the_later_ones_due(published_isp: Isp) -> None:
    published_isp.write("usage_2.csv", f"{USAGE}K1,2025-04-01,1,1\nK2,2025-02-20,1,1\n")
    assert due_after_ingest(published_isp) == {"2025-02": {"usage": 1}, "2025-03": {"usage": 1}}


def test_a_restated_invoice_makes_its_month_due_and_the_unchanged_one_beside_it_counts_for_nothing(
    published_isp: Isp,
) -> None:
    published_isp.write("invoices.csv", INVOICES.format(amount=31))
    assert due_after_ingest(published_isp) == {"2025-02": {"invoices": 1}, "2025-03": {"invoices": 1}}


def test_a_changed_attribute_without_a_date_reaches_every_month_since_the_customer_came(published_isp: Isp) -> None:
    published_isp.write("customers.csv", published_isp.CUSTOMERS.replace("C1,person", "C1,organization"))
    assert due_after_ingest(published_isp) == {
        "2025-01": {"customers": 1},
        "2025-02": {"customers": 1},
        "2025-03": {"customers": 1},
    }


def test_a_deleted_row_makes_its_month_due(published_isp: Isp) -> None:
    published_isp.write("invoices.csv", "".join(INVOICES.format(amount=30).splitlines(keepends=True)[:2]))
    assert due_after_ingest(published_isp) == {"2025-02": {"invoices": 1}, "2025-03": {"invoices": 1}}


def test_the_same_rows_in_another_order_make_none_due(published_isp: Isp) -> None:
    head, *lines = INVOICES.format(amount=30).splitlines(keepends=True)
    published_isp.write("invoices.csv", "".join([head, *reversed(lines)]))
    assert due_after_ingest(published_isp) == {}
