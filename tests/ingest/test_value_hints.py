"""How values that cannot be read are written, and what to do about it, as the preview says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from tests.ingest.previews import INVOICE_COLUMNS, check, table, warnings_of_column

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp


def write_contracts(isp: Isp, rows: Sequence[str]) -> None:
    header, *_ = isp.CONTRACTS.splitlines()
    isp.write("contracts.csv", "\n".join([header, *rows]))
    del isp.settings["sources"]["usage"]


@pytest.mark.parametrize(
    ("written", "said"),
    [("({day}.50)", "Brackets stand for a minus"),
     ("{day},50", "set locations.contracts.decimal_separator to ','"),
     ("1,0{day}.50", "Commas group thousands"),
     ("EUR {day}.50", "A unit goes with them")],
)  # fmt: skip
def test_how_numbers_are_written_is_said_where_most_cannot_be_read(small_isp: Isp, written: str, said: str) -> None:
    rows = [f'K{day},C1,NET,internet,2024-01-05,"{written.format(day=day)}"' for day in range(10, 16)]
    write_contracts(small_isp, rows)
    (hint,) = warnings_of_column(small_isp, "contracts", "monthly_fee")
    assert said in hint


def test_a_fixed_rate_that_is_too_old_is_said_to_be(small_isp: Isp) -> None:
    row = "I{0},C1,2025-01-{0},2025-02-14,2025-01-01,2025-01-31,30,6,{1}"
    rows = [row.format(11, "HRK"), row.format(12, "HRK"), row.format(13, "USD")]
    small_isp.write("invoices.csv", INVOICE_COLUMNS + "\n".join(rows))
    small_isp.write("rates.csv", "currency,rate_date,rate\nHRK,2013-07-01,0.1327228\n")
    small_isp.map("invoices", "invoices.csv")
    small_isp.map("exchange_rates", "rates.csv")
    (hint,) = table(check(small_isp), "invoices").warnings
    assert hint.startswith("currency: 2 rows in HRK have no rate of the 31 days up to theirs")
    assert "of 2013-07-01 to 2013-07-01. A rate that was fixed needs a row a month." in hint


def test_words_for_yes_and_no_are_asked_for(small_isp: Isp) -> None:
    rows = [f"C{number},person,2024-01-01,{'ja' if number % 3 else 'nein'}" for number in range(12)]
    small_isp.write("customers.csv", "\n".join(["customer_id,customer_type,created_date,marketing_consent", *rows]))
    (hint,) = warnings_of_column(small_isp, "customers", "marketing")
    assert "Write case … when 'ja' then … when 'nein' then … end" in hint


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ("0{number}", "once leading zeros are taken off"),
        ("X{number}", "once case is"),
        ("x {number}", "signs and blanks"),
    ],
)
def test_references_that_another_spelling_would_find_are_said_to_be(small_isp: Isp, theirs: str, said: str) -> None:
    prefix = "" if theirs.startswith("0") else "x"
    people = [f"{prefix}{number},person,2024-01-01" for number in range(10, 20)]
    small_isp.write("customers.csv", "\n".join(["customer_id,customer_type,created_date", *people]))
    lines = [f"K{number},{theirs.format(number=number)},NET,internet,2024-01-05,10" for number in range(10, 20)]
    write_contracts(small_isp, lines)
    (hint,) = warnings_of_column(small_isp, "contracts", "customer_id")
    assert f"is not in customers, and '{prefix}10' is. 10 of 10" in hint
    assert said in hint


@pytest.mark.parametrize(
    ("written", "said"),
    [("{day}/12/2024", "'%d/%m/%Y' reads 100% of them: set locations.contracts.date_format."),
     ("2024{day}", "No usual format reads them"),
     ("456{day}", "Excel's serial days: write date '1899-12-30' + cast"),
     ("17300000{day}", "seconds since 1970: write to_timestamp")],
)  # fmt: skip
def test_a_date_format_that_most_values_break_is_named(small_isp: Isp, written: str, said: str) -> None:
    rows = [f"K{day},C1,NET,internet,{written.format(day=day)},10" for day in range(13, 23)]
    write_contracts(small_isp, [*rows, "K9,C1,NET,internet,2024-01-05,10"])
    (doubt,) = warnings_of_column(small_isp, "contracts", "start_date")
    assert f"10 of 11 values are not dates as they are read (for example '{written.format(day=13)}')" in doubt
    assert said in doubt


def test_iso_dates_that_are_read_in_the_format_of_another_location_are_said_to_be_iso(small_isp: Isp) -> None:
    write_contracts(small_isp, [f"K{day},C1,NET,internet,2024-01-{day},10" for day in range(10, 20)])
    small_isp.write("plans.csv", "code,since\nNET,01.02.2020\n")
    small_isp.locate("plans", "plans.csv", date_format="%d.%m.%Y")
    small_isp.settings["sources"]["contracts"] = {
        "query": "select contracts.* from contracts inner join plans on product_code = code"
    }
    (doubt,) = warnings_of_column(small_isp, "contracts", "start_date")
    assert "They are ISO dates, but a location that is read here has another date_format" in doubt


def test_a_date_that_could_be_of_two_formats_is_said_to_be(small_isp: Isp) -> None:
    rows = [f"K{day},C1,NET,internet,0{day}/0{day}/2024,10" for day in range(1, 9)]
    write_contracts(small_isp, rows)
    (doubt,) = warnings_of_column(small_isp, "contracts", "start_date")
    assert "'%d/%m/%Y' reads 100% of them or '%m/%d/%Y' reads 100% of them" in doubt
    assert "Nothing in the values tells which" in doubt


def test_a_few_bad_dates_are_no_wrong_format(small_isp: Isp) -> None:
    rows = [f"K{day},C1,NET,internet,{'soon' if day < 15 else f'2024-12-{day}'},10" for day in range(10, 23)]
    write_contracts(small_isp, rows)
    assert not warnings_of_column(small_isp, "contracts", "start_date")
