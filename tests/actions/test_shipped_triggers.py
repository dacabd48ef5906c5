"""Every trigger that is shipped, at the boundary of its condition, and in the documentation."""

from datetime import timedelta
from typing import Any

import duckdb
import pytest

from orchestration.actions.triggers import find_triggers
from orchestration.paths import ROOT
from orchestration.settings import Settings
from tests.actions.days import DAY, connect, facts, put

TRIGGERS = Settings().actions.triggers
Facts = dict[str, Any]
SOON, AGO = DAY + timedelta(3), DAY - timedelta(7)


def between(first: int, last: int, days: str, period: str, **more: Any) -> tuple[list[Facts], list[Facts]]:
    """Return facts within the days and just outside them."""
    given = more | {period: SOON}
    return [given | {days: each} for each in (first, last)], [given | {days: each} for each in (first - 1, last + 1)]


BOUNDARIES: dict[str, tuple[list[Facts], list[Facts]]] = {
    "bill_due": between(0, 3, "days_to_next_due", "next_due_date", due_amount=1),
    "payment_failed": between(0, 7, "days_since_payment_failed", "payment_failed_date"),
    "overdue": between(1, 90, "days_since_overdue_since", "overdue_since_date", overdue_amount=1),
    "low_balance": (
        [{"is_prepaid": True, "balance_days_left": 4.99}, {"is_prepaid": True, "balance_days_left": -1.0}],
        [{"is_prepaid": True, "balance_days_left": 5.0}, {"is_prepaid": False, "balance_days_left": 1.0}],
    ),
    "top_up_due": between(0, 3, "days_to_blocking", "blocking_date", is_prepaid=True),
    "cap_80": ([{"cap_share": 0.8}, {"cap_share": 0.999}], [{"cap_share": 0.799}, {"cap_share": 1.0}]),
    "cap_100": ([{"cap_share": 1.0}], [{"cap_share": 0.999}]),
    "usage_collapse": (
        [{"usage_gb_month_before": 5.0, "usage_change": 0.3}, {"calls_month_before": 30.0, "usage_change": 0.3}],
        [{"usage_gb_month_before": 4.9, "usage_change": 0.3}, {"usage_gb_month_before": 5.0, "usage_change": 0.31},
         {"calls_month_before": 29.9, "usage_change": 0.3}],
    ),
    "silent_after_activation": between(7, 30, "days_since_silent_since", "silent_since_date"),
    "onboarding_day_7": between(7, 13, "days_since_service_start", "service_start_date"),
    "onboarding_day_30": between(30, 36, "days_since_service_start", "service_start_date"),
    "onboarding_day_60": between(60, 66, "days_since_service_start", "service_start_date"),
    "discount_ends_60": between(31, 60, "days_to_discount_end", "discount_end_date"),
    "discount_ends_30": between(0, 30, "days_to_discount_end", "discount_end_date"),
    "commitment_ends_90": between(61, 90, "days_to_commitment_end", "commitment_end_date"),
    "commitment_ends_60": between(31, 60, "days_to_commitment_end", "commitment_end_date"),
    "commitment_ends_30": between(0, 30, "days_to_commitment_end", "commitment_end_date"),
    "price_rise_ahead": between(0, 45, "days_to_price_rise", "price_rise_date"),
    "long_outage": (
        [{"outage_hours": 4.0, "last_outage_date": AGO}],
        [{"outage_hours": 3.99, "last_outage_date": AGO}],
    ),
    "complaint_open": between(7, 90, "days_since_complaint_open_since", "complaint_open_since_date"),
    "joined_household": ([{"household_joined_date": AGO}], [{"household_left_date": AGO}]),
    "left_household": ([{"household_left_date": AGO}], [{"household_joined_date": AGO}]),
    "new_nanobusiness": ([{"nanobusiness_since_date": AGO}], [{"home_business": "nanobusiness"}]),
    "won_back_day_30": between(30, 36, "days_since_return", "return_date"),
    "mid_size_headroom": ([{"b2b_headroom": 100}], [{"b2b_headroom": 99.99}]),
    "reseller_contract_ends": between(
        0, 90, "days_to_reseller_commitment_end", "reseller_commitment_end_date"
    ),
    "household_gap": ([{"gap_value": 100}], [{"gap_value": 99.99}, {"gap_value": 100, "is_open": False}]),
}  # fmt: skip


@pytest.fixture(scope="module")
def fired() -> dict[str, set[str]]:
    """Which customers each trigger fires for; a customer is named after the trigger and the place of its facts."""
    connection = connect()
    _have_rows_in_every_table(connection)
    rows = [
        {"customer_id": f"{name} {side} {number}"} | given
        for name, sides in BOUNDARIES.items()
        for side, cases in zip(("in", "out"), sides, strict=True)
        for number, given in enumerate(cases)
    ]
    facts(connection, {"customer_id": "nobody"}, *rows)
    report = find_triggers(connection, TRIGGERS, [DAY], DAY)
    assert report.silent == {}
    found: dict[str, set[str]] = {name: set() for name in TRIGGERS}
    for trigger_id, customer_id in connection.execute(
        "select trigger_id, customer_id from segments.triggers"
    ).fetchall():
        found[trigger_id].add(customer_id)
    return found


def _have_rows_in_every_table(connection: duckdb.DuckDBPyConnection) -> None:
    tables = {table for trigger in TRIGGERS.values() for table in trigger.needs}
    needed = {"calls" if table == "usage_or_calls" else table for table in tables}
    for table in needed:
        column = "contract_id" if table in {"usage", "calls", "service_quality", "price_changes"} else "customer_id"
        put(connection, f"raw.{table}", [{column: "somebody"}])


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_shipped_trigger_fires_within_its_boundaries_and_not_beyond(trigger: str, fired: dict[str, set[str]]) -> None:
    inside, outside = BOUNDARIES[trigger]
    own = {name for name in fired[trigger] if name.startswith(f"{trigger} ")}
    assert own == {f"{trigger} in {number}" for number in range(len(inside))}
    assert outside


def test_nothing_fires_for_a_customer_of_whom_nothing_is_known(fired: dict[str, set[str]]) -> None:
    assert not any("nobody" in customers for customers in fired.values())


def test_every_shipped_trigger_offer_and_guard_has_a_line_in_the_documentation() -> None:
    page = (ROOT / "docs" / "actions.md").read_text()
    actions = Settings().actions
    missing = [name for name in (*actions.triggers, *actions.offers, *actions.guards) if f"| `{name}` |" not in page]
    assert missing == []
