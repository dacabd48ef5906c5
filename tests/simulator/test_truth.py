"""The expected future margin is exact: against arithmetic, against chance, against the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from simulator import SimulationParameters
from simulator.contracts import PriceList, sign
from simulator.lifetimes import Lifetimes, Spell, hazard, live
from simulator.months import NEVER, Window
from simulator.population import archetype_names, populate
from simulator.randomness import Draws
from simulator.truth import expected_overage, future_margin, monthly_margin
from simulator.usage import profile

if TYPE_CHECKING:
    from tests.simulator.conftest import Isp

PARAMETERS = SimulationParameters()
FACTOR = 1.1 ** (-1 / 12)


def _lifetimes(theta: list[float], behavior: list[float]) -> Lifetimes:
    size = len(theta)
    never, no = np.full(size, NEVER), np.zeros(size, dtype=bool)
    spell = Spell(never, never, never, never, never, never, no)
    return Lifetimes(np.array(theta), np.array(behavior), spell, spell, never, never, never, never, never, no)


def test_a_constant_hazard_is_a_geometric_series() -> None:
    lifetimes = _lifetimes([0.02], [1.0])
    nothing = np.zeros(1, dtype=int)
    found = future_margin(PARAMETERS, lifetimes, np.array([10.0]), np.zeros((1, 13)), nothing + 5, nothing, nothing > 0)
    ratio = 0.98 * FACTOR
    expected = [10 * ratio * (1 - ratio**months) / (1 - ratio) for months in (12, 36, 240)]
    assert found[0] == pytest.approx(expected)


def test_recursion_agrees_with_brute_force_chance() -> None:
    """Simulate many lives of a few customers; the discounted margins must average to the recursion's."""
    rng = np.random.default_rng(0)
    theta, behavior = [0.05, 0.03, 0.08, 0.02], [1.0, 0.85, 1.25, 0.9]
    spell_month, term = np.array([3, 4, 20, 0]), np.array([0, 12, 24, 24])
    renews = np.array([False, False, False, True])
    margin, discounts = np.array([20.0, 35.0, 15.0, 50.0]), np.zeros((4, 13))
    discounts[1, :7] = 10.0
    lifetimes = _lifetimes(theta, behavior)
    exact = future_margin(PARAMETERS, lifetimes, margin, discounts, spell_month, term, renews)
    lives = 40_000
    alive = np.ones((lives, 4), dtype=bool)
    worth = np.zeros((lives, 4))
    at = {}
    for t in range(1, 241):
        rate = hazard(PARAMETERS, lifetimes.theta, lifetimes.behavior, spell_month + t, term, renews)
        alive &= rng.random((lives, 4)) >= rate
        worth += alive * (margin - (discounts[:, t] if t < 13 else 0)) * FACTOR**t
        at[t] = worth.copy()
    for column, horizon in enumerate((12, 36, 240)):
        error = at[horizon].std(axis=0) / np.sqrt(lives)
        assert (np.abs(at[horizon].mean(axis=0) - exact[:, column]) < 4 * error).all(), horizon


def test_expected_overage_is_the_mean_of_the_excess() -> None:
    rng = np.random.default_rng(0)
    volume = 280 * np.exp(0.13 * rng.standard_normal(400_000) - 0.13**2 / 2)
    expected = np.maximum(volume - 300, 0).mean() * 0.05
    found = expected_overage(np.array([280.0, 280.0]), np.array([300.0, np.nan]), np.array([0.05, 0.0]), 0.13)
    assert found == pytest.approx([expected, 0.0], rel=0.02)


def test_states_agree_with_the_contracts(isp: Isp) -> None:
    """At each month end a customer is open by its dated contract rows if and only if the planted state says so."""
    disagreeing = isp.value(
        """
        with latest as (
            select s.as_of_date, c.*
            from (select distinct as_of_date from true_states) as s
            join contracts as c on c.valid_from_date <= s.as_of_date
            qualify row_number() over (partition by s.as_of_date, c.contract_id order by c.valid_from_date desc) = 1
        ),
        open_customers as (
            select as_of_date, customer_id, bool_or(status = 'suspended') as is_suspended
            from latest
            where start_date <= as_of_date and (end_date is null or end_date > as_of_date)
            group by as_of_date, customer_id
        )
        select count(*)
        from true_states as t left join open_customers as o using (as_of_date, customer_id)
        where (t.state in ('churned', 'pending')) <> (o.customer_id is null)
            or (t.state = 'suspended') <> coalesce(o.is_suspended, false)
        """
    )
    assert disagreeing == 0
    assert isp.value("select count(distinct state) from true_states") == 7
    assert isp.value("select count(distinct as_of_date) from true_states") == 12


def test_every_created_customer_has_a_state_and_only_open_ones_a_future(isp: Isp) -> None:
    missing = """
        select count(*) from customers as c cross join (select distinct as_of_date from true_states) as m
        anti join true_states as t on t.customer_id = c.customer_id and t.as_of_date = m.as_of_date
        where c.created_date <= m.as_of_date
    """
    assert isp.value(missing) == 0
    closed = "state in ('churned', 'pending')"
    assert isp.value(f"select max(abs(expected_future_margin_total)) from true_states where {closed}") == 0
    assert isp.value(f"select min(true_monthly_hazard) from true_states where not {closed}") > 0
    grows = "count(*) filter (expected_future_margin_36m < expected_future_margin_12m and expected_monthly_margin > 1)"
    assert isp.value(f"select {grows} from true_states") == 0


def test_expected_margin_of_the_base_comes_true() -> None:
    """The margins of the next twelve months, of those still there, sum to what was expected of them.

    The expectation holds products and prices as they were; upgrades, cross-selling and the price round make the outcome
    a little higher, plan changes of single large customers move it by a percent or two.
    """
    parameters = SimulationParameters(customers=40_000, months=13)
    window, draws, prices = Window.of(parameters), Draws(5), PriceList.of(parameters)
    customers = populate(parameters, draws, 0, parameters.customers)
    lifetimes = live(parameters, draws, customers, window)
    light = archetype_names(parameters).index("light")
    contracts = sign(parameters, draws, customers, lifetimes, window, prices, light)
    profiles = profile(parameters, draws, customers, lifetimes, contracts, prices)
    first = lifetimes.first
    consumers = customers.is_person & first.open_at_end_of(window.first)

    def margin_in(month: int) -> tuple[np.ndarray, np.ndarray]:
        return monthly_margin(parameters, draws, customers, contracts, profiles, prices, window, month)

    spell_month = window.first - first.start_month
    expected = future_margin(parameters, lifetimes, *margin_in(window.first), spell_month, first.term, first.renews)
    outcome = np.zeros(len(customers))
    for t in range(1, 13):
        margin, discounts = margin_in(window.first + t)
        still_there = first.open_at_end_of(window.first + t)
        outcome += np.where(still_there, (margin - discounts[:, 0]) * FACTOR**t, 0.0)
    assert outcome[consumers].sum() / expected[consumers, 0].sum() == pytest.approx(1.03, abs=0.04)
