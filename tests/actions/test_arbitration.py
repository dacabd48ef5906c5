import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.actions.arbitration import CHOSEN, INPUT_COLUMNS, arbitrate
from models.actions.expected_value import expected_value, months_counted
from models.actions.holdout import keyed_uniform
from models.actions.parameters import ArbitrationParameters

DAY = "2025-12-10"
NOBODY_HELD_OUT = ArbitrationParameters(global_holdout_share=0, offer_control_share=0, exploration_share=0)


def candidate(customer: str, offer: str = "o", channel: str = "email", **columns: object) -> dict[str, object]:
    return {
        "action_id": f"{customer}/{offer}/{channel}",
        "customer_id": customer,
        "contact_unit": f"customer {customer}",
        "trigger_event_id": f"{customer} event",
        "priority": 5,
        "offer_id": offer,
        "channel": channel,
        "is_preferred": False,
        "daily_capacity": None,
        "budget_left": None,
        "channel_capacity": None,
        "suppressed_by": None,
        "uptake": 0.1,
        "monthly_margin": 10.0,
        "horizon_months": 12,
        "hazard_reduction": 0.0,
        "churn_probability_12m": 0.0,
        "future_value_36m": 0.0,
        "contact_cost": 1.0,
        "acceptance_cost": 0.0,
    } | columns


def decided(*rows: dict[str, object], parameters: ArbitrationParameters = NOBODY_HELD_OUT) -> pd.DataFrame:
    frame = pd.DataFrame(rows)[list(INPUT_COLUMNS)]
    return arbitrate(frame, parameters, DAY).set_index("action_id")


def test_the_expected_value_is_uptake_times_margin_and_avoided_loss_less_costs() -> None:
    worth = expected_value(
        pd.DataFrame(
            [candidate("A", uptake=0.1, monthly_margin=5, hazard_reduction=0.5, churn_probability_12m=0.2,
                       future_value_36m=300, contact_cost=2, acceptance_cost=10, horizon_months=1)]
        ),
        monthly_discount_rate=0.0,
    ).iloc[0]  # fmt: skip
    kept = 0.8 ** (1 / 12)
    assert worth["margin_gain"] == pytest.approx(5 * kept, abs=0.005)
    assert worth["avoided_loss"] == 30
    assert worth["expected_value"] == pytest.approx(0.1 * (5 * kept + 30 - 10) - 2, abs=0.005)


def test_months_count_in_full_where_nobody_leaves_and_nothing_is_discounted() -> None:
    months = months_counted(np.array([12.0, 12, 2]), np.array([0.0, 1, 1 - 0.5**12]), 0.0)
    np.testing.assert_allclose(months, [12, 0, 0.75])


def test_the_action_of_most_value_is_chosen_and_the_others_say_why_not() -> None:
    found = decided(
        candidate("A", "small", monthly_margin=5), candidate("A", "large"), candidate("A", "loss", uptake=0)
    )
    assert found["suppressed_by"].to_dict() == {
        "A/large/email": None,
        "A/small/email": "better_action",
        "A/loss/email": "no_value",
    }
    assert found.loc["A/large/email", "outcome"] == CHOSEN


def test_an_action_of_unknown_worth_is_not_done() -> None:
    found = decided(candidate("A", monthly_margin=None))
    assert found["suppressed_by"].tolist() == ["value_unknown"]


def test_the_preferred_channel_is_used_unless_it_is_closed() -> None:
    rows = [candidate("A", channel="email"), candidate("A", channel="phone", is_preferred=True, contact_cost=4.0)]
    assert decided(*rows)["suppressed_by"].to_dict() == {"A/o/email": "preferred_channel", "A/o/phone": None}
    rows[1]["suppressed_by"] = "opted_out"
    assert decided(*rows)["suppressed_by"].to_dict() == {"A/o/email": None, "A/o/phone": "opted_out"}


def test_a_household_is_contacted_once() -> None:
    found = decided(
        candidate("A", contact_unit="household 1"), candidate("B", contact_unit="household 1", monthly_margin=11.0)
    )
    assert found["suppressed_by"].to_dict() == {"A/o/email": "household_contacted", "B/o/email": None}


def test_capacity_goes_to_the_actions_of_most_value() -> None:
    found = decided(
        *[candidate(name, daily_capacity=2, monthly_margin=10.0 + place) for place, name in enumerate("ABC")]
    )
    assert found["suppressed_by"].to_dict() == {"A/o/email": "capacity", "B/o/email": None, "C/o/email": None}


def test_a_budget_pays_for_contacts_and_for_the_acceptances_that_are_expected() -> None:
    rows = [
        candidate(name, budget_left=4.0, acceptance_cost=10.0, monthly_margin=30.0 + place)
        for place, name in enumerate("ABC")
    ]
    # Each costs 1 for the contact and 0.1 times 10 for the acceptance.
    assert decided(*rows)["suppressed_by"].to_dict() == {"A/o/email": "budget", "B/o/email": None, "C/o/email": None}
    assert decided(*[row | {"budget_left": 3.99} for row in rows])["outcome"].tolist().count(CHOSEN) == 1


def test_the_capacity_of_a_channel_is_shared_by_offers_and_not_used_by_what_another_limit_keeps_back() -> None:
    found = decided(
        candidate("A", "best", monthly_margin=30.0, daily_capacity=0, channel_capacity=1),
        candidate("B", "good", monthly_margin=20.0, channel_capacity=1),
        candidate("C", "fair", monthly_margin=15.0, channel_capacity=1),
        candidate("D", "fair", "phone", monthly_margin=15.0),
    )
    assert found["suppressed_by"].to_dict() == {
        "A/best/email": "capacity",
        "B/good/email": None,
        "C/fair/email": "channel_capacity",
        "D/fair/phone": None,
    }


