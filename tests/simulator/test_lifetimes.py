"""The planted hazards are the ones the events follow."""

import numpy as np
import pytest

from simulator import SimulationParameters
from simulator.hazards import hazard, survival
from simulator.lifetimes import Lifetimes, live
from simulator.months import Window
from simulator.population import Customers, populate
from simulator.randomness import Draws

PARAMETERS = SimulationParameters(customers=60_000, months=18)
WINDOW = Window.of(PARAMETERS)


@pytest.fixture(scope="module")
def base() -> tuple[Customers, Lifetimes]:
    draws = Draws(PARAMETERS.seed)
    customers = populate(PARAMETERS, draws, 0, PARAMETERS.customers)
    return customers, live(PARAMETERS, draws, customers, WINDOW)


def _exposure(base: tuple[Customers, Lifetimes]) -> np.ndarray:
    """Return one row per customer-month at risk: term, committed, spell month, churned, true hazard."""
    _, lifetimes = base
    spell = lifetimes.first
    parts = []
    for month in WINDOW.months:
        at_risk = spell.open_at_end_of(month - 1)
        spell_month = month - spell.start_month
        rate = hazard(PARAMETERS, lifetimes.theta, lifetimes.behavior, spell_month, spell.term, spell.renews)
        committed = (spell_month <= spell.term) | (spell.renews & (spell.term > 0))
        columns = (spell.term, committed, spell_month, spell.end_month == month, rate)
        parts.append(np.stack(columns, axis=1)[at_risk])
    return np.concatenate(parts)


@pytest.mark.parametrize("term", [0, 12, 24])
@pytest.mark.parametrize("committed", [False, True])
def test_churn_by_term_and_commitment_follows_the_planted_hazard(
    base: tuple[Customers, Lifetimes], term: int, committed: bool
) -> None:
    rows = _exposure(base)
    rows = rows[(rows[:, 0] == term) & (rows[:, 1] == committed)]
    if term == 0 and committed:
        assert len(rows) == 0
        return
    churned, rate = rows[:, 3], rows[:, 4]
    assert abs(churned.sum() - rate.sum()) < 4 * np.sqrt((rate * (1 - rate)).sum())


def test_hazard_falls_with_tenure_only_because_the_loose_leave_first(base: tuple[Customers, Lifetimes]) -> None:
    rows = _exposure(base)
    free = rows[(rows[:, 0] == 0)]
    early = free[free[:, 2] <= 6, 3].mean()
    late = free[free[:, 2] > 48, 3].mean()
    assert early > 2 * late
    # One customer's hazard is flat: the fall is the mixture's.
    one = hazard(PARAMETERS, np.full(60, 0.02), np.ones(60), np.arange(1, 61), np.zeros(60, int), np.zeros(60, bool))
    assert np.ptp(one) == 0


def test_the_opening_base_are_the_survivors_of_beta_cohorts() -> None:
    """Left truncation: of free customers who started a months ago, theta is Beta(alpha, beta + a - 1)."""
    flat = PARAMETERS.hazards.model_copy(update={"behavior": {}, "autopay_multiplier": 1.0})
    parameters = PARAMETERS.model_copy(update={"hazards": flat})
    draws = Draws(1)
    customers = populate(parameters, draws, 0, parameters.customers)
    lifetimes = live(parameters, draws, customers, WINDOW)
    age = WINDOW.first - lifetimes.first.start_month
    old = (customers.market == 0) & (customers.main_family == 0) & (lifetimes.first.term == 0) & (age >= 1)
    alpha, beta = parameters.hazards.beta["consumer/internet/0"]
    expected = alpha / (alpha + beta + age[old] - 1)
    assert np.mean(lifetimes.theta[old]) == pytest.approx(expected.mean(), rel=0.03)
    # Ages fall off as S(age - 1): sBG survival.
    months = np.arange(120)
    curve = np.cumprod(np.r_[1.0, (beta + months[:-1]) / (alpha + beta + months[:-1])])
    assert np.mean(age[old]) == pytest.approx(np.average(months + 1, weights=curve), rel=0.02)


def test_survival_in_closed_form_is_the_product_of_the_hazards() -> None:
    months = np.arange(1, 61)
    for term, renews in ((0, False), (12, False), (12, True), (24, False)):
        theta, one = np.full(60, 0.04), np.ones(60)
        terms, renewing = np.full(60, term), np.full(60, renews)
        by_month = np.cumprod(1 - hazard(PARAMETERS, theta, one, months, terms, renewing))
        assert survival(PARAMETERS, theta, one, months, terms, renewing) == pytest.approx(by_month)


def test_arrivals_win_backs_and_interruptions_happen(base: tuple[Customers, Lifetimes]) -> None:
    _, lifetimes = base
    first, second = lifetimes.spells
    assert np.mean(first.start_month < WINDOW.first) == pytest.approx(0.76, abs=0.02)
    assert (first.start_month > WINDOW.last).any()
    returned = second.exists
    assert 0.002 < returned.mean() < 0.02
    assert (second.start_month[returned] > first.end_month[returned] + 1).all()
    assert (lifetimes.suspended_from < WINDOW.last_day).mean() > 0.005
    assert (lifetimes.dormant_from <= WINDOW.last).mean() > 0.01
    assert (lifetimes.order_date <= np.minimum(first.start_date, WINDOW.last_day)).all()
