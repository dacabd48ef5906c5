"""Ordered rules: thresholds filled in, mistakes refused when the settings are read and not in the warehouse."""

import pytest

from orchestration.lib.rules import LIFECYCLE_RULES, MARKET_RULES, Rule, render
from orchestration.lib.settings import LifecycleSettings, MarketSettings

LAST = Rule(id="rest", segment="rest", when="true", because="Everybody else.")


def test_thresholds_are_filled_in():
    rule = Rule(id="big", segment="big", when="staff >= {least}", because="Many.")
    assert render([rule, LAST], {"least": 1_000})[0]["when"] == "staff >= 1000"
    assert render([rule, LAST], {"least": 50_000_000})[0]["when"] == "staff >= 50000000"
    assert render([rule, LAST], {"least": 0.35})[0]["when"] == "staff >= 0.35"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([Rule(id="a", segment="a", when="x > {nowhere}", because="."), LAST], "nowhere"),
        ([LAST, LAST], "unique"),
        ([Rule(id="a", segment="a", when="x > 1", because=".")], "'true'"),
    ],
)
def test_a_mistake_in_the_rules_is_refused(rules, words):
    with pytest.raises(ValueError, match=words):
        render(rules, {"known": 1})


def test_the_default_rules_are_valid_and_cover_every_segment_of_the_design():
    market = {rule["segment"] for rule in render(MARKET_RULES, MarketSettings().thresholds)}
    assert market == {
        "override", "consumer", "employee", "small_business", "medium_business", "enterprise", "education",
        "government", "wholesale", "unclassified_business",
    }  # fmt: skip
    stages = {rule["segment"] for rule in render(LIFECYCLE_RULES, LifecycleSettings().thresholds)}
    assert stages == {
        "pending", "onboarding", "won_back", "growing", "mature", "at_risk", "dormant", "suspended", "churned",
    }  # fmt: skip
