"""When what is billed is revenue: against the same rule said plainly, on random bills, and in figures done by hand."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FIRST, MONTHS = date(2025, 1, 1), 30
_GIVEN = f"""
attach ':memory:' as workspace; create schema workspace.intermediate; use workspace.intermediate;
create table months as
select last_day(cast(date '{FIRST}' + to_months(cast(i as integer)) as date)) as month_end_date, true as is_in_books
from range({MONTHS}) as t(i);
create table contract_states (contract_id varchar, customer_id varchar, valid_from_date date, valid_to_date date,
    end_date date);
create table billing_entries (invoice_id varchar, customer_id varchar, contract_id varchar, component varchar,
    entry_date date, period_start date, period_end date, amount decimal(18, 4));
"""


class Bill(NamedTuple):
    """A bill or credit note of a customer, over a contract of its own."""

    issued: date
    start: date
    end: date
    amount: Decimal


Recognize = Callable[..., dict[str, dict[date, Decimal]]]


@pytest.fixture(scope="module")
def recognize(compiled: Path) -> Iterator[Recognize]:
    """Run the compiled model on bills by customer; return what is recognized by customer and month end."""
    sql = (compiled / "intermediate" / "billing" / "recognized_months.sql").read_text()
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(_GIVEN)

        def run(
            bills: dict[str, list[Bill]], ends: dict[str, date] | None = None, through: date = date.max
        ) -> dict[str, dict[date, Decimal]]:
            connection.execute("delete from billing_entries; delete from contract_states")
            for customer, owed in bills.items():
                for number, bill in enumerate(owed):
                    if bill.issued <= through:
                        connection.execute(
                            "insert into billing_entries values (?, ?, ?, 'net_invoiced', ?, ?, ?, ?)",
                            [f"{customer}-{number}", customer, f"K{customer}", *bill],
                        )
                end = (ends or {}).get(customer)
                connection.execute(
                    "insert into contract_states values (?, ?, '2024-01-01', null, ?)", [f"K{customer}", customer, end]
                )
            found: dict[str, dict[date, Decimal]] = {customer: {} for customer in bills}
            for customer, month, amount in connection.execute(
                f"select customer_id, month_end_date, sum(amount) from ({sql}) where month_end_date <= ? group by all",
                [through],
            ).fetchall():
                found[customer][month] = amount
            return {customer: {m: a for m, a in months.items() if a} for customer, months in found.items()}

        yield run


def month_end(day: date) -> date:
    return (day.replace(day=1) + timedelta(31)).replace(day=1) - timedelta(1)


def share_of_months(first: date, last: date) -> float:
    """Count months from a day to a day, both included: a day is its part of its own month."""
    days = [first + timedelta(each) for each in range((last - first).days + 1)]
    return sum(1 / month_end(day).day for day in days)


def recognized_plainly(bill: Bill, month: date) -> float:
    """How much of a bill is revenue by the end of a month."""
    if month < bill.issued:
        return 0.0
    if bill.end < bill.start or bill.end <= month:
        return float(bill.amount)
    given = 0.0 if month < bill.start else share_of_months(bill.start, month)
    return float(bill.amount) * given / share_of_months(bill.start, bill.end)


days = st.dates(FIRST, date(2026, 12, 31))
bills = st.builds(
    lambda issued, start, length, amount: Bill(issued, start, start + timedelta(length), amount),
    issued=days,
    start=days,
    length=st.sampled_from([-5, 0, 1, 27, 28, 29, 30, 89, 180, 364, 365]),
    amount=st.decimals(-500, 500, places=2),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(owed=st.lists(bills, min_size=8, max_size=20))
def test_a_bill_is_revenue_by_the_days_of_its_period_and_to_the_cent_when_that_is_over(recognize, owed):
    found = recognize({str(number): [bill] for number, bill in enumerate(owed)})
    for number, bill in enumerate(owed):
        by_month = found[str(number)]
        for month in sorted(by_month):
            booked = sum(amount for when, amount in by_month.items() if when <= month)
            assert float(booked) == pytest.approx(recognized_plainly(bill, month), abs=0.0002)
        over = [amount for when, amount in by_month.items() if when >= bill.issued]
        last = month_end(date(2027, 6, 1))
        if max(bill.end, bill.issued) <= last:
            assert sum(over) == bill.amount


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(owed=st.lists(bills, min_size=5, max_size=10), cut=days)
def test_no_later_bill_changes_what_was_revenue_before(recognize, owed, cut):
    cut = month_end(cut)
    before = recognize({"c": owed}, through=cut)["c"]
    after = {month: amount for month, amount in recognize({"c": owed})["c"].items() if month <= cut}
    assert before == after


def test_customers_alike_but_for_how_often_they_are_billed_earn_the_same_in_every_month(recognize):
    months = [month_end(date(2025 + (each + 6) // 12, (each + 6) % 12 + 1, 1)) for each in range(12)]
    monthly = [Bill(end, end.replace(day=1), end, Decimal(30)) for end in months]
    quarterly = [
        Bill(months[place].replace(day=1), months[place].replace(day=1), months[place + 2], Decimal(90))
        for place in range(0, 12, 3)
    ]
    yearly = [
        Bill(date(2025, 7, 1), date(2025, 7, 1), date(2026, 6, 30), Decimal(360)),
        # The next year is billed on the last day of this one: it is in neither past nor future twice.
        Bill(date(2026, 6, 30), date(2026, 7, 1), date(2027, 6, 30), Decimal(360)),
    ]
    found = recognize({"monthly": monthly, "quarterly": quarterly, "yearly": yearly}, through=date(2026, 6, 30))
    assert found["monthly"] == dict.fromkeys(months, Decimal(30))
    assert found["quarterly"] == found["yearly"] == found["monthly"]


def test_a_year_that_is_cancelled_midway_is_earned_until_then_and_what_is_given_back_is_not(recognize):
    year = Bill(date(2025, 1, 1), date(2025, 1, 1), date(2025, 12, 31), Decimal(120))
    credit = Bill(date(2025, 5, 2), date(2025, 5, 1), date(2025, 12, 31), Decimal(-80))
    found = recognize(
        {"kept": [year], "credited": [year, credit]}, dict.fromkeys(["kept", "credited"], date(2025, 5, 1))
    )
    tens = {month_end(date(2025, month, 1)): Decimal(10) for month in range(1, 5)}
    assert found["credited"] == tens
    assert found["kept"] == tens | {date(2025, 5, 31): Decimal(80)}
