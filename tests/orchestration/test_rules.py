"""Ordered rules: thresholds filled in, mistakes refused when the settings are read and not in the warehouse."""

import pytest

from orchestration.settings import Settings
from orchestration.settings.ordered_rules import LIFECYCLE_RULES, MARKET_RULES, Rule, render
from orchestration.settings.rules import LifecycleSettings, MarketSettings

LARGE = Rule(
    id="large", segment="enterprise", when="group_employee_count >= {enterprise_min_employees}", because="Many."
)
SMALL = Rule(id="few", segment="small_business", when="group_employee_count is not null", because="Few.")
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
        "override", "size", "consumer", "employee", "education", "government", "wholesale", "unclassified_business",
    }  # fmt: skip
    stages = {rule["segment"] for rule in render(LIFECYCLE_RULES, LifecycleSettings().thresholds)}
    assert stages == {
        "pending", "onboarding", "won_back", "growing", "mature", "at_risk", "dormant", "suspended", "churned",
    }  # fmt: skip


def test_a_scheme_of_sizes_of_ones_own_stands_beside_the_known_ones():
    own = {"classes": ["enterprise", "small_business"], "staff": [LARGE, SMALL], "money": [LARGE.model_copy()]}
    settings = MarketSettings.model_validate({"size_schemes": {"own": own}, "size_scheme": "own"})
    assert set(settings.size_schemes) == {"telecom", "eu", "own"}
    assert settings.rendered_size_schemes()["own"]["staff"][0]["when"] == "group_employee_count >= 1000"


@pytest.mark.parametrize(
    ("market", "words"),
    [
        ({"size_scheme": "nowhere"}, "telecom, eu"),
        ({"size_schemes": {"own": {"classes": ["enterprise"], "staff": [SMALL], "money": [SMALL]}}}, "small_business"),
        ({"age_bands": [18, 18]}, "must rise"),
    ],
)
def test_a_mistake_in_the_sizes_is_refused(market, words):
    with pytest.raises(ValueError, match=words):
        MarketSettings.model_validate(market)


def test_only_the_signals_that_count_put_a_customer_at_risk():
    def signals(**settings):
        return {rule.signal for rule in LifecycleSettings.model_validate(settings).rules_in_use()}

    assert signals() == {None, "events", "hazard"}
    assert signals(at_risk_by=["hazard_percentile"]) == {None, "hazard_percentile"}
    assert signals(at_risk_by=[]) == {None}


def test_a_rule_may_not_use_a_protected_attribute_unless_the_settings_release_it():
    by_age = {"rules": [Rule(id="young", segment="young", when="birth_year > 2000", because="."), LAST]}
    with pytest.raises(ValueError, match="rule young uses birth_year"):
        Settings.model_validate({"market": by_age})
    assert Settings.model_validate({"market": by_age, "protected_attributes": ["gender"]})


@pytest.mark.parametrize(("name", "said"), [("gender", "protected_attributes forbids"), ("Risk", "in lower case")])
def test_attributes_are_no_features_where_protected_or_never_found(name: str, said: str):
    with pytest.raises(ValueError, match=said):
        Settings.model_validate({"behavior": {"attributes": {name: "number"}}})
