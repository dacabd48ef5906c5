"""The space that clusters are looked for in: robust, unit-free, and honest about what is not known."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.behavior.features import BILLING_WEIGHTS, FEATURES, UNWEIGHTED, USAGE_WEIGHTS
from models.clusters.feature_space import Feature, GroupScaler, HeavyTail, LogitShare, feature_space, numeric

AMOUNTS = st.lists(st.just(0.0) | st.floats(1e-3, 1e6), min_size=1, max_size=30).map(
    lambda values: np.array(values)[:, None]
)


@given(AMOUNTS, st.floats(1e-3, 1e9))
def test_the_unit_of_an_amount_does_not_matter(amounts, factor):
    first, second = HeavyTail().fit_transform(amounts), HeavyTail().fit_transform(amounts * factor)
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_zero_stays_zero_and_negative_counts_as_zero():
    assert HeavyTail().fit_transform(np.array([[0.0], [-5.0], [10.0]]))[:2].tolist() == [[0], [0]]


def test_a_share_of_nothing_or_of_all_stays_finite():
    odds = LogitShare().fit_transform(np.array([[0.0], [0.5], [1.0]]))[:, 0]
    assert odds[1] == 0
    assert odds[[0, 2]] == pytest.approx([np.log(0.01 / 0.99), np.log(0.99 / 0.01)])


def test_a_group_has_its_weight_whatever_the_number_of_columns_that_say_the_same():
    column = np.random.default_rng(0).standard_normal((500, 1))
    one = GroupScaler(0.7).fit_transform(column)
    five = GroupScaler(0.7).fit_transform(np.hstack([column] * 5))
    assert (one - one.mean()).var() == pytest.approx(0.49)
    assert ((five - five.mean(axis=0)) ** 2).sum(axis=1).mean() == pytest.approx(0.49)


def test_one_wild_value_is_clipped():
    column = np.append(np.random.default_rng(0).standard_normal(200), 1e9)[:, None]
    scaled = GroupScaler(clip=4.0).fit(column)
    assert scaled.transform(column).max() * scaled.leading_ == pytest.approx(4)


def test_a_constant_column_adds_nothing():
    assert (GroupScaler().fit_transform(np.full((5, 2), 3.0)) == 0).all()


def test_every_kind_of_null_and_number_is_read():
    frame = pd.DataFrame(
        {
            "monthly_fee": [Decimal("12.50"), None],
            "has_tv": pd.array([True, None], dtype="boolean"),
            "contacts_3m": pd.array([2, None], dtype="Int64"),
            "usage_trend": [np.inf, 1.5],
        }
    )
    read = numeric(frame, ("monthly_fee", "has_tv", "contacts_3m", "usage_trend", "gb_month_3m"))
    assert read.iloc[0, :3].tolist() == [12.5, 1.0, 2.0]
    assert read.isna().to_numpy().tolist() == [[False, False, False, True, True], [True, True, True, False, True]]


def test_every_feature_has_a_weight_or_a_reason_and_usage_decides_where_it_is_known():
    groups = {feature.group for feature in FEATURES}
    assert groups == set(USAGE_WEIGHTS) | set(UNWEIGHTED)
    assert set(BILLING_WEIGHTS) < groups
    usage = set(USAGE_WEIGHTS) - set(BILLING_WEIGHTS)
    assert min(USAGE_WEIGHTS[group] for group in usage) > max(USAGE_WEIGHTS[group] for group in BILLING_WEIGHTS)


def test_single_gaps_are_filled_with_the_middle_of_the_sample():
    features = (Feature("gb_month_3m", "level", "amount"), Feature("has_tv", "products", "flag"))
    frame = pd.DataFrame({"gb_month_3m": [1.0, 3.0, 9.0, np.nan], "has_tv": [1.0, 1.0, 0.0, np.nan]})
    space = feature_space(features, USAGE_WEIGHTS).fit_transform(frame)
    assert (space[3] == [space[1, 0], space[0, 1]]).all()
