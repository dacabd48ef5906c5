"""Names and rules come from what sets a cluster apart, and say no more than that."""

import functools

import numpy as np
import pandas as pd
import pytest

from models.behavior.features import BILLING, FEATURES, USAGE
from models.business.features import NEEDS
from models.clusters.names import NUMERALS, effect_sizes, name_cluster, name_contradicts, unused
from models.clusters.rules import cluster_rule, measure_rule
from models.feature_words import FEATURE_WORDS


def name(
    effects: dict[str, float],
    taken: tuple[str, ...] = (),
    typical: float = np.nan,
    contradicted: float | list[float] = 0.0,
    untypical: float = 0.0,
) -> str:
    frame = pd.DataFrame(
        {
            "feature": list(effects),
            "effect": list(effects.values()),
            "standing": 1.0,
            "typical": typical,
            "contradicted": contradicted,
            "untypical": untypical,
        }
    )
    return name_cluster(frame, USAGE, minimum_effect=0.5, taken=taken)


def test_every_feature_that_is_clustered_has_words():
    clustered = [feature for feature in FEATURES if feature.group in USAGE.weights]
    assert all(feature.high for feature in clustered)
    assert {feature.group for feature in clustered} <= set(USAGE.word_order)


@pytest.mark.parametrize(
    ("effects", "expected"),
    [
        ({"gb_month_3m": 1.2, "evening_share_3m": 2.0, "upload_share_3m": -1.0}, "Heavy evening users"),
        ({"gb_month_3m": -3.0}, "Light users"),
        ({"gb_month_3m": 0.99}, "Typical users"),
        ({}, "Typical users"),
        ({"evening_share_3m": -2.0, "business_hours_share_3m": 1.5}, "Daytime users"),
        ({"business_hours_share_3m": 3.0, "weekend_share_3m": -3.1}, "Weekday daytime users"),
        ({"business_hours_share_3m": 3.0, "weekend_share_3m": -2.9}, "Daytime users"),
        ({"night_share_3m": 4.0, "upload_share_3m": 3.0, "gb_month_3m": 0.8}, "Night-time uploaders"),
        ({"gb_month_3m": 1.0, "devices_3m": 9.0}, "Heavy users"),
        ({"gb_month_3m": 0.3, "devices_3m": 9.0}, "Typical users"),
        ({"has_tv": 5.0, "has_mobile": 4.0, "gb_month_3m": -2.0}, "Light users with TV"),
    ],
)
def test_names_follow_effects(effects, expected):
    assert name(effects) == expected


def test_a_taken_name_grows_by_the_next_strongest_word_then_counts():
    effects = {"gb_month_3m": 2, "evening_share_3m": 2, "upload_share_3m": 1, "devices_3m": 0.6}
    short, longer, longest = "Heavy evening users", "Heavy evening uploaders", "Heavy many-device evening uploaders"
    assert name(effects, (short,)) == longer
    assert name(effects, (short, longer)) == longest
    assert name(effects, (short, longer, longest)) == f"{longest} II"


def test_customers_with_mobile_and_no_internet_are_called_that():
    effects = pd.DataFrame(
        {
            "feature": ["has_internet", "has_mobile", "gb_month_3m", "devices_3m"],
            "effect": [-10.0, 3.0, -4.0, -3.0],
            "standing": 1.0,
            "contradicted": 0.0,
            "untypical": 0.0,
            "typical": [0.01, 1.0, 9.0, 1.0],
        }
    )
    called = functools.partial(name_cluster, effects, USAGE, minimum_effect=0.5)
    assert called() == "Mobile-only users"
    assert called(taken=["Mobile-only users"]) == "Light mobile-only users"
    effects.loc[0, "typical"] = 0.4
    assert called() == "Light users without internet"


def test_a_word_goes_to_the_clusters_that_have_most_of_it():
    night = pd.DataFrame({"night_share_3m": [0.05] * 40 + [0.12] * 20 + [0.5] * 20})
    labels = np.repeat([0, 1, 2], [40, 20, 20])
    effects = {
        label: found.assign(effect=3.0, contradicted=0.0)
        for label, found in effect_sizes(night, labels, USAGE).items()
        if label
    }
    assert effects[1]["standing"].item() < 0.5
    assert effects[2]["standing"].item() == 1
    names = [name_cluster(effects[n], USAGE, minimum_effect=0.5) for n in (1, 2)]
    assert names == ["Typical users", "Night-time users"]


@pytest.mark.parametrize(("contradicted", "expected"), [(0.2, "Daytime uploaders"), (0.21, "Uploaders")])
def test_nothing_is_said_that_more_than_a_fifth_of_the_members_contradict(contradicted, expected):
    effects = {"business_hours_share_3m": 1.5, "upload_share_3m": 1.4}
    assert name(effects, contradicted=[contradicted, 0.0]) == expected


@pytest.mark.parametrize(("untypical", "expected"), [(0.2, "Typical users"), (0.21, "Mixed users")])
def test_a_cluster_whose_members_are_all_sorts_is_mixed_and_not_typical(untypical, expected):
    assert name({"gb_month_3m": 0.3}, untypical=untypical) == expected


