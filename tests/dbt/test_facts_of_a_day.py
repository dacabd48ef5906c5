"""The facts that triggers rest on, from raw rows to one row per customer and day, at the boundaries of their dates."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.actions.tables import columns_of
from orchestration.lake.contract import LOAD_ID, load_contract
from orchestration.lake.declarations import REGISTRY, declared_tables
from tests.dbt.in_memory import connect, create_views
from tests.dbt.lakes import RUN

DAY = date(2025, 12, 10)
LAST_MONTH, MONTH_BEFORE = date(2025, 11, 30), date(2025, 10, 31)
_SEGMENTS = {
    "version_id": "varchar", "customer_id": "varchar", "is_open": "boolean", "household_id": "varchar",
    "home_business": "varchar", "market_segment": "varchar", "lifecycle_stage": "varchar",
    "value_decile_in_market": "integer", "expected_monthly_margin": "decimal(18,2)",
    "future_value_36m": "decimal(18,2)", "churn_probability_3m": "double", "churn_probability_12m": "double",
    "group_id": "varchar", "b2b_headroom": "decimal(18,2)", "recommended_route": "varchar",
}  # fmt: skip
_OPPORTUNITIES = {"version_id": "varchar", "household_id": "varchar", "product_family": "varchar",
                  "expected_value": "decimal(18,2)"}  # fmt: skip
Put = Mapping[str, Any]


@pytest.fixture(scope="module")
def lake(compiled: Path) -> duckdb.DuckDBPyConnection:
    """Every model between the raw tables and the facts, as views over tables in memory."""
    connection = connect()
    tables = {f"raw.{each.name}": {c.name: c.data_type for c in each.columns} | {LOAD_ID: "bigint"}
              for each in load_contract().values()}  # fmt: skip
    tables |= {
        "ops.action_days": columns_of("action_days"),
        "intermediate.service_addresses": dict(declared_tables("intermediate")["service_addresses"].types),
        "segments.versions": dict(declared_tables("segments")[REGISTRY].types),
        "segments.customer_segments": _SEGMENTS,
        "segments.household_opportunities": _OPPORTUNITIES,
    }
    for name, columns in tables.items():
        connection.execute(f"create table {name} ({', '.join(f'{c} {t}' for c, t in columns.items())})")
    create_views(connection, compiled, "customer_days", given={"customer_segments", "household_opportunities"})
    connection.execute("set variable segmentation_run_id = ?", [RUN])
    return connection


@pytest.fixture
def day(lake: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A lake in which the day is looked at, and two months are published; what a test puts in goes with it."""
    lake.execute("begin")
    put(lake, "ops.action_days", {"run_id": RUN, "action_date": DAY}, {"run_id": "another", "action_date": date.min})
    for version, month, before in (("v2", LAST_MONTH, "v1"), ("v1", MONTH_BEFORE, None)):
        row = {"version_id": version, "as_of_date": month, "previous_version_id": before, "status": "published"}
        put(lake, "segments.versions", row)
    put(lake, "segments.versions", {"version_id": "later", "as_of_date": date(2025, 12, 31), "status": "published"},
        {"version_id": "v2.2", "as_of_date": LAST_MONTH, "status": "candidate"})  # fmt: skip
    put(lake, "raw.customers", {"customer_id": "A", "customer_type": "person", "created_date": date(2020, 1, 1)})
    yield lake
    lake.execute("rollback")


def put(lake: duckdb.DuckDBPyConnection, table: str, *rows: Put) -> None:
    for row in rows:
        marks = ", ".join("?" * len(row))
        lake.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values()))


def fact(lake: duckdb.DuckDBPyConnection, *names: str) -> Any:
    """Return facts of customer A, the only one."""
    (row,) = lake.execute(f"select {', '.join(names)} from result.customer_days").fetchall()
    return row if len(names) > 1 else row[0]


