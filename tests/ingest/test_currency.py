"""Amounts in other currencies get in with a rate of their day, and wait for it without one."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ingest.conftest import Isp

INVOICES = "invoice_id,customer_id,invoice_date,due_date,period_start,period_end,net_amount,tax_amount,currency\n"
RATES = "currency,rate_date,rate\n"


def invoice(number: int, day: str, currency: str) -> str:
    return f"I{number},C1,{day},{day},{day},{day},10,2,{currency}\n"


@pytest.fixture
def trading_isp(small_isp: Isp) -> Isp:
    """Reports in euro, bills in dollars too, and learns the rate once a month."""
    small_isp.write("usage.csv", "contract_id,usage_date,bytes_down,bytes_up\n")
    small_isp.map("invoices", "invoices*", growth="append")
    small_isp.map("exchange_rates", "rates*", growth="append")
    return small_isp


def test_an_amount_needs_a_rate_on_or_before_its_day_that_is_not_too_old(trading_isp: Isp) -> None:
    trading_isp.write("rates.csv", f"{RATES}USD,2025-01-10,0.9\n")
    days = ["2025-01-09", "2025-01-10", "2025-02-10", "2025-02-11"]
    rows = "".join(invoice(number, day, "USD") for number, day in enumerate(days))
    trading_isp.write("invoices.csv", INVOICES + rows + invoice(9, "2020-01-01", "EUR"))
    trading_isp.ingest()
    assert trading_isp.rows("select invoice_id from raw.invoices order by all") == [("I1",), ("I2",), ("I9",)]
    assert trading_isp.rejected("invoices") == [("currency", "no_exchange_rate", "USD")] * 2


def test_a_row_comes_out_of_quarantine_when_its_rate_comes_and_not_before(trading_isp: Isp) -> None:
    trading_isp.write("rates_1.csv", f"{RATES}USD,2025-01-01,0.9\n")
    trading_isp.write("invoices.csv", INVOICES + invoice(1, "2025-06-15", " usd ") + invoice(2, "2025-01-15", "USD"))
    trading_isp.ingest()
    trading_isp.write("rates_2.csv", f"{RATES}USD,2025-05-01,0.8\nGBP,2025-06-01,1.2\n")
    unchanged = trading_isp.ingest()["invoices"]
    assert (unchanged.files_new, unchanged.reasons) == (0, {"no_exchange_rate": 1})
    trading_isp.write("rates_3.csv", f"{RATES}USD,2025-06-01,0.7\n")
    assert trading_isp.ingest()["invoices"].reasons == {}
    assert trading_isp.rows("select invoice_id, currency from raw.invoices order by all") == [
        ("I1", "USD"),
        ("I2", "USD"),
    ]
    assert trading_isp.ingest()["invoices"].files_new == 0


def test_a_contract_without_history_waits_for_the_rate_of_its_start(trading_isp: Isp) -> None:
    head, *lines = trading_isp.CONTRACTS.splitlines()
    foreign = [f"{line},{currency}" for line, currency in zip(lines, ("USD", ""), strict=True)]
    trading_isp.write("contracts.csv", "\n".join([f"{head},currency", *foreign, ""]))
    trading_isp.write("invoices.csv", INVOICES)
    trading_isp.write("rates_1.csv", f"{RATES}USD,2024-01-06,0.9\n")
    trading_isp.ingest()
    assert trading_isp.rows("select contract_id from raw.contracts") == [("K2",)]
    trading_isp.write("rates_2.csv", f"{RATES}USD,2024-01-05,0.9\n")
    trading_isp.ingest()
    assert trading_isp.rows("select contract_id, currency from raw.contracts order by all") == [
        ("K1", "USD"),
        ("K2", None),
    ]


@pytest.mark.parametrize("code", ["US$", "EURO", "US", "840"])
def test_what_is_no_currency_code_is_refused(trading_isp: Isp, code: str) -> None:
    trading_isp.write("rates.csv", f"{RATES}USD,2025-01-01,0.9\n{code},2025-01-01,1\n")
    trading_isp.write("invoices.csv", INVOICES + invoice(1, "2025-01-15", code))
    trading_isp.ingest()
    assert trading_isp.rejected("invoices") == [("currency", "not_accepted_value", code)]
    assert trading_isp.rejected("exchange_rates") == [("currency", "not_accepted_value", code)]


def test_a_rate_is_above_zero_and_keeps_ten_decimals(trading_isp: Isp) -> None:
    trading_isp.write("rates.csv", f"{RATES}IDR,2025-01-01,0.0000526315\nUSD,2025-01-01,0\nGBP,2025-01-01,-1\n")
    trading_isp.write("invoices.csv", INVOICES)
    trading_isp.ingest()
    assert trading_isp.rows("select currency, rate from raw.exchange_rates") == [("IDR", Decimal("0.0000526315"))]
    assert {reason for _, reason, _ in trading_isp.rejected("exchange_rates")} == {"below_minimum"}


def test_another_reporting_currency_judges_every_row_anew(trading_isp: Isp) -> None:
    trading_isp.write("rates.csv", f"{RATES}USD,2025-01-01,0.9\n")
    trading_isp.write("invoices.csv", INVOICES + invoice(1, "2025-01-15", "EUR") + invoice(2, "2025-01-15", "USD"))
    assert trading_isp.ingest()["invoices"].rows_quarantined == 0
    trading_isp.settings["currency"] = "USD"
    trading_isp.ingest()
    assert trading_isp.rejected("invoices") == [("currency", "no_exchange_rate", "EUR")]


def test_a_lake_from_before_there_were_currencies_gets_the_columns(small_isp: Isp, tmp_path: Path) -> None:
    small_isp.write("usage.csv", "contract_id,usage_date,bytes_down,bytes_up\n")
    small_isp.ingest()
    with small_isp.warehouse.writer() as connection:
        connection.execute("alter table raw.contracts drop column currency")
        connection.execute("alter table ops.loads drop column cursor_value")
        connection.execute("drop table raw.exchange_rates")
    small_isp.write("contracts_new.csv", small_isp.CONTRACTS.replace("K1", "K3").replace("K2", "K4"))
    small_isp.ingest()
    assert small_isp.rows("select count(*), count(currency) from raw.contracts") == [(4, 0)]
