"""Results of actions, from the tables to the reading."""

from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from models.actions.parameters import ResultParameters
from models.actions.uplift import read_uplift
from models.actions.uptake import learned_uptake
from orchestration.actions.decisions import uptakes
from orchestration.actions.results import write_results
from orchestration.actions.unknown_names import unknown_names
from orchestration.settings.actions import ActionSettings
from simulator.answers import Persuasion, answer
from tests.actions.days import connect, put

SENT = date(2025, 11, 3)
READ = date(2025, 12, 1)


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return connect()


def act(
    connection: duckdb.DuckDBPyConnection, treated: int, control: int, day: date = SENT, segment: str = "consumer"
) -> None:
    put(connection, "segments.customer_actions", [
        {"customer_id": f"{segment} {number}", "action_id": f"{segment} {day} {number}", "action_date": day,
         "offer_id": "welcome", "trigger_id": "onboarding_day_7", "channel": "email", "market_segment": segment,
         "outcome": "chosen" if number < treated else "suppressed", "is_control": number >= treated,
         "margin_gain": 40, "avoided_loss": 10, "acceptance_cost": 5, "contact_cost": 1, "response_days": 14}
        for number in range(treated + control)
    ])  # fmt: skip


def respond(connection: duckdb.DuckDBPyConnection, number: int, days: int = 3, response: str = "accepted") -> None:
    put(connection, "raw.responses", [
        {"response_id": f"{number} {days}", "customer_id": f"consumer {number}", "offer_id": "welcome",
         "responded_at": datetime.combine(SENT, datetime.min.time()) + timedelta(days=days), "response": response}
    ])  # fmt: skip


def contact(connection: duckdb.DuckDBPyConnection, number: int, *, is_opened: bool) -> None:
    put(connection, "raw.contacts", [
        {"contact_id": f"{number}", "customer_id": f"consumer {number}", "contacted_at": datetime(2025, 11, 3, 10),
         "channel": "email", "action_id": f"consumer {SENT} {number}",
         "opened_at": datetime(2025, 11, 3, 11) if is_opened else None}
    ])  # fmt: skip


def read(connection: duckdb.DuckDBPyConnection, day: date = READ) -> dict[str, Any]:
    """Return the row of the offer over all segments and months."""
    results = write_results(connection, ResultParameters(), day)
    return results.query("market_segment == 'all' and period == 'all'").iloc[0].to_dict()


def test_the_funnel_counts_each_step_and_the_held_out_beside_it(connection: duckdb.DuckDBPyConnection) -> None:
    act(connection, treated=8, control=4)
    for number in range(6):
        contact(connection, number, is_opened=number < 3)
    respond(connection, 0, response="active")
    respond(connection, 1)
    respond(connection, 2, days=15)  # after the days in which it counts
    respond(connection, 3, response="declined")
    respond(connection, 9)  # held out, and took it all the same
    found = read(connection)
    steps = ("eligible", "treated", "contacted", "opened", "accepted", "active", "control", "control_accepted")
    assert {name: found[name] for name in steps} == {
        "eligible": 12, "treated": 8, "contacted": 6, "opened": 3, "accepted": 2, "active": 1,
        "control": 4, "control_accepted": 1,
    }  # fmt: skip
    assert (found["uptake"], found["control_uptake"], found["uplift"]) == (0.25, 0.25, 0)
    assert (found["verdict"], found["gain"]) == ("not_shown", -8 * 1 - 2 * 5)
    written = connection.execute("select distinct market_segment, period from segments.action_results").fetchall()
    assert sorted(written) == [("all", "all"), ("consumer", "2025-11"), ("consumer", "all")]


def test_an_action_counts_once_its_days_to_respond_are_over(connection: duckdb.DuckDBPyConnection) -> None:
    act(connection, treated=2, control=1)
    assert write_results(connection, ResultParameters(), SENT + timedelta(14)).empty
    assert read(connection, SENT + timedelta(15))["eligible"] == 3