def contract(**columns: Any) -> dict[str, Any]:
    usual = {"contract_id": "K", "customer_id": "A", "product_code": "P", "product_family": "internet",
             "start_date": date(2024, 1, 1), "monthly_fee": 30}  # fmt: skip
    return usual | {"valid_from_date": columns.get("start_date", usual["start_date"])} | columns


def bill(number: int, due: date, amount: int = 10) -> dict[str, Any]:
    issued = due - timedelta(14)
    return {"invoice_id": f"I{number}", "customer_id": "A", "invoice_date": issued, "due_date": due,
            "period_start": issued, "period_end": due, "net_amount": amount, "tax_amount": 0,
            "currency": "EUR"}  # fmt: skip


def paid(
    number: int, on: date, amount: int = 10, invoice: str | None = None, status: str = "settled"
) -> dict[str, Any]:
    return {"payment_id": f"P{number}", "customer_id": "A", "paid_date": on, "amount": amount, "status": status,
            "invoice_id": invoice}  # fmt: skip


def test_the_version_in_force_is_the_latest_published_month_that_was_over(day: duckdb.DuckDBPyConnection) -> None:
    assert fact(day, "version_id", "version_date") == ("v2", LAST_MONTH)


def test_a_customer_of_whom_nothing_is_on_record_is_a_row_in_which_nothing_is_known(
    day: duckdb.DuckDBPyConnection,
) -> None:
    row = day.execute("select * from result.customer_days").fetchdf().iloc[0]
    known = {"action_date", "version_id", "version_date", "customer_id", "customer_type", "month_start_date"}
    assert set(row.dropna().index) == known | {"is_open", "is_prepaid"}
    assert not row["is_open"]


@pytest.mark.parametrize(
    ("columns", "is_open"),
    [
        ({}, True),
        ({"start_date": DAY}, True),
        ({"start_date": DAY + timedelta(1), "valid_from_date": DAY}, False),
        ({"end_date": DAY + timedelta(1)}, True),
        ({"end_date": DAY}, False),
        ({"status": "pending"}, False),
        ({"status": "ended"}, False),
        ({"status": "suspended"}, True),
    ],
)
def test_a_contract_is_open_from_its_first_day_to_the_day_before_its_end(
    day: duckdb.DuckDBPyConnection, columns: dict[str, Any], is_open: bool
) -> None:
    put(day, "raw.contracts", contract(**columns))
    assert fact(day, "is_open") is is_open


def test_a_state_that_is_valid_from_tomorrow_is_not_known_today(day: duckdb.DuckDBPyConnection) -> None:
    put(day, "raw.contracts", contract(), contract(valid_from_date=DAY + timedelta(1), monthly_fee=99))
    assert fact(day, "monthly_fee") == 30


def test_days_are_counted_to_the_ends_of_discounts_commitments_and_reseller_contracts(
    day: duckdb.DuckDBPyConnection,
) -> None:
    put(
        day, "raw.contracts",
        contract(discount_amount=5, discount_until_date=DAY, term_months=24),
        contract(contract_id="L", committed_until_date=DAY + timedelta(60), reseller_customer_id="R"),
        contract(contract_id="M", discount_amount=5, discount_until_date=DAY - timedelta(1)),
    )  # fmt: skip
    found = fact(day, "days_to_discount_end", "days_to_commitment_end", "days_to_reseller_commitment_end")
    assert found == (0, 21, 60)  # 24 months from 1 January 2024 end on 31 December 2025
    assert fact(day, "monthly_fee", "monthly_discount", "days_since_service_start") == (90, 5, 709)


def test_who_held_nothing_in_between_has_come_back_and_who_changed_lines_has_not(
    day: duckdb.DuckDBPyConnection,
) -> None:
    back = DAY - timedelta(30)
    put(day, "raw.contracts", contract(end_date=back), contract(contract_id="L", start_date=back))
    assert fact(day, "return_date") is None
    day.execute("update raw.contracts set end_date = ? where contract_id = 'K'", [back - timedelta(90)])
    assert fact(day, "return_date", "days_since_return") == (back, 30)


