"""Who is chosen to be contacted and who is not, from the facts of a day."""

from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest

from orchestration.actions.checks import failures
from orchestration.actions.triggers import find_triggers
from tests.actions.days import DAY, customers, facts, put
from tests.actions.decided import RULES, act, rules, sold


def test_every_way_not_to_be_contacted_is_kept_and_named(connection: duckdb.DuckDBPyConnection) -> None:
    customers(connection, "open")
    customers(connection, "asked", do_not_contact=True)
    customers(connection, "young", birth_year=2008)
    customers(connection, "adult", birth_year=2006)
    customers(connection, "refused", marketing_consent=False)
    customers(connection, "unknown", marketing_consent=None)
    customers(connection, "owing")
    customers(connection, "withdrew")
    put(connection, "raw.consents", [
        {"customer_id": "withdrew", "channel": "Email", "changed_at": datetime(2025, 12, 1), "is_granted": False},
        {"customer_id": "refused", "channel": "phone", "changed_at": datetime(2025, 12, 1), "is_granted": True},
    ])  # fmt: skip
    names = ["open", "asked", "young", "adult", "refused", "unknown", "owing", "withdrew"]
    facts(connection, *[{"customer_id": name, "gap_value": 50} | ({"overdue_amount": 9} if name == "owing" else {})
                        for name in names])  # fmt: skip
    found = act(connection, rules())
    assert sold(found) == {
        "open": "chosen",
        "asked": "do_not_contact",
        "young": "under_age",
        "adult": "chosen",
        "refused": "opted_out",
        "unknown": "no_consent",
        "owing": "overdue_gets_no_upsell",
        "withdrew": "opted_out",
    }
    by_phone = sold(found, "phone")
    assert (by_phone["withdrew"], by_phone["refused"]) == ("chosen", "chosen")
    words = found.set_index(["customer_id", "channel"])["reason"]
    assert words["owing", "email"] == "It lacks a product. The customer owes money."
    assert words["open", "email"].startswith("It lacks a product. Product: expected to bring ")
    assert set(found["offer_deadline_date"]) == {DAY + timedelta(14)}


def test_the_latest_word_on_a_channel_or_on_all_of_them_holds(connection: duckdb.DuckDBPyConnection) -> None:
    def word(customer: str, channel: str, day: int, is_granted: bool) -> dict[str, Any]:
        changed_at = datetime(2025, 12, day)
        return {"customer_id": customer, "channel": channel, "changed_at": changed_at, "is_granted": is_granted}

    customers(connection, "A", "B", "C", "D", marketing_consent=None)
    put(connection, "raw.consents", [
        word("A", "email", 1, True), word("A", "all", 2, False),
        word("B", "all", 1, False), word("B", "email", 2, True),
        word("C", "email", 3, True), word("C", "all", 3, False),
        word("D", "email", 1, True), word("D", "email", 20, False),
    ])  # fmt: skip
    facts(connection, *[{"customer_id": name, "gap_value": 50} for name in "ABCD"])
    assert sold(act(connection, rules())) == {"A": "opted_out", "B": "chosen", "C": "opted_out", "D": "chosen"}


def test_a_service_message_needs_no_consent_to_marketing(connection: duckdb.DuckDBPyConnection) -> None:
    customers(connection, "A", marketing_consent=False)
    facts(connection, {"customer_id": "A", "due_amount": 10, "next_due_date": DAY})
    assert act(connection, rules())["outcome"].tolist() == ["chosen"]


@pytest.mark.parametrize(
    ("days_ago", "contacts", "suppressed_by"),
    [(2, 1, "minimum_distance"), (3, 1, None), (29, 4, "total_frequency"), (30, 4, None), (10, 3, None)],
)
def test_nobody_is_contacted_too_soon_or_too_often(
    connection: duckdb.DuckDBPyConnection, days_ago: int, contacts: int, suppressed_by: str | None
) -> None:
    customers(connection, "A")
    put(connection, "raw.contacts", [
        {"contact_id": f"{number}", "customer_id": "A", "channel": "letter",
         "contacted_at": datetime(2025, 12, 10) - timedelta(days_ago)}
        for number in range(contacts)
    ])  # fmt: skip
    facts(connection, {"customer_id": "A", "gap_value": 50})
    assert sold(act(connection, rules())) == {"A": suppressed_by or "chosen"}