def test_without_responses_nothing_is_said_of_uptake_and_nothing_is_learned(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    act(connection, treated=50, control=5)
    found = read(connection)
    assert found["verdict"] == "no_responses"
    assert pd.isna(found["accepted"])
    assert pd.isna(found["uptake"])
    assert pd.isna(found["contacted"])
    settings = ActionSettings()
    of_offer = uptakes(connection, settings, READ).set_index("offer_id")["uptake"]
    assert of_offer["welcome"] == settings.offers["welcome"].uptake


def test_without_a_control_no_uplift_is_claimed(connection: duckdb.DuckDBPyConnection) -> None:
    act(connection, treated=50, control=0)
    for number in range(40):
        respond(connection, number)
    found = read(connection)
    assert (found["verdict"], found["uptake"]) == ("no_control", 0.8)
    assert all(pd.isna(found[name]) for name in ("uplift", "uplift_low", "uplift_high", "gain", "uplift_always_low"))


def test_uptake_is_learned_by_segment_from_what_came_of_it(connection: duckdb.DuckDBPyConnection) -> None:
    act(connection, treated=400, control=0)
    act(connection, treated=400, control=0, segment="small_business")
    for number in range(120):
        respond(connection, number)
    found = uptakes(connection, ActionSettings(), READ).query("offer_id == 'welcome'")
    by_segment = found.set_index(found["market_segment"].fillna("others"))["uptake"]
    assert by_segment["consumer"] == pytest.approx(0.3, abs=0.03)
    assert by_segment["small_business"] < 0.03
    assert by_segment["others"] == pytest.approx(0.15, abs=0.02)


def test_answers_of_simulated_customers_are_read_back_as_they_were_planted(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    number = pd.Series(range(6_000))
    actions = pd.DataFrame({
        "customer_id": "C" + number.astype(str), "action_id": "A" + number.astype(str), "offer_id": "welcome",
        "trigger_id": "t", "action_date": pd.Timestamp(SENT), "channel": "email", "market_segment": "consumer",
        "outcome": "chosen", "is_control": number % 3 == 0, "margin_gain": 40, "avoided_loss": 0,
        "acceptance_cost": 0, "contact_cost": 0, "response_days": 14,
    })  # fmt: skip
    planted = Persuasion(persuadable=0.1, sure_thing=0.05, sleeping_dog=0.02)
    contacts, responses = answer(actions, {"welcome": planted}, seed=3)
    for table, frame in (
        ("segments.customer_actions", actions), ("raw.contacts", contacts), ("raw.responses", responses)
    ):  # fmt: skip
        connection.register("frame", frame)
        connection.execute(f"insert into {table} by name select * from frame")
    found = read(connection)
    assert (found["treated"], found["contacted"], found["verdict"]) == (4_000, 4_000, "effective")
    assert found["uplift_always_low"] < planted.uplift < found["uplift_always_high"]
    assert found["uptake"] == pytest.approx(planted.uptake, abs=0.015)
    assert found["opened"] >= found["accepted"] >= found["active"] > 0


def test_newcombe_interval_is_that_of_the_paper() -> None:
    """Newcombe 1998, table II, method 10, first contrast: 56/70 against 48/80 has the 95% interval .0524 to .3339."""
    counts = pd.DataFrame([{"treated": 70, "accepted": 56, "control": 80, "control_accepted": 48}])
    found = read_uplift(counts, ResultParameters(interval=0.95)).iloc[0]
    assert found["uplift_low"] == pytest.approx(0.0524, abs=5e-5)
    assert found["uplift_high"] == pytest.approx(0.3339, abs=5e-5)


def test_the_sample_still_needed_falls_with_every_customer_to_none() -> None:
    counts = pd.DataFrame(
        [{"treated": 9 * n, "accepted": n, "control": n, "control_accepted": n // 9} for n in (90, 900, 9_000)]
    )
    needed = read_uplift(counts, ResultParameters())["sample_needed"].tolist()
    assert needed[0] > needed[1] > 0
    assert needed[2] == 0


def test_a_verdict_that_is_looked_at_every_day_is_hardly_ever_wrong() -> None:
    random = np.random.default_rng(5)
    arrivals, campaigns, days = (45, 5), 300, 60
    accepted, control = (random.binomial(n, 0.06, (campaigns, days)).cumsum(axis=1).ravel() for n in arrivals)
    seen = np.tile(np.arange(1, days + 1), campaigns)
    counts = pd.DataFrame(
        {"treated": 45 * seen, "accepted": accepted, "control": 5 * seen, "control_accepted": control}
    )
    verdicts = read_uplift(counts, ResultParameters())["verdict"].to_numpy().reshape(campaigns, days)
    assert (verdicts == "effective").any(axis=1).mean() <= 0.05


def test_learned_uptake_of_an_offer_nobody_tried_is_what_was_expected() -> None:
    nothing = pd.DataFrame({"offer_id": [], "market_segment": [], "treated": [], "accepted": []})
    expected = pd.DataFrame([{"offer_id": "o", "uptake": 0.2, "uptake_weight": 50}])
    assert learned_uptake(nothing, expected, 50).to_dict("records") == [
        {"offer_id": "o", "market_segment": None, "uptake": 0.2}
    ]


def test_an_answer_counts_for_the_last_action_before_it_alone(connection: duckdb.DuckDBPyConnection) -> None:
    act(connection, treated=1, control=1)
    act(connection, treated=1, control=1, day=SENT + timedelta(4))
    for number in (0, 1):
        respond(connection, number, days=5)
        respond(connection, number, days=8, response="active")
    found = read(connection, READ + timedelta(30))
    assert (found["treated"], found["accepted"], found["active"]) == (2, 1, 1)
    assert (found["control"], found["control_accepted"]) == (2, 1)
    # What is in use later is what was accepted before the second action.
    act(connection, treated=1, control=0, day=SENT + timedelta(6))
    found = read(connection, READ + timedelta(30))
    assert (found["treated"], found["accepted"], found["active"]) == (3, 1, 1)


def test_actions_are_counted_once_their_responses_have_arrived(connection: duckdb.DuckDBPyConnection) -> None:
    act(connection, treated=2, control=1)
    respond(connection, 0)
    over = SENT + timedelta(15)
    waiting = ResultParameters().late_response_days
    assert write_results(connection, ResultParameters(), over).empty
    assert read(connection, over + timedelta(waiting))["accepted"] == 1
    respond(connection, 1, days=15)
    assert read(connection, over + timedelta(1))["accepted"] == 1


def test_an_offer_that_returns_every_month_is_not_called_effective_for_who_its_customers_are() -> None:
    """Customers who always accept and others who never do, the same control group every month, and no effect."""
    random = np.random.default_rng(9)
    months, campaigns, sizes = 12, 300, {"treated": 450, "control": 50}
    rows = []
    for _ in range(campaigns):
        row: dict[str, float] = {}
        for arm, size in sizes.items():
            a = random.binomial(months, random.choice([0.02, 0.9], size, p=[0.8, 0.2]))
            names = {"treated": ("treated", "accepted"), "control": ("control", "control_accepted")}[arm]
            row |= {names[0]: size * months, names[1]: a.sum(), f"{arm}_units": size,
                    f"{arm}_actions_squared": size * months**2, f"{arm}_accepted_actions": a.sum() * months,
                    f"{arm}_accepted_squared": (a**2).sum()}  # fmt: skip
        rows.append(row)
    counts = pd.DataFrame(rows)
    found = read_uplift(counts, ResultParameters())
    assert found["verdict"].isin(["effective", "harmful"]).mean() <= 0.05
    assert found.eval("uplift_low <= 0 <= uplift_high").mean() == pytest.approx(0.8, abs=0.07)
    # As if each answer came from somebody else, most intervals would be wrong.
    naive = read_uplift(counts[["treated", "accepted", "control", "control_accepted"]], ResultParameters())
    assert naive.eval("uplift_low <= 0 <= uplift_high").mean() < 0.5


def test_names_that_no_setting_knows_are_said(connection: duckdb.DuckDBPyConnection) -> None:
    act(connection, treated=2, control=0)
    put(connection, "raw.consents", [
        {"customer_id": f"{number}", "channel": channel, "changed_at": datetime(2025, 1, 1), "is_granted": False}
        for number, channel in enumerate(["E-Mail", "ALL", "text message", "text message"])
    ])  # fmt: skip
    contact(connection, 0, is_opened=True)
    respond(connection, 0)
    assert [sentence.split(". If")[0] for sentence in unknown_names(connection, ActionSettings(), SENT)] == [
        "Consents name channels that actions.channels does not: 'text message' (2)"
    ]
    connection.execute("update raw.contacts set action_id = upper(action_id)")
    connection.execute("update raw.responses set offer_id = 'Spring promotion'")
    said = " ".join(unknown_names(connection, ActionSettings(), READ))
    assert "never been made: 'Spring promotion' (1)" in said
    assert "None of the 1 action_id in contacts" in said
    assert "The last response is of 2025-11-06" in said
