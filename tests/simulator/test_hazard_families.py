"""Truths that share nothing with the retention models: events, survivors and expected margins follow each of them."""

import numpy as np
import pytest

from simulator import SimulationParameters
from simulator.hazards import hazard, survival
from simulator.lifetimes import Lifetimes, Spell, live
from simulator.margin_ahead import EXPLICIT_MONTHS, MarginAhead, future_margin
from simulator.months import NEVER, Window
from simulator.population import populate
from simulator.randomness import Draws

FAMILIES = {
    "weibull": {"family": "weibull", "duration_shape": 0.7, "seasonality": 0.5},
    "gompertz": {"family": "gompertz", "annual_decline": 0.4, "expiry_months": 2, "expiry_multiplier": 4.0},
}


def parameters_of(family: str, **changed: object) -> SimulationParameters:
    return SimulationParameters.model_validate({"hazards": FAMILIES[family], "customers": 30_000, **changed})


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("term", "renews"), [(0, False), (12, False), (12, True), (24, False)])
@pytest.mark.parametrize("start", [600, 607])
def test_survival_in_closed_form_is_the_product_of_the_hazards(
    family: str, term: int, renews: bool, start: int
) -> None:
    parameters, months = parameters_of(family), np.arange(1, 61)
    arguments = np.full(60, 0.04), np.ones(60), months, np.full(60, term), np.full(60, renews)
    by_month = np.cumprod(1 - hazard(parameters, *arguments, start + months))
    assert survival(parameters, *arguments, start) == pytest.approx(by_month)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_customers_own_hazard_has_its_mean_over_the_first_year_and_falls(family: str) -> None:
    parameters, free = parameters_of(family), np.zeros(120, dtype=int)
    months = np.arange(1, 121)
    # 599 is a December. With seasons the first months, of which most leave, weigh a little more or less.
    own = hazard(parameters, np.full(120, 1e-4), np.ones(120), months, free, free > 0, 599 + months)
    assert own[:12].mean() == pytest.approx(1e-4, rel=0.1)
    years = own.reshape(10, 12).mean(axis=1)
    assert (np.diff(years) < 0).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_those_who_leave_are_as_many_as_the_hazards_say_in_every_season_and_tenure(family: str) -> None:
    parameters = parameters_of(family)
    draws, window = Draws(1), Window.of(parameters)
    lives = live(parameters, draws, populate(parameters, draws, 0, parameters.customers), window)
    spell, rows = lives.first, []
    for month in window.months:
        passed = month - spell.start_month
        rate = hazard(parameters, lives.theta, lives.behavior, passed, spell.term, spell.renews, month)
        rows.append(np.stack([passed, spell.end_month == month, rate])[:, spell.open_at_end_of(month - 1)])
    for _, has_left, rate in rows:
        assert abs(has_left.sum() - rate.sum()) < 4 * np.sqrt(rate.sum())
    passed, left, rate = np.concatenate(rows, axis=1)
    for years in (passed <= 12, (passed > 12) & (passed <= 36), passed > 60):
        assert abs(left[years].sum() - rate[years].sum()) < 4 * np.sqrt(rate[years].sum())


def test_the_opening_base_are_the_survivors_of_gamma_cohorts() -> None:
    """Frailty of those who started a months ago: Gamma(k, k + mean x G(a - 1)), Vaupel and others (1979)."""
    parameters = parameters_of(
        "weibull",
        customers=60_000,
        hazards={**FAMILIES["weibull"], "seasonality": 0.0, "behavior": {}, "autopay_multiplier": 1.0},
    )
    draws, window = Draws(1), Window.of(parameters)
    customers = populate(parameters, draws, 0, parameters.customers)
    lives = live(parameters, draws, customers, window)
    age = window.first - lives.first.start_month
    old = (customers.market == 0) & (customers.main_family == 0) & (lives.first.term == 0) & (age >= 1)
    alpha, beta = parameters.hazards.beta["consumer/internet/0"]
    mean, variance = alpha / (alpha + beta), parameters.hazards.frailty_variance
    passed = (age[old] - 1.0) ** 0.7 * 12 / 12**0.7
    assert lives.theta[old].mean() == pytest.approx((mean / (1 + variance * mean * passed)).mean(), rel=0.03)


@pytest.mark.parametrize("family", FAMILIES)
def test_expected_margin_is_the_sum_over_all_months_ahead_from_the_calendar_month_on(family: str) -> None:
    parameters = SimulationParameters.model_validate(
        {
            "hazards": {**FAMILIES[family], "reasons": {"voluntary": 1.0, "involuntary": 0.0}},
            "billing": {"never_paid": 0.0},
        }
    )
    theta, never, no = np.array([0.05, 0.02]), np.full(2, NEVER), np.zeros(2, dtype=bool)
    spell = Spell(never, never, never, never, never, never, no)
    lives = Lifetimes(theta, np.ones(2), spell, spell, never, never, never, never, never, no)
    ahead = MarginAhead(np.full((2, EXPLICIT_MONTHS + 1), 30.0), np.zeros(2), np.full(2, 20.0))
    passed, term = np.array([3, 30]), np.array([12, 24])
    found = future_margin(parameters, lives, ahead, passed, term, no, 600)
    for row in range(2):
        alive, worth = 1.0, []
        for t in range(1, 241):
            one = slice(row, row + 1)
            alive *= 1 - hazard(parameters, theta[one], np.ones(1), passed[one] + t, term[one], no[one], 600 + t)[0]
            worth.append(10 * alive * 1.1 ** (-t / 12))
        assert found[row] == pytest.approx([sum(worth[:horizon]) for horizon in (12, 36, 240)])
