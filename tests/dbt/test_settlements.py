"""What settles bills, against the same rule said plainly, day by day from scratch, on random ledgers."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

FIRST_DAY = date(2025, 1, 1)
LAST_DAY = FIRST_DAY + timedelta(200)
_GIVEN = """
attach ':memory:' as workspace; create schema workspace.intermediate; use workspace.intermediate;
create table bills as
select invoice_id, customer_id, day::date as invoice_date, gross_amount::decimal(18, 4) as gross_amount, bill_number,
    sum(gross_amount::decimal(18, 4)) over (partition by customer_id order by bill_number) as billed_to_date
from bills_given;
create table settlement_entries as
select customer_id, invoice_id, day::date as settled_date, amount::decimal(18, 4) as amount from entries_given;
"""
Settle = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]


def ledgers(customers: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bills and movements of money: by name, on account, both; too little, too much, back again, before the bill."""
    random = np.random.default_rng(11)
    bills, entries = [], []
    for number in range(customers):
        customer = f"c{number}"
        owed = [(f"{customer}-{bill}", bill * 30, int(random.integers(0, 80))) for bill in range(random.integers(1, 6))]
        bills += [(customer, *bill, position) for position, bill in enumerate(owed, start=1)]
        for _ in range(random.integers(0, 9)):
            invoice, day, _amount = owed[random.integers(len(owed))]
            is_named = number % 3 == 0 or (number % 3 == 1 and random.random() < 0.5)
            amount = -random.integers(1, 40) if random.random() < 0.15 else random.integers(1, 120)
            paid = day + random.integers(0, 70) if is_named else random.integers(0, 190)
            entries.append((customer, invoice if is_named else None, paid, int(amount)))
    return (
        _dated(pd.DataFrame(bills, columns=["customer_id", "invoice_id", "day", "gross_amount", "bill_number"])),
        _dated(pd.DataFrame(entries, columns=["customer_id", "invoice_id", "day", "amount"])),
    )


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(day=[FIRST_DAY + timedelta(int(day)) for day in frame["day"]])


def settled_plainly(bills: pd.DataFrame, entries: pd.DataFrame, day: date) -> dict[str, float]:
    """Settle what there is by the day: named money first, then what is on account, the oldest bill first."""
    bills, entries = bills[bills["day"] <= day], entries[entries["day"] <= day]
    named = entries.groupby("invoice_id")["amount"].sum()
    account = entries[entries["invoice_id"].isna()].groupby("customer_id")["amount"].sum().to_dict()
    settled = {}
    for bill in bills.itertuples():
        received = named.get(bill.invoice_id, 0)
        settled[bill.invoice_id] = max(0, min(received, bill.gross_amount))
        account[bill.customer_id] = account.get(bill.customer_id, 0) + max(0, received - bill.gross_amount)
    for bill in bills.sort_values("bill_number").itertuples():
        paid = max(0, min(account[bill.customer_id], bill.gross_amount - settled[bill.invoice_id]))
        settled[bill.invoice_id] += paid
        account[bill.customer_id] -= paid
    return settled


def settled_by(found: pd.DataFrame, day: date) -> dict[str, float]:
    rows = found[found["settled_date"] <= pd.Timestamp(day)]
    return rows.groupby("invoice_id")["settled_amount"].sum().to_dict()


@pytest.fixture(scope="module", params=[500, 2], ids=["bills_of_one_block", "bills_of_several_blocks"])
def settle(compiled: Path, request: pytest.FixtureRequest) -> Settle:
    """Run the compiled model on frames, with few bills in a block as if there were many."""
    sql = (compiled / "intermediate" / "billing" / "bill_settlements.sql").read_text()
    assert sql.count("bill_number - 1) / 500)") == 2
    sql = sql.replace("/ 500)", f"/ {request.param})")

    def run(bills: pd.DataFrame, entries: pd.DataFrame) -> pd.DataFrame:
        with duckdb.connect() as connection:
            connection.register("bills_given", bills)
            connection.register("entries_given", entries)
            connection.execute(_GIVEN)
            return connection.execute(sql).df().astype({"settled_amount": float, "settled_to_date": float})

    return run


def test_bills_are_settled_as_they_would_be_day_by_day_from_scratch(settle: Settle) -> None:
    bills, entries = ledgers(300)
    found = settle(bills, entries)
    for days in range(0, 200, 9):
        day = FIRST_DAY + timedelta(days)
        found_by_day, plainly = settled_by(found, day), settled_plainly(bills, entries, day)
        assert {bill: found_by_day.get(bill, 0) for bill in plainly} == plainly, day


def test_no_later_money_changes_what_was_settled_before(settle: Settle) -> None:
    bills, entries = ledgers(300)
    cut = pd.Timestamp(FIRST_DAY + timedelta(75))
    before = settle(bills[bills["day"] <= cut.date()], entries[entries["day"] <= cut.date()])
    columns = ["invoice_id", "settled_date", "settled_to_date", "settled_amount"]
    after = settle(bills, entries).query("settled_date <= @cut")
    pd.testing.assert_frame_equal(
        before[columns].sort_values(columns, ignore_index=True), after[columns].sort_values(columns, ignore_index=True)
    )


def test_a_bill_is_settled_between_nothing_and_the_whole_and_its_changes_add_up(settle: Settle) -> None:
    bills, entries = ledgers(300)
    found = settle(bills, entries).merge(bills[["invoice_id", "gross_amount"]], on="invoice_id")
    assert (found["settled_to_date"] >= 0).all()
    assert (found["settled_to_date"] <= found["gross_amount"]).all()
    assert (found["settled_amount"] != 0).all()
    found = found.sort_values(["invoice_id", "settled_date"])
    assert (found.groupby("invoice_id")["settled_amount"].cumsum() == found["settled_to_date"]).all()