def test_a_price_rise_is_known_from_its_announcement_to_its_day(day: duckdb.DuckDBPyConnection) -> None:
    put(day, "raw.contracts", contract(), contract(contract_id="L"), contract(contract_id="M"))
    for contract_id, announced, effective, fee in (
        ("K", DAY, DAY + timedelta(45), 33), ("L", DAY + timedelta(1), DAY + timedelta(9), 40), ("M", DAY, DAY, 50)
    ):  # fmt: skip
        put(day, "raw.price_changes", {"contract_id": contract_id, "announced_date": announced,
                                       "effective_date": effective, "new_monthly_fee": fee})  # fmt: skip
    assert fact(day, "days_to_price_rise", "price_rise_amount") == (45, 3)


def test_a_bill_is_due_on_its_day_and_overdue_from_the_next(day: duckdb.DuckDBPyConnection) -> None:
    # A payment long ago tells that payments are recorded.
    put(day, "raw.payments", paid(0, date(2024, 1, 1), 1), paid(9, date(2024, 1, 1), 1, status="refunded"))
    put(day, "raw.invoices", bill(1, DAY - timedelta(1)), bill(2, DAY, 20), bill(3, DAY + timedelta(30), 99))
    columns = ("days_to_next_due", "due_amount", "days_since_overdue_since", "overdue_amount")
    # Payments of its due date have not arrived: nobody is reminded, and nobody is sold more either.
    assert fact(day, *columns) == (0, 20, None, 10)
    put(day, "raw.payments", paid(8, DAY - timedelta(1), 0))
    assert fact(day, *columns) == (0, 20, 1, 10)  # the third is not issued yet


def test_money_settles_the_bill_that_it_names_and_else_the_oldest(day: duckdb.DuckDBPyConnection) -> None:
    put(day, "raw.invoices", *[bill(number, DAY - timedelta(40 - 10 * number)) for number in (1, 2, 3)])
    put(day, "raw.payments", paid(1, DAY - timedelta(60), 0, "I1"), paid(2, DAY - timedelta(3), 15, "I2"))
    # Five too much for the second go to the first.
    assert fact(day, "overdue_since_date", "overdue_amount") == (DAY - timedelta(30), 15)
    put(day, "raw.payments", paid(3, DAY, 5), paid(4, DAY + timedelta(1), 10))
    assert fact(day, "overdue_since_date", "overdue_amount") == (DAY - timedelta(10), 10)


def test_a_failed_payment_is_forgotten_when_money_comes(day: duckdb.DuckDBPyConnection) -> None:
    put(day, "raw.payments", paid(1, DAY - timedelta(4), status="failed"), paid(2, DAY - timedelta(5)))
    assert fact(day, "days_since_payment_failed") == 4
    put(day, "raw.payments", paid(3, DAY - timedelta(4)))
    assert fact(day, "days_since_payment_failed") is None


def use(day: duckdb.DuckDBPyConnection, first: int, last: int, gb: float, contract_id: str = "K") -> None:
    """Use so much a day, from the first to the last of the days before today, both included."""
    for back in range(last, first + 1):
        put(day, "raw.usage", {"contract_id": contract_id, "usage_date": DAY - timedelta(back),
                               "bytes_down": int(gb * 1e9), "bytes_up": 0})  # fmt: skip


def test_usage_is_compared_with_the_days_before_from_the_last_that_arrived(day: duckdb.DuckDBPyConnection) -> None:
    put(day, "raw.contracts", contract(data_cap_gb=20))
    use(day, 36, 9, 4)  # 28 days
    use(day, 8, 2, 1)  # the last seven: the last day to arrive is the day before yesterday
    found = fact(day, "usage_known_date", "usage_change", "usage_gb_month_before", "cap_share")
    # This month: four of the days before at 4 - of them 1 December alone - and seven at 1.
    assert found == (DAY - timedelta(2), 0.25, 120, pytest.approx((4 + 7) / 20))