def test_shares_of_the_winners_are_held_out_and_the_same_units_in_every_run_and_day() -> None:
    parameters = ArbitrationParameters(global_holdout_share=0.1, offer_control_share=0.2, exploration_share=0)
    frame = pd.DataFrame([candidate(f"C{number}") for number in range(4_000)])[list(INPUT_COLUMNS)]
    first, second = (arbitrate(frame, parameters, day) for day in (DAY, "2026-01-01"))
    pd.testing.assert_frame_equal(first, second)
    reasons = first["suppressed_by"].value_counts()
    assert 340 < reasons["global_holdout"] < 460
    assert 620 < reasons["control_group"] < 820  # 0.2 of the 0.9
    assert first["is_control"].sum() == reasons.sum()


def test_the_stated_share_explores_any_permitted_action_and_other_units_every_day() -> None:
    parameters = ArbitrationParameters(global_holdout_share=0, offer_control_share=0, exploration_share=0.3)
    rows = [
        candidate(f"C{number}", offer, monthly_margin=margin)
        for number in range(2_000)
        for offer, margin in (("best", 20.0), ("good", 10.0), ("worthless", 0.0))
    ]
    explorers = []
    for day in (DAY, "2026-01-01"):
        found = arbitrate(pd.DataFrame(rows)[list(INPUT_COLUMNS)], parameters, day)
        chosen = found[found["outcome"] == CHOSEN]
        explored = chosen[chosen["is_exploration"]]
        assert len(chosen) == 2_000
        assert 540 < len(explored) < 660
        assert set(chosen[~chosen["is_exploration"]]["offer_id"]) == {"best"}
        assert set(explored["offer_id"]) == {"best", "good"}
        assert 0.4 < (explored["offer_id"] == "good").mean() < 0.6
        explorers.append(set(explored["customer_id"]))
    first, second = explorers
    assert 120 < len(first & second) < 240  # 0.3 of 0.3


def test_draws_are_uniform_independent_by_purpose_and_do_not_change() -> None:
    keys = pd.Series([f"customer {number}" for number in range(10_000)])
    one, other = keyed_uniform(keys, "key", "one"), keyed_uniform(keys, "key", "other")
    assert abs(one.mean() - 0.5) < 0.02
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.04
    # Another library version that hashed otherwise would draw another control group.
    np.testing.assert_allclose(one[:3], PINNED, atol=1e-12)


PINNED = [0.42612084716255294, 0.21776583661856896, 0.36289244067971826]

REASONS = [None, None, None, "opted_out", "under_age", "total_frequency"]


@st.composite
def days(draw: st.DrawFn) -> pd.DataFrame:
    """Candidates of a few customers in a few households; the numbers are coarse, so that ties occur."""
    rows = {}
    for _ in range(draw(st.integers(1, 25))):
        customer, offer = draw(st.integers(0, 5)), draw(st.sampled_from("pqr"))
        row = candidate(
            f"C{customer}",
            offer,
            draw(st.sampled_from(["email", "phone"])),
            contact_unit=f"household {customer // 2}",
            priority=draw(st.integers(1, 2)),
            is_preferred=draw(st.booleans()),
            daily_capacity={"p": 1, "q": 2}.get(offer),
            suppressed_by=draw(st.sampled_from(REASONS)),
            uptake=draw(st.sampled_from([0.0, 0.1, 0.2])),
            monthly_margin=draw(st.sampled_from([None, 1.0, 10.0])),
            contact_cost=draw(st.sampled_from([0.0, 2.0])),
        )
        rows[row["action_id"]] = row
    return pd.DataFrame(rows.values())[list(INPUT_COLUMNS)]


SHARES = ArbitrationParameters(global_holdout_share=0.2, offer_control_share=0.3, exploration_share=0.3)


@settings(max_examples=60)
@given(frame=days(), seed=st.integers(0, 1_000))
def test_whatever_comes_into_question_the_rules_hold(frame: pd.DataFrame, seed: int) -> None:
    found = arbitrate(frame, SHARES, DAY)
    shuffled = arbitrate(frame.sample(frac=1, random_state=seed), SHARES, DAY)
    pd.testing.assert_frame_equal(found, shuffled)  # the order of rows changes nothing
    assert sorted(found["action_id"]) == sorted(frame["action_id"])  # every candidate is kept
    chosen = found[found["outcome"] == CHOSEN]
    assert chosen["suppressed_by"].isna().all()
    assert found.loc[found["outcome"] != CHOSEN, "suppressed_by"].notna().all()
    assert not chosen["is_control"].any()
    assert not chosen["customer_id"].duplicated().any()
    assert not chosen["contact_unit"].duplicated().any()
    # Nobody is contacted who was suppressed before, and what was is still said.
    before = frame.set_index("action_id")["suppressed_by"].dropna()
    assert found.set_index("action_id").loc[before.index, "suppressed_by"].tolist() == before.tolist()
    assert (chosen["expected_value"] > 0).all()
    counts = chosen["offer_id"].value_counts()
    assert counts.get("p", 0) <= 1
    assert counts.get("q", 0) <= 2
    # A unit has at most one action, done or held out.
    assert not found[(found["outcome"] == CHOSEN) | found["is_control"]]["contact_unit"].duplicated().any()


def test_a_day_without_candidates_has_no_actions() -> None:
    empty = pd.DataFrame([candidate("A")])[list(INPUT_COLUMNS)].iloc[:0]
    assert arbitrate(empty, SHARES, DAY).empty
