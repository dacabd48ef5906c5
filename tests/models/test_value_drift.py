"""Drift of hazard and value: what moved is told, what chance makes is not."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.value.drift import ACT, MEASURES, NO_REFERENCE, STEADY, WATCH, drift_words, value_drift


def open_customers(number: int, seed: int, *, hazard: float = 0.02, value: float = 500.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "churn_probability_1m": hazard * random.gamma(2.0, 0.5, number),
            "future_value": value * random.gamma(1.5, 1 / 1.5, number),
        }
    )


def status(before: pd.DataFrame, now: pd.DataFrame) -> dict[str, str]:
    found = value_drift(before, now, watch=0.1, act=0.25)
    return dict(zip(found["measure"], found["drift_status"], strict=True))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, (STEADY, STEADY)),
        ({"hazard": 0.04}, (ACT, STEADY)),
        ({"value": 750.0}, (STEADY, WATCH)),
        ({"value": 5.0}, (STEADY, ACT)),
    ],
    ids=["nothing", "twice the hazard", "half as much value again", "a hundredth of the value"],
)
def test_the_measure_that_moved_is_told(changed, expected):
    assert tuple(status(open_customers(20_000, 1), open_customers(20_000, 2, **changed)).values()) == expected


def test_thirty_customers_cannot_drift_by_chance_but_a_base_gone_wrong_is_told():
    pairs = [(open_customers(30, seed), open_customers(30, seed + 1_000)) for seed in range(100)]
    alarms = [pair for pair in pairs if set(status(*pair).values()) != {STEADY}]
    largest = max(value_drift(*pair, watch=0.1, act=0.25)["psi"].max() for pair in pairs)
    assert largest > 0.25  # the rule of thumb alone would have called
    assert len(alarms) <= 4
    assert status(pairs[0][0], pairs[0][1] * 20)["future_value"] == ACT


@settings(max_examples=20)
@given(rate=st.floats(0.01, 100))
def test_another_currency_is_no_drift_by_itself(rate):
    before, now = open_customers(500, 3), open_customers(500, 4)
    in_other = [each.assign(future_value=each["future_value"] * rate) for each in (before, now)]
    expected = value_drift(before, now, watch=0.1, act=0.25)["psi"]
    assert value_drift(*in_other, watch=0.1, act=0.25)["psi"].to_numpy() == pytest.approx(expected.to_numpy(), abs=0.02)


def test_the_first_version_and_an_empty_base_have_nothing_to_compare_with():
    nobody, some = pd.DataFrame(columns=list(MEASURES)), open_customers(50, 5)
    for before, now in ((nobody, some), (some, nobody), (nobody, nobody)):
        found = value_drift(before, now, watch=0.1, act=0.25)
        assert (found["drift_status"] == NO_REFERENCE).all()
        assert found["psi"].isna().all()
        assert drift_words(found) == "No month before to compare with."


def test_values_that_are_not_known_are_a_group_of_their_own_and_money_may_be_decimal():
    before = open_customers(2_000, 6)
    now = before.assign(future_value=[Decimal("10.00")] * 1_000 + [None] * 1_000)
    found = value_drift(before, now, watch=0.1, act=0.25).set_index("measure")
    assert found.loc["future_value", "drift_status"] == ACT
    assert found.loc["future_value", "mean"] == 10
    assert found.loc["churn_probability_1m", "psi"] == 0
    assert "churn probability 1m: PSI 0.000 (steady)" in drift_words(found.reset_index())