def test_nothing_is_said_of_usage_that_has_not_arrived_for_days(day: duckdb.DuckDBPyConnection) -> None:
    put(day, "raw.contracts", contract(data_cap_gb=1))
    use(day, 30, 6, 5)
    assert fact(day, "usage_known_date", "cap_share", "usage_change", "silent_since_date") == (None,) * 4


def test_a_new_line_is_silent_until_it_is_used(day: duckdb.DuckDBPyConnection) -> None:
    put(day, "raw.contracts", contract(start_date=DAY - timedelta(8)), contract(contract_id="old"))
    use(day, 3, 1, 1, "old")
    assert fact(day, "days_since_silent_since") == 8
    use(day, 2, 2, 0)
    assert fact(day, "days_since_silent_since") == 8  # a day without a byte is none
    use(day, 1, 1, 0.001)
    assert fact(day, "days_since_silent_since") is None


def call(day: duckdb.DuckDBPyConnection, first: int, last: int, calls: int, contract_id: str = "K") -> None:
    """Calls a day, from so many days back to so many."""
    for back in range(last, first + 1):
        put(day, "raw.calls", {"contract_id": contract_id, "call_date": DAY - timedelta(back), "direction": "all",
                               "destination": "all", "calls": calls})  # fmt: skip


@pytest.mark.parametrize("family", ["mobile", "fixed_voice"])
def test_calls_tell_of_the_use_of_phones_where_no_traffic_is_on_record(day: duckdb.DuckDBPyConnection, family) -> None:
    put(day, "raw.contracts", contract(product_family=family), contract(contract_id="new", product_family=family,
                                                                       start_date=DAY - timedelta(8)))  # fmt: skip
    call(day, 36, 9, 4)
    call(day, 8, 2, 1)
    found = fact(day, "usage_known_date", "last_usage_date", "usage_change", "usage_gb_month_before",
                 "calls_month_before", "days_since_silent_since")  # fmt: skip
    assert found == (DAY - timedelta(2), DAY - timedelta(2), 0.25, None, 120, 8)
    call(day, 1, 1, 1, "new")
    assert fact(day, "days_since_silent_since") is None


def test_the_use_of_a_mobile_phone_has_fallen_by_what_fell_less_of_traffic_and_calls(
    day: duckdb.DuckDBPyConnection,
) -> None:
    put(day, "raw.contracts", contract(product_family="mobile"))
    use(day, 36, 9, 4)
    use(day, 8, 2, 1)
    assert fact(day, "usage_change") == 0.25
    call(day, 36, 2, 4)
    assert fact(day, "usage_change", "calls_month_before") == (1.0, 120)


def test_calls_say_nothing_of_an_internet_line_nor_an_unused_phone_beside_it_anything(
    day: duckdb.DuckDBPyConnection,
) -> None:
    put(day, "raw.contracts", contract(), contract(contract_id="phone", product_family="fixed_voice",
                                                   start_date=DAY - timedelta(8)))  # fmt: skip
    use(day, 36, 2, 4)
    call(day, 36, 2, 4, "another")
    assert fact(day, "usage_change", "calls_month_before", "days_since_silent_since") == (1.0, None, None)


def test_the_last_balance_counts_while_it_is_fresh(day: duckdb.DuckDBPyConnection) -> None:
    put(day, "raw.contracts", contract(is_prepaid=True))
    put(day, "raw.balances", {"customer_id": "A", "date": DAY - timedelta(6), "balance_amount": 9})
    assert fact(day, "balance_days_left") is None
    row = {"customer_id": "A", "date": DAY - timedelta(5), "balance_amount": 4, "blocking_date": DAY + timedelta(3)}
    put(day, "raw.balances", row, row | {"date": DAY + timedelta(1), "balance_amount": 40})
    assert fact(day, "is_prepaid", "balance_days_left", "days_to_blocking") == (True, 4, 3)