def test_members_contradict_a_word_by_values_of_their_own():
    upload = pd.DataFrame({"upload_share_3m": [0.5] * 7 + [0.02] * 3 + [0.05] * 10})
    effects = effect_sizes(upload, np.repeat([0, 1], 10), USAGE)
    assert effects[0]["contradicted"].item() == pytest.approx(0.3)
    assert name_cluster(effects[0], USAGE, minimum_effect=0.5) == "Mixed users"


@pytest.mark.parametrize(
    ("old", "is_contradicted"),
    [
        ("Heavy uploaders", True),
        ("Heavy evening users", False),
        ("Light users", True),
        ("Typical users", False),
        ("Heavy-handed users", False),
    ],
)
def test_an_old_name_is_held_against_the_members_of_today(old, is_contradicted):
    effects = pd.DataFrame(
        {
            "feature": ["gb_month_3m", "upload_share_3m"],
            "effect": [1.5, 0.6],
            "contradicted": [0.1, 0.3],
        }
    )
    assert name_contradicts(old, effects, USAGE) is is_contradicted


def test_numerals_are_many_and_different():
    assert NUMERALS[:3] == ["II", "III", "IV"]
    assert len(set(NUMERALS)) == len(NUMERALS) >= 20
    assert unused(["A"], {"A", "A II"}) == "A III"


def test_effects_are_standardised_differences_strongest_first():
    frame = pd.DataFrame(
        {
            "has_tv": [1.0, 1.0, 1.0, 0.0, 0.0, 0.0],
            "gb_month_3m": [100.0, 200.0, 400.0, 50.0, 100.0, np.nan],
            "monthly_fee": [10.0, 20.0, 30.0, 10.0, 20.0, 30.0],
        }
    )
    effects = effect_sizes(frame, np.array([0, 0, 0, 1, 1, 1]), USAGE)[0].set_index("feature")
    assert effects.index.tolist() == ["has_tv", "gb_month_3m", "monthly_fee"]
    assert effects.loc["has_tv", "effect"] == 10
    assert effects.loc["gb_month_3m", ["typical", "typical_rest"]].tolist() == [200, 75]
    assert effects.loc["monthly_fee", "effect"] == 0


def test_a_rule_is_a_condition_with_its_own_precision_and_recall():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"upload_share_3m": random.random(400), "has_tv": (random.random(400) < 0.5) * 1.0})
    member = ((frame["upload_share_3m"] >= 0.6) & (frame["has_tv"] == 0)).to_numpy()
    rule = cluster_rule(frame, member, USAGE)
    assert "upload_share_3m >= 0." in rule.text
    assert "not has_tv" in rule.text
    assert rule.precision > 0.95
    assert rule.recall > 0.9


def test_a_rule_speaks_of_the_leading_features_where_they_say_the_cluster_as_well():
    random = np.random.default_rng(0)
    member = random.random(400) < 0.5
    said, other = member + 0.1 * random.random(400), member + 0.0
    frame = pd.DataFrame({"has_tv": other, "evening_share_3m": said, "weekend_share_3m": random.random(400)})
    assert cluster_rule(frame, member, USAGE).text == "has_tv"
    assert cluster_rule(frame, member, USAGE, ["evening_share_3m"]).text.startswith("evening_share_3m >= ")
    assert cluster_rule(frame, member, USAGE, ["weekend_share_3m"]).text == "has_tv"


def test_an_unknown_value_never_meets_a_threshold():
    frame = pd.DataFrame({"gb_month_3m": [1.0] * 30 + [1000.0] * 30 + [np.nan] * 30})
    rule = cluster_rule(frame, np.array([False] * 30 + [True] * 60), USAGE)
    assert rule.recall < 1
    assert cluster_rule(frame, np.ones(90, dtype=bool), USAGE).text == "true"


def test_a_rule_says_in_words_what_it_says_of_columns():
    frame = pd.DataFrame({"upload_share_3m": [0.1, 0.3], "gb_month_3m": [50.0, 2000.0], "has_tv": [1.0, 0.0]})
    unbounded = float("inf")
    bounds = {
        "upload_share_3m": (0.225, unbounded),
        "gb_month_3m": (-unbounded, 2500.0),
        "devices_3m": (2.5, 4.5),
        "has_tv": (-unbounded, 0.5),
        "has_mobile": (0.5, unbounded),
    }
    rule = measure_rule(bounds, frame.assign(devices_3m=3.0, has_mobile=1.0), np.array([False, True]), USAGE)
    assert rule.words == (
        "upload share at least 22.5%, GB a month under 2,500, devices from 2.5 to under 4.5, without TV, with mobile"
    )
    assert (rule.precision, rule.recall) == (1, 1)
    assert measure_rule({}, frame, np.array([True, True]), USAGE).words == "everybody"


@pytest.mark.parametrize("scheme", [USAGE, BILLING, NEEDS], ids=lambda scheme: scheme.name)
def test_every_feature_has_words_of_its_own(scheme):
    words = [FEATURE_WORDS[name] for name in scheme.names]
    assert len({*words}) == len(words)


def test_thresholds_are_readable():
    amounts = np.random.default_rng(0).lognormal(9, 1, 300)
    rule = cluster_rule(pd.DataFrame({"gb_month_3m": amounts}), amounts > np.median(amounts), USAGE)
    number = rule.text.removeprefix("gb_month_3m >= ")
    assert "e" not in number
    assert len(number.replace(".", "").strip("0")) <= 3