def test_an_action_counts_as_a_contact_until_the_contact_itself_is_delivered(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    customers(connection, "A")
    facts(connection, {"customer_id": "A", "gap_value": 50})
    first = act(connection, rules()).query("outcome == 'chosen'")
    next_day = DAY + timedelta(1)
    facts(connection, {"customer_id": "A", "due_amount": 5, "next_due_date": next_day}, day=next_day)
    assert act(connection, rules(), next_day)["suppressed_by"].tolist() == ["minimum_distance"]
    # It was made on the same day, so it counts once and not twice.
    contact = {"contact_id": "1", "customer_id": "A", "channel": "email", "action_id": first["action_id"].iloc[0]}
    put(connection, "raw.contacts", [contact | {"contacted_at": datetime(2025, 12, 10, 10)}])
    assert act(connection, rules(), next_day)["suppressed_by"].tolist() == ["minimum_distance"]
    # And does not stand in the way of the day it belongs to, when that is decided again.
    assert act(connection, rules())["outcome"].tolist().count("chosen") == 1


def test_a_contact_that_is_reported_without_its_action_counts_once(connection: duckdb.DuckDBPyConnection) -> None:
    customers(connection, "A")
    given_rules = rules(contacts={"most_contacts": 2})
    facts(connection, {"customer_id": "A", "gap_value": 50})
    act(connection, given_rules)
    put(connection, "raw.contacts", [
        {"contact_id": "1", "customer_id": "A", "channel": "E-Mail", "contacted_at": datetime(2025, 12, 11, 10)}
    ])  # fmt: skip
    later = DAY + timedelta(6)
    facts(connection, {"customer_id": "A", "due_amount": 500, "next_due_date": later}, day=later)
    assert act(connection, given_rules, later)["outcome"].tolist() == ["chosen"]


def test_an_occasion_leads_to_one_action(connection: duckdb.DuckDBPyConnection) -> None:
    customers(connection, "A")
    facts(connection, {"customer_id": "A", "gap_value": 50})
    assert len(act(connection, rules())) == 2
    later = DAY + timedelta(5)
    facts(connection, {"customer_id": "A", "gap_value": 50}, day=later)
    assert act(connection, rules(), later).empty


def test_what_a_withdrawn_version_found_counts_while_the_facts_of_the_day_say_the_same(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    customers(connection, "A", "B")
    facts(connection, *[{"customer_id": name, "gap_value": 50} for name in "AB"])
    find_triggers(connection, rules().triggers, [DAY], DAY)
    later = DAY + timedelta(2)
    facts(connection, {"customer_id": "A", "gap_value": 20}, {"customer_id": "B", "gap_value": None}, day=later)
    selling = rules(offers=RULES["offers"] | {"sell": RULES["offers"]["sell"] | {"monthly_margin": 8}})
    assert set(sold(act(connection, selling, later))) == {"A", "B"}
    put(connection, "segments.versions", [{"version_id": "2025-11-30.1", "status": "withdrawn"}])
    assert sold(act(connection, selling, later)) == {"A": "chosen"}


def test_a_budget_over_all_days_counts_what_earlier_days_have_spent(connection: duckdb.DuckDBPyConnection) -> None:
    customers(connection, "A", "B", "C")
    offers = {"sell": RULES["offers"]["sell"] | {"channels": ["phone"], "total_budget": 8, "daily_budget": 100}}
    given_rules = rules(offers=offers)
    facts(connection, *[{"customer_id": name, "gap_value": 100 + place} for place, name in enumerate("AB")])
    assert sold(act(connection, given_rules), "phone") == {"A": "chosen", "B": "chosen"}
    later = DAY + timedelta(1)
    facts(connection, {"customer_id": "C", "gap_value": 200}, day=later)
    assert sold(act(connection, given_rules, later), "phone") == {"C": "budget"}


def test_the_checks_of_a_day_pass_and_find_what_they_are_for(connection: duckdb.DuckDBPyConnection) -> None:
    customers(connection, "A", "B")
    facts(connection, *[{"customer_id": name, "gap_value": 50, "household_id": "H"} for name in "AB"])
    act(connection, rules())

    def broken() -> list[str]:
        return [check.name for check, rows in failures(connection, DAY) if rows]

    assert broken() == []
    for statement, name in (
        ("update segments.customer_actions set outcome = 'chosen'", "nobody_is_contacted_twice_a_day"),
        ("update raw.customers set do_not_contact = true", "nobody_who_asked_not_to_be_contacted_is_chosen"),
        ("update segments.customer_actions set is_control = true", "nobody_held_out_is_chosen"),
        ("delete from segments.triggers", "every_action_rests_on_a_valid_trigger"),
    ):
        connection.execute(statement)
        assert name in broken()