def test_a_complaint_is_open_until_it_is_resolved(day: duckdb.DuckDBPyConnection) -> None:
    for number, (back, category, resolved) in enumerate(
        [(9, "complaint", DAY - timedelta(1)), (8, "billing", None), (7, "complaint", DAY + timedelta(1))]
    ):
        put(day, "raw.interactions", {
            "interaction_id": str(number), "customer_id": "A", "channel": "phone", "category": category,
            "occurred_at": datetime(2025, 12, 10, 23) - timedelta(back), "resolved_at": resolved,
        })  # fmt: skip
    assert fact(day, "days_since_complaint_open_since") == 7


def test_an_outage_is_that_of_the_worst_line_in_the_last_days(day: duckdb.DuckDBPyConnection) -> None:
    put(day, "raw.contracts", contract(), contract(contract_id="L"))
    for contract_id, back, minutes in (("K", 0, 120), ("K", 6, 120), ("K", 7, 600), ("L", 1, 180)):
        put(day, "raw.service_quality", {"contract_id": contract_id, "date": DAY - timedelta(back),
                                         "outage_minutes": minutes})  # fmt: skip
    assert fact(day, "outage_hours", "last_outage_date") == (4, DAY)


@pytest.mark.parametrize(
    ("minutes", "hours", "last"),
    [((None,), None, DAY), ((None, 300), 5, DAY), ((0, 300), 5, DAY - timedelta(1)), ((0,), 0, None)],
)
def test_an_outage_without_its_minutes_is_one_and_adds_no_hours(
    day: duckdb.DuckDBPyConnection, minutes: tuple[int | None, ...], hours: int | None, last: date | None
) -> None:
    put(day, "raw.contracts", contract())
    for back, length in enumerate(minutes):
        put(day, "raw.service_quality", {"contract_id": "K", "date": DAY - timedelta(back), "outage_minutes": length})
    assert fact(day, "outage_hours", "last_outage_date") == (hours, last)


@pytest.mark.parametrize(
    ("before", "now", "joined", "left", "nanobusiness"),
    [
        (("H", "none"), ("H", "none"), None, None, None),
        ((None, "none"), ("H", "nanobusiness"), LAST_MONTH, None, LAST_MONTH),
        (("H", "nanobusiness"), (None, "nanobusiness"), None, LAST_MONTH, None),
        (("H", None), ("I", "none"), LAST_MONTH, LAST_MONTH, None),
        (None, ("H", "nanobusiness"), None, None, None),
    ],
)
def test_what_a_version_changes_is_told_of_those_whom_the_one_before_knew(
    day: duckdb.DuckDBPyConnection,
    before: tuple[str | None, str | None] | None,
    now: tuple[str | None, str | None],
    joined: date | None,
    left: date | None,
    nanobusiness: date | None,
) -> None:
    for version, said in (("v1", before), ("v2", now)):
        for companion, household in (("B", "H"), ("C", "I")):
            put(day, "segments.customer_segments", {"version_id": version, "customer_id": companion, "is_open": True,
                                                    "household_id": household})  # fmt: skip
        if said:
            put(day, "segments.customer_segments", {"version_id": version, "customer_id": "A", "is_open": True,
                                                    "household_id": said[0], "home_business": said[1]})  # fmt: skip
    found = fact(day, "household_joined_date", "household_left_date", "nanobusiness_since_date")
    assert found == (joined, left, nanobusiness)


def test_the_gap_of_a_household_is_that_of_most_value(day: duckdb.DuckDBPyConnection) -> None:
    put(day, "segments.customer_segments", {"version_id": "v2", "customer_id": "A", "household_id": "H"})
    for family, value in (("tv", 80), ("mobile", 90), ("cloud", 90)):
        put(day, "segments.household_opportunities", {"version_id": "v2", "household_id": "H",
                                                      "product_family": family, "expected_value": value})  # fmt: skip
    assert fact(day, "gap_product_family", "gap_value") == ("cloud", 90)
