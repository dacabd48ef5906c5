"""Who is contacted and who is not, from the facts of a day to the hand-over."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.actions.audience import COLUMNS, audience, mark_handed_over, write_audience
from orchestration.actions.checks import failures
from orchestration.actions.decisions import decide
from orchestration.actions.triggers import find_triggers
from orchestration.errors import SegmentationError
from orchestration.settings.actions import ActionSettings
from tests.actions.days import DAY, connect, customers, facts, put

NOW = datetime(2025, 12, 10, 9)
NOBODY_HELD_OUT = {"global_holdout_share": 0, "offer_control_share": 0, "exploration_share": 0}
RULES: dict[str, Any] = {
    "triggers": {"owing": {"when": "due_amount > 0", "period": "next_due_date", "because": "A bill is due."},
                 "large": {"when": "gap_value > 0", "period": "version_date", "because": "It lacks a product."}},
    "offers": {
        "remind": {"title": "Reminder", "kind": "service", "triggers": ["owing"], "channels": ["email"],
                   "uptake": 0.5, "monthly_margin": 1},
        "sell": {"title": "Product", "kind": "cross_sell", "triggers": ["large"], "channels": ["email", "phone"],
                 "uptake": 0.1, "monthly_margin": "gap_value", "deadline_days": 14},
    },
    "channels": {"phone": {"quiet_weekdays": []}},
}  # fmt: skip


def rules(held_out: bool = False, **changes: Any) -> ActionSettings:
    arbitration = {"global_holdout_share": 0.3, "offer_control_share": 0.3} if held_out else NOBODY_HELD_OUT
    return ActionSettings.model_validate(RULES | {"arbitration": arbitration} | changes)


def act(connection: duckdb.DuckDBPyConnection, given_rules: ActionSettings, day: date = DAY) -> pd.DataFrame:
    """Find the triggers of a day, decide it, and return every candidate."""
    find_triggers(connection, given_rules.triggers, [day], day)
    decide(connection, given_rules, day)
    return connection.execute(
        "select * from segments.customer_actions where action_date = ? order by action_id", [day]
    ).to_arrow_table().to_pandas()  # fmt: skip


def sold(found: pd.DataFrame, channel: str = "email") -> dict[str, str | None]:
    rows = found[(found["offer_id"] == "sell") & (found["channel"] == channel)]
    return dict(zip(rows["customer_id"], rows["suppressed_by"].fillna(rows["outcome"]), strict=True))


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return connect()


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


def test_consent_that_is_withdrawn_today_counts_at_the_hand_over(connection: duckdb.DuckDBPyConnection) -> None:
    customers(connection, "A", "B", "C")
    facts(connection, *[{"customer_id": name, "gap_value": 50} for name in "ABC"])
    given_rules = rules()
    assert len(act(connection, given_rules).query("outcome == 'chosen'")) == 3
    before = audience(connection, given_rules, DAY, NOW)
    assert sorted(before["customer_id"]) == ["A", "B", "C"]
    put(connection, "raw.consents", [
        {"customer_id": "A", "channel": "all", "changed_at": NOW - timedelta(minutes=1), "is_granted": False}
    ])  # fmt: skip
    connection.execute("update raw.customers set do_not_contact = true where customer_id = 'B'")
    after = audience(connection, given_rules, DAY, NOW)
    assert after["customer_id"].tolist() == ["C"]
    assert after["action_id"].iloc[0] in set(before["action_id"])


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


def test_an_audience_is_of_an_offer_a_trigger_or_a_segment(connection: duckdb.DuckDBPyConnection) -> None:
    customers(connection, "A", "B")
    facts(
        connection,
        {"customer_id": "A", "gap_value": 50},
        {"customer_id": "B", "due_amount": 3, "next_due_date": DAY, "market_segment": "small_business"},
    )
    given_rules = rules()
    act(connection, given_rules)
    for name, expected in (("sell", ["A"]), ("owing", ["B"]), ("small_business", ["B"]), (None, ["A", "B"])):
        assert sorted(audience(connection, given_rules, DAY, NOW, name)["customer_id"]) == expected
    with pytest.raises(SegmentationError, match="'nobody'"):
        audience(connection, given_rules, DAY, NOW, "nobody")


def test_no_text_of_an_audience_is_a_formula_in_a_spreadsheet(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    customers(connection, "=cmd|' /C calc'!A0")
    facts(connection, {"customer_id": "=cmd|' /C calc'!A0", "gap_value": 50})
    act(connection, rules())
    people = audience(connection, rules(), DAY, NOW)
    write_audience(people, tmp_path / "people.csv")
    written = (tmp_path / "people.csv").read_text()
    assert written.splitlines()[0] == ",".join(COLUMNS)
    assert ",'=cmd|" in written
    write_audience(people, tmp_path / "people.parquet")
    read = duckdb.sql(f"select customer_id, expected_value from '{tmp_path}/people.parquet'").fetchall()
    assert read[0][0] == "=cmd|' /C calc'!A0"
    with pytest.raises(SegmentationError, match=r"\.csv or \.parquet"):
        write_audience(people, tmp_path / "people.xlsx")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["people.csv", "people.parquet"]


@st.composite
def people(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [
        {
            "customer_id": f"C{number}",
            "household_id": draw(st.sampled_from([None, "H1", "H2"])),
            "do_not_contact": draw(st.sampled_from([None, False, True])),
            "marketing_consent": draw(st.sampled_from([None, False, True])),
            "birth_year": draw(st.sampled_from([None, 1980, 2006, 2007, 2015])),
            "withdrawn": draw(st.sampled_from([None, None, "email", "all"])),
            "contacts": draw(st.integers(0, 4)),
            "gap_value": draw(st.sampled_from([None, 5.0, 80.0])),
            "due_amount": draw(st.sampled_from([None, 40.0])),
            "overdue_amount": draw(st.sampled_from([None, 0, 30.0])),
        }
        for number in range(draw(st.integers(1, 8)))
    ]


def _load(connection: duckdb.DuckDBPyConnection, everybody: list[dict[str, Any]]) -> None:
    for table in ("raw.customers", "raw.consents", "raw.contacts", "segments.triggers", "segments.customer_actions"):
        connection.execute(f"delete from {table}")
    for each in everybody:
        customer = {name: each[name] for name in ("do_not_contact", "marketing_consent", "birth_year")}
        customers(connection, each["customer_id"], **customer)
        if each["withdrawn"]:
            put(connection, "raw.consents", [
                {"customer_id": each["customer_id"], "channel": each["withdrawn"], "is_granted": False,
                 "changed_at": datetime(2025, 12, 9)}
            ])  # fmt: skip
        put(connection, "raw.contacts", [
            {"contact_id": f"{each['customer_id']} {number}", "customer_id": each["customer_id"], "channel": "email",
             "contacted_at": datetime(2025, 11, 20)}
            for number in range(each["contacts"])
        ])  # fmt: skip
    known = ("customer_id", "household_id", "gap_value", "due_amount", "overdue_amount")
    facts(connection, *[{name: each[name] for name in known} | {"next_due_date": DAY} for each in everybody])


@pytest.fixture(scope="module")
def shared() -> duckdb.DuckDBPyConnection:
    return connect()


@settings(max_examples=8)
@given(everybody=people())
def test_nobody_who_must_not_be_contacted_is_in_any_audience(
    shared: duckdb.DuckDBPyConnection, everybody: list[dict[str, Any]]
) -> None:
    given_rules = rules(held_out=True, contacts={"most_contacts": 3})
    _load(shared, everybody)
    found = act(shared, given_rules)
    handed_over = audience(shared, given_rules, DAY, NOW)
    by_id = {each["customer_id"]: each for each in everybody}
    held_out = set(found.loc[found["is_control"], "customer_id"])
    for row in handed_over.itertuples():
        customer = by_id[row.customer_id]
        assert not customer["do_not_contact"]
        assert customer["birth_year"] in {None, 1980, 2006}
        assert customer["contacts"] < 3
        assert row.customer_id not in held_out
        if row.offer_id == "sell":
            assert customer["marketing_consent"]
            assert customer["withdrawn"] != "all"
            assert (customer["withdrawn"], row.channel) != ("email", "email")
            assert not customer["overdue_amount"]
    assert not handed_over["customer_id"].duplicated().any()
    households = [by_id[name]["household_id"] for name in handed_over["customer_id"] if by_id[name]["household_id"]]
    assert len(households) == len(set(households))
    # The order of rows and of rules changes nothing, and neither does a second run.
    again = act(shared, given_rules)
    pd.testing.assert_frame_equal(found, again)
    _load(shared, everybody[::-1])
    turned = given_rules.model_copy(
        update={name: dict(reversed(getattr(given_rules, name).items())) for name in ("triggers", "offers", "guards")}
    )
    pd.testing.assert_frame_equal(found, act(shared, turned))


def test_an_action_that_was_handed_over_stands_when_changed_data_would_choose_another(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    customers(connection, "A", "B", "C")
    two = {"offers": {"sell": RULES["offers"]["sell"] | {"daily_capacity": 2}}}
    given_rules = rules(offers=RULES["offers"] | two["offers"])
    facts(connection, *[{"customer_id": name, "gap_value": 50, "household_id": home}
                        for name, home in (("A", "H"), ("B", None))])  # fmt: skip
    act(connection, given_rules)
    handed_over = audience(connection, given_rules, DAY, NOW)
    mark_handed_over(connection, handed_over, DAY, NOW)
    # A's occasion is gone, B would now be reminded of a bill, and C is new.
    facts(connection, {"customer_id": "A", "due_amount": 900, "next_due_date": DAY, "household_id": "H"},
          {"customer_id": "B", "gap_value": 50, "due_amount": 9_000, "next_due_date": DAY},
          {"customer_id": "C", "gap_value": 50, "household_id": "H"})  # fmt: skip
    again = act(connection, given_rules)
    assert set(again.query("outcome == 'chosen'")["action_id"]) == set(handed_over["action_id"])
    assert set(again.query("offer_id == 'remind'")["suppressed_by"]) == {"handed_over"}
    assert sold(again)["C"] == "handed_over"
    assert [rows for _, rows in failures(connection, DAY)] == [0] * 4
    facts(connection, {"customer_id": "C", "gap_value": 50, "household_id": "H2"})
    assert sold(act(connection, given_rules))["C"] == "capacity"


def test_what_is_turned_off_is_neither_decided_nor_handed_over(connection: duckdb.DuckDBPyConnection) -> None:
    customers(connection, "A")
    facts(connection, {"customer_id": "A", "gap_value": 50})
    assert len(act(connection, rules())) == 2
    for changes in (
        {"triggers": RULES["triggers"] | {"large": RULES["triggers"]["large"] | {"enabled": False}}},
        {"offers": RULES["offers"] | {"sell": RULES["offers"]["sell"] | {"enabled": False}}},
        {"offers": RULES["offers"] | {"sell": RULES["offers"]["sell"] | {"valid_until_date": DAY - timedelta(1)}}},
        {"offers": RULES["offers"] | {"sell": RULES["offers"]["sell"] | {"channels": ["partner"]}}},
    ):
        assert audience(connection, rules(**changes), DAY, NOW).empty, changes
    off = rules(triggers=RULES["triggers"] | {"large": RULES["triggers"]["large"] | {"enabled": False}})
    assert act(connection, off).empty


def test_a_day_that_is_caught_up_hands_over_nobody_who_has_been_contacted_since(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    customers(connection, "A", "B", "C")
    later = DAY + timedelta(2)
    facts(connection, *[{"customer_id": name, "gap_value": 50} for name in "ABC"])
    find_triggers(connection, rules().triggers, [DAY], DAY)
    facts(connection, {"customer_id": "A", "gap_value": 50}, day=later)
    act(connection, rules(), later)
    act(connection, rules())
    assert audience(connection, rules(), later, NOW + timedelta(2))["customer_id"].tolist() == ["A"]
    caught_up = connection.execute("select * from segments.customer_actions where action_date = ?", [DAY]).df()
    assert sold(caught_up) == {"A": "decided_later", "B": "chosen", "C": "chosen"}
    put(connection, "raw.contacts", [
        {"contact_id": "1", "customer_id": "B", "channel": "letter", "contacted_at": datetime(2025, 12, 11, 12)}
    ])  # fmt: skip
    assert audience(connection, rules(), DAY, NOW + timedelta(2))["customer_id"].tolist() == ["C"]


def test_a_withdrawal_counts_though_the_clock_of_its_system_is_ahead_and_its_channel_is_spelt_otherwise(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    customers(connection, "A", "B", "C")
    facts(connection, *[{"customer_id": name, "gap_value": 50} for name in "ABC"])
    act(connection, rules())
    put(connection, "raw.consents", [
        {"customer_id": "A", "channel": "E-Mail", "changed_at": NOW + timedelta(hours=8), "is_granted": False},
        {"customer_id": "B", "channel": "ALL", "changed_at": datetime(2025, 12, 1), "is_granted": False},
        {"customer_id": "B", "channel": "e mail", "changed_at": NOW + timedelta(hours=8), "is_granted": True},
    ])  # fmt: skip
    assert audience(connection, rules(), DAY, NOW)["customer_id"].tolist() == ["C"]
