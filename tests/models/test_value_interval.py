"""Intervals of customer value: coverage on a known model, two ways of solving that agree, the order of bounds."""

import numpy as np
import pandas as pd
import pytest

from models.retention.residual_life import discounted_months, survival_ahead
from models.value.interval import _any_quantiles, contain, margin_interval, uncertain_survival
from models.value.margin_spread import NODE_WEIGHTS, NODES, MarginSpread

CUSTOMERS, MONTHS, RATE = 4_000, 120, 0.10


@pytest.fixture(scope="module")
def drawn():
    """Customers of a known model: a hazard and a margin of their own, a discount that ends, margins off their plan."""
    random = np.random.default_rng(5)
    hazard = np.repeat(random.beta(1.5, 60, (CUSTOMERS, 1)), MONTHS, axis=1)
    survival = survival_ahead(hazard)
    margin, step = random.gamma(3, 10, CUSTOMERS), random.choice([0.0, 8.0], CUSTOMERS)
    after = random.integers(0, 24, CUSTOMERS)
    ratio = random.lognormal(0, 0.15, (2, CUSTOMERS))
    plan = pd.DataFrame({"population": "consumer", "expected_margin": 10.0, "actual_margin": 10.0 * ratio[0]})
    ratios = MarginSpread().fit(plan).ratios(plan["population"])
    stayed = (survival[:, 1:] > random.random((CUSTOMERS, 1))).sum(axis=1)
    worth = discounted_months(np.ones((1, MONTHS + 1)), RATE)[0]
    brought = ratio[1] * (margin * worth[stayed] + step * np.maximum(worth[stayed] - worth[after], 0))
    return survival, (margin, step, after), ratios, brought


@pytest.mark.parametrize("coverage", [0.5, 0.8])
def test_an_interval_covers_the_share_that_it_promises(drawn, coverage):
    survival, path, ratios, brought = drawn
    bounds = margin_interval(survival, np.arange(CUSTOMERS), *path, ratios, NODE_WEIGHTS, RATE, coverage)
    covered = ((bounds[:, 0] <= brought) & (brought <= bounds[:, 1])).mean()
    assert covered == pytest.approx(coverage, abs=0.03)
    assert (brought < bounds[:, 0]).mean() == pytest.approx((1 - coverage) / 2, abs=0.02)


def test_the_last_digits_of_survival_and_margin_move_no_bound(drawn):
    survival, path, ratios, _ = drawn
    noise = 1 + 1e-14 * np.random.default_rng(6).standard_normal(survival.shape)
    every, (margin, step, after) = np.arange(CUSTOMERS), path
    as_fitted = margin_interval(survival, every, *path, ratios, NODE_WEIGHTS, RATE, 0.8)
    nudged = (margin * (1 + 1e-15), step, after)
    fitted_again = margin_interval(survival * noise, every, *nudged, ratios, NODE_WEIGHTS, RATE, 0.8)
    assert (as_fitted.round(2) == fitted_again.round(2)).all()


def test_bisection_agrees_with_weighing_every_month_and_ratio(drawn):
    survival, path, ratios, _ = drawn
    some = np.arange(100)
    path, ratios = tuple(each[some] for each in path), ratios[some]
    worth = discounted_months(np.ones((1, MONTHS + 1)), RATE)[0]
    solved = margin_interval(survival, some, *path, ratios, NODE_WEIGHTS, RATE, 0.8)
    weighed = _any_quantiles(survival[some], path, ratios, NODE_WEIGHTS, worth, (0.1, 0.9))
    assert solved == pytest.approx(weighed, rel=0.005, abs=0.01)
    margin, step, after = path
    lost = margin_interval(survival, some, -margin, -step, after, ratios, NODE_WEIGHTS, RATE, 0.8)
    assert lost == pytest.approx(-solved[:, ::-1], rel=0.005, abs=0.01)


def test_a_path_that_first_costs_and_then_brings_has_a_low_bound_below_zero():
    survival = survival_ahead(np.full((1, 24), 0.1))
    ones = np.ones((1, NODES))
    path = (np.array([-10.0]), np.array([30.0]), np.array([6]))
    low, high = margin_interval(survival, np.array([0]), *path, ones, NODE_WEIGHTS, 0.0, 0.8)[0]
    assert low == pytest.approx(-50)  # gone in the last months of the discount; one in twenty costs 60
    assert high > 0


def test_a_path_that_first_brings_and_then_costs_is_best_left_when_it_turns():
    survival = survival_ahead(np.full((1, 24), 0.1))
    path = (np.array([10.0]), np.array([-30.0]), np.array([6]))
    low, high = margin_interval(survival, np.array([0]), *path, np.ones((1, NODES)), NODE_WEIGHTS, 0.0, 0.8)[0]
    assert high == pytest.approx(50)  # leaving a month early or late; one in twenty leaves in the best month
    assert low < 0


def test_a_level_that_is_not_known_exactly_widens_survival_and_one_that_is_known_leaves_it():
    survival = survival_ahead(np.full((2, 60), 0.05))
    found = uncertain_survival(survival, np.array([0.0, 0.25]))
    assert found[0] == pytest.approx(survival[0], rel=1e-4)
    assert (found[1, 2:] > survival[1, 2:]).all()
    assert (np.diff(found, axis=1) < 0).all()


def test_a_mean_outside_of_its_quantiles_moves_the_bound_to_it():
    # Nineteen of twenty stay for sure: their tenth percentile lies above the mean of all.
    survival = np.concatenate([[1.0], np.full(12, 0.95)])[None, :]
    path = (np.array([10.0]), np.zeros(1), np.zeros(1, dtype=np.int64))
    bounds = margin_interval(survival, np.array([0]), *path, np.ones((1, NODES)), NODE_WEIGHTS, 0.0, 0.8)
    assert bounds[0] == pytest.approx([120, 120], rel=1e-4)
    assert contain(bounds, np.array([114.0]))[0] == pytest.approx([114, 120], rel=1e-4)


def test_where_fees_are_flat_an_interval_holds_a_level_that_moves_by_a_hundredth():
    flat = pd.DataFrame({"population": "consumer", "expected_margin": 10.0, "actual_margin": np.full(200, 10.0)})
    ratios = MarginSpread(0.01).fit(flat).ratios(flat["population"])[:1]
    path = (np.array([10.0]), np.zeros(1), np.zeros(1, dtype=np.int64))
    low, high = margin_interval(np.ones((1, 13)), np.array([0]), *path, ratios, NODE_WEIGHTS, 0.0, 0.8)[0]
    assert 118.0 < low < 119.0
    assert 121.0 < high < 122.0


def test_too_few_who_stayed_say_nothing_of_margins():
    few = pd.DataFrame({"population": "consumer", "expected_margin": 10.0, "actual_margin": np.arange(50.0)})
    assert (MarginSpread().fit(few).ratios(few["population"]) == 1).all()


def test_what_is_not_known_has_no_interval():
    survival = np.array([[1.0, np.nan]])
    path = (np.array([10.0]), np.zeros(1), np.zeros(1, dtype=np.int64))
    assert np.isnan(margin_interval(survival, np.array([0]), *path, np.ones((1, NODES)), NODE_WEIGHTS, 0.1, 0.8)).all()
