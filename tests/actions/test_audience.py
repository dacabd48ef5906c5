"""Who is handed over: the chosen of a day, asked once more when the audience is written."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.actions.audience import COLUMNS, audience, mark_handed_over, write_audience
from orchestration.actions.checks import failures
from orchestration.actions.triggers import find_triggers
from orchestration.errors import SegmentationError
from tests.actions.days import DAY, connect, customers, facts, put
from tests.actions.decided import NOW, RULES, act, rules, sold


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
